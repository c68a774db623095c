// Senders that post without a pause and write down every answer: the history that the checker holds against
// the table. A source has one request open at a time, so its order is defined, except the sources that are
// `parallel`. Thread-safe. The bodies differ from each other in at least an id; one in eight is no JSON at
// all.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/system/raw_client.h"

namespace hookspool::testing {

using Digest = std::array<unsigned char, 32>;  // SHA-256

struct Sent {
  std::uint64_t n = 0;  // the sender's counter, 1, 2, 3, ...
  Outcome outcome = Outcome::kFail;
  int status = 0;
  std::string id;  // of a 2xx
  Digest body_digest{};
};

struct SourceHistory {
  std::string source;
  bool in_order = true;  // one request at a time
  std::vector<Sent> sent;
};

struct LoadOptions {
  int port = 0;
  std::string prefix = "s";  // of the sources' names
  int threads = 2;
  int connections = 8;  // a thread; all of them at work at once
  int parallel = 1;     // the last source of each thread is sent over this many connections at once
  std::size_t filler_bytes_max = 600;
  bool large_bodies = true;            // one in 64 of 60 kB
  std::chrono::milliseconds pause{4};  // after each round of all connections, to leave the machine some room
  std::uint64_t rounds_max = UINT64_MAX;
};

struct LoadCounts {
  std::uint64_t ok = 0;
  std::uint64_t fail = 0;
  std::uint64_t unknown = 0;
  std::uint64_t sent() const { return ok + fail + unknown; }
};

class Load {
 public:
  explicit Load(LoadOptions options);  // begins at once
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  LoadCounts counts() const;
  bool finished() const { return running_ == 0; }  // rounds_max is reached
  // Returns once so many more are acknowledged; false if they are not within `limit`.
  bool wait_acknowledged(std::uint64_t more,
                         std::chrono::milliseconds limit = std::chrono::seconds(30)) const;
  // Ends the senders after their open requests.
  void stop();
  // REQUIRES: stop() or finished()
  std::vector<SourceHistory> take_history();

 private:
  void run(std::size_t thread, std::vector<SourceHistory>& histories);

  const LoadOptions options_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> running_{0};
  std::atomic<std::uint64_t> ok_{0}, fail_{0}, unknown_{0};
  std::vector<std::vector<SourceHistory>> histories_;  // one a thread
  std::vector<std::jthread> threads_;
};

// A body of the given kind. JSON is written as jsonb writes it back, so that it compares byte for byte.
std::string make_body(const std::string& source, std::uint64_t n, std::size_t filler_bytes);
Digest sha256(std::string_view bytes);
std::string hex(const Digest& digest);

}  // namespace hookspool::testing

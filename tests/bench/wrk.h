// Load from wrk (github.com/wg/wrk, Debian's package), one thread of it, closed loop: each connection sends its next request
// when the last one is answered. A script in Lua that is written here gives it its bodies and prints its figures exactly.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/process.h"
#include "tests/support/temp_folder.h"

namespace hookspool::bench {

inline constexpr std::size_t kBodyBytes = 1000;  // of the JSON body that is made here

std::string json_body(std::size_t bytes);

struct LoadOptions {
  int port = 0;
  int connections = 64;
  std::chrono::seconds time{5};
  // Real payloads, one folder an event, each sent in turn with a delivery id of its own to /hooks/github; empty: always the
  // one body of kBodyBytes, to /hooks/bench.
  std::filesystem::path payloads{};
  double pause_ms = 0;  // of each connection before its next request, on the mean
};

// What a sender does beside.
struct LoadSender {
  bool tls = false;
  std::string secret{};  // GitHub's, of a signature of each of LoadOptions::payloads; empty: they have none
};

struct LoadFigures {
  double per_second = 0;  // answers
  double p50_us = 0;
  double p99_us = 0;
  std::uint64_t errors = 0;  // of sockets, time-outs, and answers that are not 2xx or 3xx
};

// What payloads= would find there.
struct PayloadSet {
  std::size_t count = 0;  // 0: the folder is absent, or holds none
  std::size_t mean_bytes = 0;
};
PayloadSet look_at_payloads(const std::filesystem::path& folder);

// Throws std::runtime_error where wrk does not start or does not end as it should.
class LoadRun {
 public:
  explicit LoadRun(const LoadOptions& options) : LoadRun(options, LoadSender{}) {}
  LoadRun(const LoadOptions& options, const LoadSender& sender);  // starts
  LoadFigures finish();                                           // waits for its end

 private:
  std::chrono::seconds time_;
  testing::TempFolder folder_{"hookspool-wrk"};
  std::unique_ptr<testing::Process> process_;
};

inline LoadFigures load(const LoadOptions& options) {
  return LoadRun(options).finish();
}

}  // namespace hookspool::bench

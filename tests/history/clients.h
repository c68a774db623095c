// The senders: 16 clients, each the sender of 8 sources, that go on whatever they are answered and write down every answer.
// A source has one request open at a time, which defines its order, except one in ten, which has four. Bodies are of
// Pareto-distributed sizes; a few deliveries are planted (the tables refuse them) or no HTTP at all; a few are repeated: at
// the same time, later, until they are answered, and the latest one in the agent's next life; every
// so often all send as fast as they can for a while. What is sent depends on the seed alone, when on the machine.
// Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/history/result.h"

namespace hookspool::history {

struct ClientsOptions {
  int port = 0;
  std::filesystem::path
      log_folder{};  // one append-only log a client: each request before it is sent, and its answer
  std::uint64_t seed = 0;
  int clients = 16;
  int sources = 8;                       // of a client; the last of them has a table of its own
  std::chrono::milliseconds pause{200};  // after a round of all connections of a client
  std::chrono::milliseconds burst_pause{20};
  std::chrono::milliseconds burst_every{10'000};
  std::chrono::milliseconds burst_length{3'000};
  std::chrono::milliseconds answer_limit{8'000};
  std::uint64_t planted_in_10000 = 10;
  std::uint64_t repeated_in_10000 = 100;
  std::uint64_t malformed_in_10000 = 50;
};

struct ClientCounts {
  std::uint64_t ok = 0, fail = 0, unknown = 0;
};

std::string source_name(int client, int source);

class Clients {
 public:
  Clients(const ClientsOptions& options, const std::atomic<std::uint64_t>& life);  // begins at once
  ~Clients();
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  ClientCounts counts() const { return {ok_, fail_, unknown_}; }
  bool wait_acknowledged(std::uint64_t more,
                         std::chrono::milliseconds limit = std::chrono::seconds(30)) const;
  // All stop after their open requests and wait, or go on. Returns when it is so.
  void pause();
  void resume() { paused_ = false; }
  // Ends all after their open requests and gives what they were answered.
  std::vector<Send> stop();

 private:
  class Client;
  const ClientsOptions options_;
  const std::atomic<std::uint64_t>& life_;
  std::atomic<bool> stopping_{false}, paused_{false};
  std::atomic<int> at_rest_{0};
  std::atomic<std::uint64_t> ok_{0}, fail_{0}, unknown_{0};
  std::vector<std::vector<Send>> sent_;  // one a client
  std::vector<std::jthread> threads_;
};

}  // namespace hookspool::history

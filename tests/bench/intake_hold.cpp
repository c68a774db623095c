// What thousands of idle connections cost those who behave: the rate of 64 good clients with no other
// there, and with 5,000 connections that say nothing or drip, in turn. Prints each run, the medians, their ratio
// and the memory an idle connection takes.
//
//   intake_hold [useless connections] [rounds] [seconds a run]
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "tests/integration/system/agent_process.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/wait.h"

namespace {

using namespace hookspool::testing;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kGoodClients = 64;
constexpr milliseconds kDrip{2000};  // a byte of each dripping connection
constexpr milliseconds kTick{50};

// Half silent, half dripping; an evicted client comes back at once.
class Useless {
 public:
  Useless(int port, int count) {
    for (int i = 0; i < count; ++i) clients_.emplace_back(port);
    for (std::size_t i = 0; i < clients_.size(); ++i) begin(i);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  std::uint64_t returned() const { return returned_; }

 private:
  void begin(std::size_t i) {
    clients_[i].connect_only();
    if (i % 2 == 0) clients_[i].write_only("POST /hooks/useless HTTP/1.1\r\nHost: a\r\nX: ");
  }
  void run(const std::stop_token& stop) {
    const std::size_t slices = static_cast<std::size_t>(kDrip / kTick);
    for (std::size_t slice = 0; !stop.stop_requested(); slice = (slice + 1) % slices) {
      const auto next = Clock::now() + kTick;
      for (std::size_t i = slice; i < clients_.size(); i += slices) {
        const bool gone = clients_[i].has_ended() || (i % 2 == 0 && !clients_[i].write_only("x"));
        if (!gone) continue;
        clients_[i].close();
        begin(i);
        ++returned_;
      }
      std::this_thread::sleep_until(next);
    }
  }
  std::vector<RawClient> clients_;
  std::atomic<std::uint64_t> returned_{0};
  std::jthread thread_;  // last: it uses the others
};

struct Rate {
  double per_s = 0;
  std::uint64_t failed = 0;
};

Rate measure(int port, std::chrono::duration<double> length) {
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> ok{0}, failed{0};
  const std::string request = post_request("/hooks/good", "Content-Type: application/json\r\n",
                                           "{\"filler\":\"" + std::string(1000, 'x') + "\"}");
  std::vector<std::jthread> threads;
  const auto begin = Clock::now();
  for (int i = 0; i < kGoodClients; ++i) {
    threads.emplace_back([&] {
      RawClient client(port);
      while (!stop) (client.exchange(request).outcome == Outcome::kOk ? ok : failed) += 1;
    });
  }
  std::this_thread::sleep_for(length);
  stop = true;
  threads.clear();
  const std::chrono::duration<double> took = Clock::now() - begin;
  return {static_cast<double>(ok) / took.count(), failed};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int useless_count = argc > 1 ? std::atoi(argv[1]) : 5000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  const std::chrono::duration<double> length(argc > 3 ? std::atof(argv[3]) : 4.0);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  AgentOptions options;
  options.binary = HOOKSPOOL_BINARY;
  options.more_journal = "min_free_bytes = \"16MiB\"\nmax_bytes = \"20GiB\"\n";
  AgentProcess agent(options);
  agent.start();
  measure(agent.intake_port(), length);  // warm
  std::vector<double> alone, held;
  for (int round = 0; round < rounds; ++round) {
    const Rate quiet = measure(agent.intake_port(), length);
    const std::size_t before = agent.resident_bytes();
    const Useless useless(agent.intake_port(), useless_count);
    const Rate crowded = measure(agent.intake_port(), length);
    const std::size_t during = agent.resident_bytes();
    alone.push_back(quiet.per_s);
    held.push_back(crowded.per_s);
    std::printf(
        "alone %8.0f/s   with %d useless connections %8.0f/s   ratio %.3f   (%lld open, %llu came back, "
        "%llu + %llu failed, resident %+.1f MiB)\n",
        quiet.per_s, useless_count, crowded.per_s, crowded.per_s / quiet.per_s,
        agent.health_number("/intake/connections"), static_cast<unsigned long long>(useless.returned()),
        static_cast<unsigned long long>(quiet.failed), static_cast<unsigned long long>(crowded.failed),
        (static_cast<double>(during) - static_cast<double>(before)) / (1 << 20));
    std::fflush(stdout);
  }
  std::printf("medians: alone %.0f/s, held %.0f/s, ratio %.3f\n", median(alone), median(held),
              median(held) / median(alone));
  return 0;
}

// Posts deliveries one after the other at a steady pace, on a thread of its own, and notes what it was answered.
// A delivery that was refused (no process listened, or an answer that is not 2xx) is posted again, as senders do.
// One that was taken and not answered is not: it may be in, and then a second one would be a second event.
// Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/demo/deliveries.h"
#include "tests/integration/system/raw_client.h"

namespace hookspool::demo {

struct Told {
  testing::Outcome outcome = testing::Outcome::kFail;
  std::string id;  // of the acknowledgement
};

class Sender {
 public:
  Sender(const std::vector<Delivery>& deliveries, int port, std::string path, std::string secret,
         int per_second);

  std::size_t sent() const { return sent_; }
  std::size_t acknowledged() const { return acknowledged_; }
  std::size_t unanswered() const { return sent_ - acknowledged_; }
  std::size_t refusals() const { return refusals_; }  // each was posted again

  // Returns once so many are sent; throws std::runtime_error if that takes longer than a minute.
  void wait_sent(std::size_t count) const;
  // What was answered to each delivery. Waits for the end.
  const std::vector<Told>& finish();

 private:
  void run(const std::stop_token& stop, std::chrono::nanoseconds interval);

  const std::vector<Delivery>& deliveries_;
  const int port_;
  const std::string path_, secret_;
  std::atomic<std::size_t> sent_{0}, acknowledged_{0}, refusals_{0};
  std::vector<Told> told_;
  std::jthread thread_;
};

}  // namespace hookspool::demo

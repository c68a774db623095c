#include "tests/demo/sender.h"

#include <stdexcept>
#include <utility>

#include "tests/support/wait.h"

namespace hookspool::demo {
namespace {

constexpr std::chrono::milliseconds kPauseAfterRefusal{50};

}  // namespace

Sender::Sender(const std::vector<Delivery>& deliveries, int port, std::string path, std::string secret,
               int per_second)
    : deliveries_(deliveries),
      port_(port),
      path_(std::move(path)),
      secret_(std::move(secret)),
      told_(deliveries.size()),
      thread_([this, per_second](const std::stop_token& stop) {
        run(stop, std::chrono::nanoseconds(std::chrono::seconds(1)) / per_second);
      }) {}

void Sender::run(const std::stop_token& stop, std::chrono::nanoseconds interval) {
  testing::RawClient client(port_);
  auto next = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < deliveries_.size() && !stop.stop_requested();) {
    const testing::Answer answer = client.exchange(request_of(deliveries_[i], path_, secret_));
    if (answer.outcome == testing::Outcome::kFail) {
      ++refusals_;
      std::this_thread::sleep_for(kPauseAfterRefusal);
      continue;
    }
    told_[i] = {.outcome = answer.outcome, .id = answer.id()};
    if (answer.outcome == testing::Outcome::kOk) ++acknowledged_;
    ++sent_;
    ++i;
    next = std::max(next + interval, std::chrono::steady_clock::now());
    std::this_thread::sleep_until(next);
  }
}

void Sender::wait_sent(std::size_t count) const {
  if (!testing::wait_until(std::chrono::minutes(1), [&] { return sent_ >= count; })) {
    throw std::runtime_error("the agent takes no more webhooks: " + std::to_string(sent_) + " sent, " +
                             std::to_string(refusals_) + " times refused");
  }
}

const std::vector<Told>& Sender::finish() {
  wait_sent(deliveries_.size());
  thread_.join();
  return told_;
}

}  // namespace hookspool::demo

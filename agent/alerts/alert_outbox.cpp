#include "agent/alerts/alert_outbox.h"

#include <algorithm>
#include <utility>

#include "agent/base/backoff.h"

namespace hookspool::agent {

void AlertOutbox::add(Item item, TimePoint now) {
  waiting_.push_back({std::move(item), now});
  if (waiting_.size() <= kWaitingMax) return;
  waiting_.pop_front();
  dropped_ += 1;
}

void AlertOutbox::drop_old(TimePoint now) {
  while (!waiting_.empty() && now - waiting_.front().since >= kAgeMax) {
    waiting_.pop_front();
    dropped_ += 1;
  }
}

std::optional<AlertOutbox::Item> AlertOutbox::next(TimePoint now) {
  drop_old(now);
  if (waiting_.empty() || now < not_before_) return std::nullopt;
  tokens_.fill(kPerMinute / 60, kBurst, now);
  if (!tokens_.take()) {
    not_before_ = now + std::chrono::milliseconds(1'000);
    return std::nullopt;
  }
  return waiting_.front().item;
}

void AlertOutbox::sent(const std::string& id) {
  failures_ = 0;
  not_before_ = {};
  // It may have been dropped for newer ones meanwhile.
  if (!waiting_.empty() && waiting_.front().item.id == id) waiting_.pop_front();
}

void AlertOutbox::failed(TimePoint now, double draw) {
  not_before_ = now + backoff_delay(kBackoffMin, kBackoffMax, failures_, draw);
  failures_ += 1;
  drop_old(now);
}

std::optional<AlertOutbox::TimePoint> AlertOutbox::due() const {
  if (waiting_.empty()) return std::nullopt;
  return not_before_;
}

std::uint64_t AlertOutbox::take_dropped() {
  return std::exchange(dropped_, 0);
}

void AlertOutbox::drop_all() {
  dropped_ += waiting_.size();
  waiting_.clear();
}

}  // namespace hookspool::agent

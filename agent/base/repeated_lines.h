// Lines of the log that what others send can repeat without end, such as one for each dead letter. As in source_log.h each
// reason has a line at once, then counts for kInterval, and one line with the count when that is over.
// Thread-safe: called by working threads, closed by the upkeep. Waits for nothing but its own short lock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace hookspool::agent {

class RepeatedLines {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kInterval{10};
  static constexpr std::size_t kReasonsMax = 8;  // of their own; all further ones share one count

  // "lane shop", "dead letter", "dead letters": a count is logged as "lane shop: 41 more dead letters within 10 s (22P02)".
  RepeatedLines(std::string subject, std::string one, std::string many)
      : subject_(std::move(subject)), one_(std::move(one)), many_(std::move(many)) {}
  ~RepeatedLines();  // logs what was only counted
  RepeatedLines(const RepeatedLines&) = delete;
  RepeatedLines& operator=(const RepeatedLines&) = delete;

  // A warning "subject: text", or one more of its reason. `reason`: short, such as a SQLSTATE.
  void warn(std::string_view reason, std::string_view text, Clock::time_point now = Clock::now());
  // The counts of those intervals that are over.
  void close(Clock::time_point now);
  // All counts, at the end.
  void finish();

 private:
  struct Slot {
    Clock::time_point until{};
    std::uint64_t untold = 0;
  };

  void tell(Clock::time_point now, bool also_open);

  const std::string subject_, one_, many_;
  std::mutex mutex_;
  std::map<std::string, Slot, std::less<>> slots_;  // guarded by mutex_; by reason, kReasonsMax + 1 at most
};

}  // namespace hookspool::agent

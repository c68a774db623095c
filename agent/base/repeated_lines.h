// Lines of the log that clients or outages could repeat without end, such as one for each refused webhook or dead letter.
// The first of a kind is logged at once; the next ones are counted for its interval, and when that is over one line has the
// count. Kinds are counted apart, so none takes the place of another.
// Thread-safe: called by working threads, closed by the upkeep. Waits for nothing but its own short lock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/log.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {

class RepeatedLines {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kInterval{10};
  static constexpr std::size_t kReasonsMax =
      8;  // kinds with a count of their own; all further ones share one

  // A count is logged as "SUBJECT: 41 more MANY within 10 s TAIL, 3 of them MARK".
  struct Kind {
    std::string_view key;        // its name, short, such as a SQLSTATE
    std::string_view one, many;  // what is counted: "dead letter", "dead letters"; must outlive the count
    std::string_view tail{};     // " (22P02)"; the last one counts
    std::string_view mark{};     // what a part of them is; must outlive the count
    std::chrono::seconds interval = kInterval;
    bool is_warning = true;  // else an information
  };

  // With kinds of its own: take() and write().
  explicit RepeatedLines(std::string subject, std::size_t kinds_max = kReasonsMax)
      : subject_(std::move(subject)), kinds_max_(kinds_max) {}
  // With reasons: warn(). "lane shop", "dead letter", "dead letters": a count is logged as "lane shop: 41 more dead letters
  // within 10 s (22P02)".
  RepeatedLines(std::string subject, std::string one, std::string many)
      : subject_(std::move(subject)), one_(std::move(one)), many_(std::move(many)), kinds_max_(kReasonsMax) {}
  ~RepeatedLines();  // logs what was only counted
  RepeatedLines(const RepeatedLines&) = delete;
  RepeatedLines& operator=(const RepeatedLines&) = delete;

  // A warning "subject: text", or one more of its reason.
  void warn(std::string_view reason, std::string_view text, Clock::time_point now = Clock::now());

  // True: the line is to be logged now, by write(). Else it was counted. `marked`: it is one of Kind::mark.
  bool take(const Kind& kind, Clock::time_point now, bool marked = false) EXCLUDES(mutex_);
  void write(const Kind& kind, std::string_view text, LogKeys keys = {}) const;

  // The counts of those intervals that are over.
  void close(Clock::time_point now);
  // All counts, at the end.
  void finish();

 private:
  struct Slot {
    Kind kind{};  // without key and tail
    std::string tail;
    Clock::time_point until{};
    std::uint64_t counted = 0;  // and not logged
    std::uint64_t marked = 0;   // of these
  };
  struct Line {
    bool is_warning;
    std::string text;
  };

  Slot& slot_of(const Kind& kind) REQUIRES(mutex_);
  Line count_of(const Slot& slot) const REQUIRES(mutex_);
  void log_counts(Clock::time_point now, bool also_open) EXCLUDES(mutex_);

  const std::string subject_, one_, many_;
  const std::size_t kinds_max_;
  mutable Mutex mutex_;
  std::map<std::string, Slot, std::less<>> slots_ GUARDED_BY(mutex_);  // by key, kinds_max_ + 1 at most
};

}  // namespace hookspool::agent

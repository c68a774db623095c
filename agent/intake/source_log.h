// What the log says of a source's requests that become no event: refused webhooks by reason, handshakes, 429.
//
// Every client that reaches the listener can cause such lines. So each topic has one line at once, then counts for its
// interval, and one line with the count when that is over; a topic never takes the place of another's.
// Thread-safe: noted by the intake's workers, closed by the upkeep. Waits for nothing but its own short lock.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "net/verify/verifier.h"

namespace hookspool::agent {

class SourceLog {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kInterval{10};
  static constexpr std::chrono::seconds kRateInterval{60};

  enum class Kept { kNotAsked, kQuarantined, kNoRoom };  // what became of a refused webhook

  explicit SourceLog(std::string source) : source_(std::move(source)) {}
  ~SourceLog();  // tells what is untold: of a source that a reload took away, too
  SourceLog(const SourceLog&) = delete;
  SourceLog& operator=(const SourceLog&) = delete;

  // `from`: the peer's address, may be empty. `what` holds nothing that a stranger has written.
  void refused(const net::Verdict& verdict, Kept kept, std::string_view from, Clock::time_point now);
  void handshake_answered(std::string_view from, Clock::time_point now);
  void handshake_refused(std::string_view what, std::string_view from, Clock::time_point now);
  void over_rate(std::size_t rate_max, Clock::time_point now);

  // The counts of those intervals that are over.
  void close(Clock::time_point now);
  // All counts: nothing comes after this.
  void finish();

 private:
  static constexpr std::size_t kMismatches = net::kMismatches;
  enum Topic : std::size_t { kAnswered = kMismatches, kHandshakeRefused, kRate, kTopics };
  struct Slot {
    Clock::time_point until{};
    std::uint64_t untold = 0;
    std::uint64_t quarantined = 0;  // of those
  };

  // Whether this one has a line of its own; else it is counted. `before`: how many were counted since the last line.
  bool take(std::size_t topic, Kept kept, Clock::time_point now, std::uint64_t& before);
  std::string line(std::string_view what, std::string_view from, std::uint64_t before) const;
  void tell(Clock::time_point now, bool also_open);
  std::string summary(std::size_t topic, const Slot& slot) const;

  const std::string source_;
  std::mutex mutex_;
  std::array<Slot, kTopics> slots_{};  // guarded by mutex_
  std::size_t rate_max_ = 0;           // guarded by mutex_: of the last 429
};

}  // namespace hookspool::agent

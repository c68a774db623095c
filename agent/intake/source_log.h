// What the log says of a source's requests that become no event: refused webhooks by reason, handshakes, 429. Every client
// that reaches the listener can cause such lines, so each kind is limited (repeated_lines.h).
//
// Thread-safe: called by the intake's workers, closed by the upkeep. Waits for nothing but a short lock.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "agent/base/repeated_lines.h"
#include "net/verify/verifier.h"

namespace hookspool::agent {

class SourceLog {
 public:
  using Clock = RepeatedLines::Clock;
  static constexpr std::chrono::seconds kRateInterval{60};

  // A request that is logged: the peer's address, may be empty, and the id that its answer has as well.
  struct Request {
    std::string_view from, id;
  };
  enum class Kept { kNotAsked, kQuarantined, kNoRoom };  // what became of a refused webhook

  explicit SourceLog(const std::string& source) : lines_("source " + source, kKindsMax) {}

  // `what` holds nothing that a client has written.
  void refused(const net::Verdict& verdict, Kept kept, const Request& request, Clock::time_point now);
  void handshake_answered(const Request& request, Clock::time_point now);
  void handshake_refused(std::string_view what, const Request& request, Clock::time_point now);
  void over_rate(std::size_t rate_max, const Request& request, Clock::time_point now);

  // The counts of those intervals that are over.
  void close(Clock::time_point now) { lines_.close(now); }
  // All counts: nothing comes after this.
  void finish() { lines_.finish(); }

 private:
  static constexpr std::size_t kKindsMax = net::kMismatches + 3;

  RepeatedLines lines_;
};

}  // namespace hookspool::agent

#include "agent/intake/source_log.h"

#include <utility>
#include <vector>

#include "agent/base/log.h"

namespace hookspool::agent {
namespace {

std::string counted(std::uint64_t count, const char* one, const char* many) {
  return std::to_string(count) + " more " + (count == 1 ? one : many);
}

}  // namespace

bool SourceLog::take(std::size_t topic, Kept kept, Clock::time_point now, std::uint64_t& before) {
  const std::lock_guard lock(mutex_);
  Slot& slot = slots_[topic];
  if (now < slot.until) {
    slot.untold += 1;
    slot.quarantined += kept == Kept::kQuarantined ? 1u : 0u;
    return false;
  }
  before = slot.untold;
  slot = {now + (topic == kRate ? kRateInterval : kInterval)};
  return true;
}

std::string SourceLog::line(std::string_view what, std::string_view from, std::uint64_t before) const {
  return "source " + source_ + ": " + std::string(what) +
         (from.empty() ? std::string() : ", from " + printable(from)) +
         (before == 0 ? "" : " (and " + std::to_string(before) + " others since the last such line)");
}

void SourceLog::refused(const net::Verdict& verdict, Kept kept, std::string_view from,
                        Clock::time_point now) {
  std::uint64_t before = 0;
  if (!take(static_cast<std::size_t>(verdict.mismatch), kept, now, before)) return;
  const char* became = kept == Kept::kQuarantined ? "quarantined a webhook"
                       : kept == Kept::kNoRoom    ? "refused a webhook, which the quarantine had no room for"
                                                  : "refused a webhook";
  log_warn(line(
      std::string(became) + " (" + std::string(net::mismatch_name(verdict.mismatch)) + "): " + verdict.text,
      from, before));
}

void SourceLog::handshake_answered(std::string_view from, Clock::time_point now) {
  std::uint64_t before = 0;
  if (take(kAnswered, Kept::kNotAsked, now, before)) log_info(line("answered a handshake", from, before));
}

void SourceLog::handshake_refused(std::string_view what, std::string_view from, Clock::time_point now) {
  std::uint64_t before = 0;
  if (take(kHandshakeRefused, Kept::kNotAsked, now, before))
    log_warn(line("refused a handshake: " + std::string(what), from, before));
}

void SourceLog::over_rate(std::size_t rate_max, Clock::time_point now) {
  {
    const std::lock_guard lock(mutex_);
    rate_max_ = rate_max;
  }
  std::uint64_t before = 0;
  if (!take(kRate, Kept::kNotAsked, now, before)) return;
  log_warn(line(std::to_string(before + 1) + " answered 429, above max_rate = " + std::to_string(rate_max),
                "", 0));
}

// REQUIRES: mutex_ held
std::string SourceLog::summary(std::size_t topic, const Slot& slot) const {
  const std::string within =
      " within " + std::to_string((topic == kRate ? kRateInterval : kInterval).count()) + " s";
  const std::uint64_t count = slot.untold;
  if (topic == kRate) {
    return counted(count, "was", "were") + " answered 429" + within +
           ", above max_rate = " + std::to_string(rate_max_);
  }
  if (topic == kAnswered) return counted(count, "handshake", "handshakes") + " answered" + within;
  if (topic == kHandshakeRefused) return counted(count, "handshake", "handshakes") + " refused" + within;
  const auto reason = std::string(net::mismatch_name(static_cast<net::Mismatch>(topic)));
  return counted(count, "webhook", "webhooks") + " refused" + within + " (" + reason + ")" +
         (slot.quarantined == 0 ? "" : ", " + std::to_string(slot.quarantined) + " of them quarantined");
}

SourceLog::~SourceLog() {
  try {
    finish();
  } catch (...) {
    // No memory for a line of the log.
  }
}

void SourceLog::close(Clock::time_point now) {
  tell(now, false);
}

void SourceLog::finish() {
  tell(Clock::now(), true);
}

void SourceLog::tell(Clock::time_point now, bool also_open) {
  std::vector<std::pair<std::size_t, std::string>> lines;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t topic = 0; topic < kTopics; ++topic) {
      Slot& slot = slots_[topic];
      if (slot.untold == 0 || (now < slot.until && !also_open)) continue;
      lines.emplace_back(topic, summary(topic, slot));
      slot = {now + (topic == kRate ? kRateInterval : kInterval)};
    }
  }
  for (const auto& [topic, text] : lines) {
    (topic == kAnswered ? log_info : log_warn)("source " + source_ + ": " + text);
  }
}

}  // namespace hookspool::agent

#include "agent/base/repeated_lines.h"

#include <optional>

#include "agent/base/log.h"

namespace hookspool::agent {
namespace {

constexpr std::string_view kOtherReasons = "other reasons";

}  // namespace

RepeatedLines::~RepeatedLines() {
  try {
    finish();
  } catch (...) {
    // No memory for a line of the log.
  }
}

RepeatedLines::Slot& RepeatedLines::slot_of(const Kind& kind) {
  auto found = slots_.find(kind.key);
  const bool is_other = found == slots_.end() && slots_.size() >= kinds_max_;
  if (found == slots_.end())
    found = slots_.try_emplace(std::string(is_other ? kOtherReasons : kind.key)).first;
  Slot& slot = found->second;
  slot.kind = kind;
  slot.kind.key = slot.kind.tail = {};
  if (is_other) {
    slot.tail = " (" + std::string(kOtherReasons) + ")";
  } else if (slot.tail != kind.tail) {
    slot.tail = kind.tail;
  }
  return slot;
}

bool RepeatedLines::take(const Kind& kind, Clock::time_point now, bool marked) {
  std::optional<Line> before;
  {
    const MutexLock lock(mutex_);
    Slot& slot = slot_of(kind);
    if (now < slot.until) {
      slot.counted += 1;
      slot.marked += marked ? 1u : 0u;
      return false;
    }
    if (slot.counted > 0) before = count_of(slot);
    slot.until = now + kind.interval;
    slot.counted = slot.marked = 0;
  }
  if (before) (before->is_warning ? log_warn : log_info)(before->text, {});
  return true;
}

void RepeatedLines::write(const Kind& kind, std::string_view text, LogKeys keys) const {
  (kind.is_warning ? log_warn : log_info)(subject_ + ": " + std::string(text), keys);
}

void RepeatedLines::warn(std::string_view reason, std::string_view text, Clock::time_point now) {
  const std::string tail = reason.empty() ? std::string() : " (" + std::string(reason) + ")";
  const Kind kind{.key = reason, .one = one_, .many = many_, .tail = tail};
  if (take(kind, now)) write(kind, text);
}

RepeatedLines::Line RepeatedLines::count_of(const Slot& slot) const {
  std::string text = subject_ + ": " + std::to_string(slot.counted) + " more " +
                     std::string(slot.counted == 1 ? slot.kind.one : slot.kind.many) + " within " +
                     std::to_string(slot.kind.interval.count()) + " s" + slot.tail;
  if (slot.marked > 0) text += ", " + std::to_string(slot.marked) + " of them " + std::string(slot.kind.mark);
  return {slot.kind.is_warning, std::move(text)};
}

void RepeatedLines::close(Clock::time_point now) {
  log_counts(now, false);
}

void RepeatedLines::finish() {
  log_counts(Clock::now(), true);
}

void RepeatedLines::log_counts(Clock::time_point now, bool also_open) {
  std::vector<Line> lines;
  {
    const MutexLock lock(mutex_);
    for (auto at = slots_.begin(); at != slots_.end();) {
      Slot& slot = at->second;
      if (now < slot.until && !also_open) {
        ++at;
      } else if (slot.counted == 0) {
        at = slots_.erase(at);
      } else {
        lines.push_back(count_of(slot));
        slot.until = now + slot.kind.interval;
        slot.counted = slot.marked = 0;
        ++at;
      }
    }
  }
  for (const Line& line : lines) (line.is_warning ? log_warn : log_info)(line.text, {});
}

}  // namespace hookspool::agent

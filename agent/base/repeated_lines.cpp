#include "agent/base/repeated_lines.h"

#include <utility>
#include <vector>

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

void RepeatedLines::warn(std::string_view reason, std::string_view text, Clock::time_point now) {
  {
    const std::lock_guard lock(mutex_);
    auto slot = slots_.find(reason);
    if (slot == slots_.end()) {
      const bool many = slots_.size() >= kReasonsMax;
      slot = slots_.try_emplace(std::string(many ? kOtherReasons : reason)).first;
    }
    if (now < slot->second.until) {
      slot->second.untold += 1;
      return;
    }
    // What was counted and not yet logged is logged by the next close().
    slot->second.until = now + kInterval;
  }
  log_warn(subject_ + ": " + std::string(text));
}

void RepeatedLines::close(Clock::time_point now) {
  tell(now, false);
}

void RepeatedLines::finish() {
  tell(Clock::now(), true);
}

void RepeatedLines::tell(Clock::time_point now, bool also_open) {
  std::vector<std::string> lines;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = slots_.begin(); at != slots_.end();) {
      auto& [reason, slot] = *at;
      if (now < slot.until && !also_open) {
        ++at;
      } else if (slot.untold == 0) {
        at = slots_.erase(at);
      } else {
        lines.push_back(subject_ + ": " + std::to_string(slot.untold) + " more " +
                        (slot.untold == 1 ? one_ : many_) + " within " + std::to_string(kInterval.count()) +
                        " s" + (reason.empty() ? "" : " (" + reason + ")"));
        slot = {now + kInterval};
        ++at;
      }
    }
  }
  for (const std::string& line : lines) log_warn(line);
}

}  // namespace hookspool::agent

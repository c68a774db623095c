#include "storage/catalogue/late_segments.h"

#include <utility>

#include "storage/catalogue/inspection.h"

namespace hookspool::storage {

void LateSegments::wait_for(std::map<std::uint64_t, std::string> unreadable) {
  const MutexLock lock(mutex_);
  unreadable_ = std::move(unreadable);
}

std::map<std::uint64_t, std::string> LateSegments::unreadable() const {
  const MutexLock lock(mutex_);
  return unreadable_;
}

std::vector<std::string> LateSegments::try_again() {
  const MutexLock trying(trying_);
  std::vector<std::string> notes;
  for (const auto& [number, why] : unreadable()) {
    std::string reason = take(number, notes);
    const MutexLock lock(mutex_);
    if (reason.empty()) {
      unreadable_.erase(number);
    } else if (reason != why) {
      notes.push_back(folder_.segment_file(number).string() + " still cannot be read: " + reason);
      unreadable_[number] = std::move(reason);
    }
  }
  return notes;
}

// What is not simply good is left to the next start: that may set it aside and tells of losses.
std::string LateSegments::take(std::uint64_t number, std::vector<std::string>& notes) {
  Inspected inspected(folder_, number);
  inspect_beginning(folder_, number, inspected);
  make_durable(folder_, inspected);
  if (inspected.condition == Condition::kGood) inspect_contents(vfs_, inspected);
  if (inspected.condition == Condition::kUnreadable) return inspected.why;
  if (inspected.condition != Condition::kGood || inspected.there < inspected.events) {
    return "it can be read again and is not whole: restart hookspool, which takes what is left of it and "
           "says what is lost";
  }
  if (!catalogue_.add_late(inspected.contents))
    return "it can be read again and holds numbers that another segment holds already: restart hookspool, "
           "which sets it aside";
  for (const Cursor& cursor : inspected.cursors)
    catalogue_.confirm(cursor.lane, cursor.epoch, cursor.position, false);
  notes.push_back(folder_.segment_file(number).string() + " can be read now: its " +
                  std::to_string(inspected.events) + " events are in the journal again");
  return {};
}

}  // namespace hookspool::storage

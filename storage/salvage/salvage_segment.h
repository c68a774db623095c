// A segment that salvage makes: complete and durable before it gets its name, in which nothing is ever written again.
//
// Internal to storage/. Not thread-safe. A segment that was not published is discarded at the next opening.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/catalogue/catalogue.h"
#include "storage/file/folder.h"
#include "storage/segment/segment.h"

namespace hookspool::storage {

class SalvageSegment {
 public:
  static JournalResult<std::unique_ptr<SalvageSegment>> begin(const Folder& folder, const std::string& vfs,
                                                              const SegmentIdentity& identity);

  // The number that the lane has in the record of what was acknowledged. Lanes that are not named get one of their
  // own with their first event.
  JournalResult<void> add_lane(const std::string& lane, std::uint32_t number);
  JournalResult<void> add(const StoredEvent& stored);
  JournalResult<void> add(const Cursor& cursor);

  // Writes what is left, leaves no WAL, and closes the file. Then Folder::publish_segment() may follow.
  JournalResult<void> finish();

  // By lane, in the order in which they were added.
  const std::map<std::string, std::vector<std::uint64_t>>& numbers() const { return numbers_; }

 private:
  explicit SalvageSegment(std::unique_ptr<SQLite::Database> database);
  template <class Action>
  JournalResult<void> guarded(const Action& action);

  std::unique_ptr<SQLite::Database> database_;  // before the statements: it outlives them
  std::unique_ptr<SQLite::Statement> insert_event_, insert_lane_, put_cursor_;
  std::map<std::string, std::uint32_t> lanes_;
  std::uint32_t greatest_lane_number_ = 0;
  std::map<std::string, std::vector<std::uint64_t>> numbers_;
  std::size_t group_events_ = 0;
  std::size_t group_bytes_ = 0;
};

}  // namespace hookspool::storage

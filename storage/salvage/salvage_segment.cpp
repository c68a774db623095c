#include "storage/salvage/salvage_segment.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "storage/file/sqlite.h"
#include "storage/segment/packed_body.h"
#include "storage/segment/row.h"

namespace hookspool::storage {
namespace {

// Of one transaction, after which the WAL is copied into the database.
constexpr std::size_t kGroupEventsMax = 4096;
constexpr std::size_t kGroupBytesMax = 8u << 20;

void checkpoint(SQLite::Database& database) {
  const int code =
      sqlite3_wal_checkpoint_v2(database.getHandle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (code != SQLITE_OK) throw SQLite::Exception(database.getHandle(), code);
}

}  // namespace

SalvageSegment::SalvageSegment(std::unique_ptr<SQLite::Database> database)
    : database_(std::move(database)),
      insert_event_(std::make_unique<SQLite::Statement>(*database_, kInsertEventSql)),
      insert_lane_(std::make_unique<SQLite::Statement>(*database_, kInsertLaneSql)),
      put_cursor_(std::make_unique<SQLite::Statement>(*database_, kPutCursorSql)) {}

JournalResult<std::unique_ptr<SalvageSegment>> SalvageSegment::begin(const Folder& folder,
                                                                     const std::string& vfs,
                                                                     const SegmentIdentity& identity) {
  const std::filesystem::path file = folder.new_segment_file(identity.number);
  folder.discard_unfinished(identity.number);
  try {
    if (auto made = make_segment_file(file, vfs, identity); !made) return fail(made.error());
    std::unique_ptr<SalvageSegment> segment(new SalvageSegment(open_writable(file, vfs, false)));
    segment->database_->exec("BEGIN IMMEDIATE");
    return segment;
  } catch (const SQLite::Exception& error) {
    return fail(sqlite_error(error, 0, "making the segment " + file.string()));
  }
}

template <class Action>
JournalResult<void> SalvageSegment::guarded(const Action& action) {
  try {
    action();
    return {};
  } catch (const SQLite::Exception& error) {
    return fail(sqlite_error(error, sqlite3_system_errno(database_->getHandle()),
                             "writing " + database_->getFilename()));
  }
}

JournalResult<void> SalvageSegment::add_lane(const std::string& lane, std::uint32_t number) {
  return guarded([&] {
    insert_lane_->bind(1, number);
    insert_lane_->bindNoCopy(2, lane);
    insert_lane_->exec();
    insert_lane_->reset();
    lanes_[lane] = number;
    greatest_lane_number_ = std::max(greatest_lane_number_, number);
  });
}

JournalResult<void> SalvageSegment::add(const StoredEvent& stored) {
  const std::string& lane = stored.event.lane;
  if (!lanes_.contains(lane)) {
    if (auto added = add_lane(lane, greatest_lane_number_ + 1); !added) return added;
  }
  return guarded([&] {
    const std::string packed = pack_body(stored.event.body);
    bind_row(*insert_event_, lanes_.at(lane), stored, packed);
    insert_event_->exec();
    insert_event_->reset();
    numbers_[lane].push_back(stored.seq);
    group_bytes_ += stored_bytes(stored.event, packed);
    if (++group_events_ < kGroupEventsMax && group_bytes_ < kGroupBytesMax) return;
    database_->exec("COMMIT");
    checkpoint(*database_);
    database_->exec("BEGIN IMMEDIATE");
    group_events_ = group_bytes_ = 0;
  });
}

JournalResult<void> SalvageSegment::add(const Cursor& cursor) {
  return guarded([&] { put_cursor(*put_cursor_, cursor); });
}

JournalResult<void> SalvageSegment::finish() {
  return guarded([&] {
    database_->exec("COMMIT");
    checkpoint(*database_);
    allow_checkpoint_on_close(*database_, true);  // which only takes the empty WAL away
    for (auto* statement : {&insert_event_, &insert_lane_, &put_cursor_}) statement->reset();
    database_.reset();
  });
}

}  // namespace hookspool::storage

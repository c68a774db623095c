#include "storage/catalogue/lane_extent.h"

#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include <algorithm>
#include <vector>

#include "storage/segment/row.h"

namespace hookspool::storage {
namespace {

// From an end of the lane, until a row is intact.
constexpr int kDamagedRowsMax = 256;

struct End {
  std::optional<ReadRow> intact;
  std::vector<std::uint64_t> damaged;  // numbers of the rows before it, from the end on
};

SQLite::Statement select_rows(SQLite::Database& database, const LaneHere& here, const std::string& rest) {
  SQLite::Statement select(
      database, "SELECT " + event_columns(here.format) + " FROM events WHERE key BETWEEN ?1 AND ?2 " + rest);
  select.bind(1, row_key(here.number, 0));
  select.bind(2, row_key(here.number, here.seq_max));
  return select;
}

End look(SQLite::Database& database, const LaneHere& here, const std::string& order) {
  SQLite::Statement select = select_rows(database, here, "ORDER BY key " + order);
  End end;
  for (int i = 0; i < kDamagedRowsMax && select.executeStep(); ++i) {
    ReadRow row = read_row(select, here.lane, here.epoch, here.format);
    if (row.intact) {
      end.intact = std::move(row);
      break;
    }
    end.damaged.push_back(row.stored.seq);
  }
  return end;
}

// Events put back, or admitted from the quarantine, keep their old ids: the newest that got an id of its own lies before them.
Uuid newest_own_id(SQLite::Database& database, const LaneHere& here) {
  SQLite::Statement own = select_rows(database, here, "AND again = 0 ORDER BY key DESC LIMIT 1");
  if (!own.executeStep()) return {};
  const ReadRow row = read_row(own, here.lane, here.epoch, here.format);
  return row.intact ? row.stored.id : Uuid{};
}

void look_at_rows(SQLite::Database& database, const LaneHere& here, LaneExtent& extent) {
  const End last = look(database, here, "DESC");
  if (!last.intact && last.damaged.empty()) return;
  // With no intact row to hold on to, the oldest key of those seen must do.
  std::uint64_t end = last.intact ? last.intact->stored.seq : last.damaged.back();
  extent.there_to = last.intact ? end : 0;
  end = std::max(end, extent.last_seq);
  for (auto seq = last.damaged.rbegin(); seq != last.damaged.rend(); ++seq) {
    if (*seq == end + 1) ++end;
    extent.there_to = std::max(extent.there_to, std::min(*seq, end));
  }
  extent.last_seq = end;
  if (last.intact) {
    const StoredEvent& newest = last.intact->stored;
    extent.newest_received_at_us = newest.event.received_at_us;
    extent.greatest_id = newest.event.has_preassigned_id() ? newest_own_id(database, here) : newest.id;
  }

  const End first = look(database, here, "ASC");
  if (first.intact && first.damaged.empty() && !first.intact->stored.event.has_preassigned_id())
    extent.first_id = first.intact->stored.id;
  if (extent.first_seq != 0) return;  // the record knows
  std::uint64_t begin = first.intact ? first.intact->stored.seq : first.damaged.back();
  for (auto seq = first.damaged.rbegin(); seq != first.damaged.rend(); ++seq) {
    if (*seq + 1 == begin) --begin;
  }
  extent.first_seq = std::min(begin, extent.last_seq);
}

}  // namespace

std::optional<LaneExtent> find_extent(SQLite::Database& database, const LaneHere& here,
                                      const AckedLane* acked) {
  LaneExtent extent;
  if (acked != nullptr) {
    extent.first_seq = acked->first_seq;
    extent.last_seq = acked->last_seq;
  }
  try {
    look_at_rows(database, here, extent);
  } catch (const SQLite::Exception& error) {
    if (acked == nullptr || error.getErrorCode() != SQLITE_CORRUPT) throw;
    // Which rows can still be read shows when they are read.
    extent.there_to = extent.last_seq;
  }
  if (extent.last_seq == 0) return std::nullopt;
  return extent;
}

}  // namespace hookspool::storage

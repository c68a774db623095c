#include "storage/catalogue/inspection.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "storage/base/fd.h"
#include "storage/catalogue/lane_extent.h"
#include "storage/file/open_file.h"
#include "storage/file/sqlite.h"
#include "storage/file/write_back.h"
#include "storage/segment/row.h"

namespace hookspool::storage {
namespace {

std::uint32_t big_endian(const std::array<unsigned char, 100>& header, std::size_t at) {
  return static_cast<std::uint32_t>(header[at]) << 24 | static_cast<std::uint32_t>(header[at + 1]) << 16 |
         static_cast<std::uint32_t>(header[at + 2]) << 8 | header[at + 3];
}

void add_lane(SQLite::Database& database, std::uint32_t number, const std::string& lane,
              const AckedLane* acked, Inspected& result) {
  SegmentContents& contents = result.contents;
  const std::uint64_t seq_max = result.acked && result.acked->complete ? acked->last_seq : kSeqMax;
  const std::optional<LaneExtent> extent =
      find_extent(database, {number, lane, contents.epoch, contents.file->format, seq_max}, acked);
  if (!extent) return;
  // An altered id must not push all later ones into the far future.
  if (!extent->first_id.is_nil() && contents.greatest_id > extent->first_id) contents.greatest_id = Uuid{};
  result.greatest_own_id = std::max(result.greatest_own_id, extent->greatest_id);
  contents.newest_received_at_us =
      result.events == 0 ? extent->newest_received_at_us
                         : std::max(contents.newest_received_at_us, extent->newest_received_at_us);
  contents.lanes.push_back({lane, number, extent->first_seq, extent->last_seq});
  result.ids[number] = {extent->first_id, extent->greatest_id};
  if (extent->there_to < extent->last_seq) contents.file->lost_from[number] = extent->there_to + 1;
  result.events += extent->last_seq - extent->first_seq + 1;
  result.there += std::max(extent->there_to + 1, extent->first_seq) - extent->first_seq;
}

Uuid read_meta(SQLite::Database& database, const char* key) {
  SQLite::Statement select(database, "SELECT value FROM meta WHERE key = ?");
  select.bind(1, key);
  return select.executeStep() ? uuid_column(select, 0) : Uuid{};
}

void inspect_tables(SQLite::Database& database, Inspected& result) {
  SegmentContents& contents = result.contents;
  contents.epoch = read_meta(database, "epoch");
  contents.greatest_id = result.greatest_id_before = read_meta(database, "greatest_id");
  std::map<std::uint32_t, std::string> names;
  std::map<std::uint32_t, const AckedLane*> acked;
  SQLite::Statement lanes(database, "SELECT number, name FROM lanes ORDER BY number");
  const bool complete = result.acked && result.acked->complete;
  while (!complete && lanes.executeStep())
    names[lanes.getColumn(0).getUInt()] = lanes.getColumn(1).getString();
  // The record has a checksum, and is right where the tables say something else.
  if (result.acked) contents.epoch = result.acked->epoch;
  if (result.acked) {
    for (const AckedLane& lane : result.acked->lanes) {
      names[lane.number] = lane.lane;
      acked[lane.number] = &lane;
    }
  }
  SQLite::Statement salvaged(database, "SELECT 1 FROM meta WHERE key = 'salvaged'");
  contents.salvaged = salvaged.executeStep();
  if (contents.epoch.is_nil()) {
    result.condition = Condition::kDamaged;
    result.why = "it names no epoch";
    return;
  }
  for (const auto& [number, name] : names) {
    const auto found = acked.find(number);
    add_lane(database, number, name, found == acked.end() ? nullptr : found->second, result);
  }
  contents.greatest_id = std::max(contents.greatest_id, result.greatest_own_id);
  SQLite::Statement cursors(database, "SELECT epoch, lane, seq, id FROM cursors");
  while (cursors.executeStep()) {
    const auto seq = static_cast<std::uint64_t>(cursors.getColumn(2).getInt64());
    result.cursors.push_back(
        {uuid_column(cursors, 0), cursors.getColumn(1).getString(), Position{seq, uuid_column(cursors, 3)}});
  }
  if (result.events == 0) result.condition = Condition::kEmpty;
}

void inspect_contents_once(const std::string& vfs, Inspected& result) {
  const std::filesystem::path& file = result.contents.file->path;
  try {
    const std::unique_ptr<SQLite::Database> database = open_read_only(file, vfs, false);
    inspect_tables(*database, result);
  } catch (const SQLite::Exception& error) {
    result.condition = cannot_be_read_now(error) ? Condition::kUnreadable : Condition::kDamaged;
    result.why = sqlite_error(error, 0, "reading it").text;
  }
}

// A file's time of writing is the wall clock's word, as the ids in it are.
constexpr std::uint64_t kWrittenMarginMs = 60'000;

}  // namespace

Inspected::Inspected(const Folder& folder, std::uint64_t number) {
  contents.file = std::make_shared<SegmentFile>(number, folder.segment_file(number), false);
}

void inspect_beginning(const Folder& folder, std::uint64_t number, Inspected& result) {
  const auto unreadable = [&](const std::filesystem::path& file, const std::string& why) {
    result.condition = Condition::kUnreadable;
    result.why = file.filename().string() + ": " + why;
  };
  int system_errno = 0;
  auto acked = read_acked(folder.acked_file(number), number, &system_errno);
  result.acked_unknown = !acked;
  if (acked) result.acked = std::move(*acked);
  if (result.acked && result.acked->too_new) {
    result.condition = Condition::kTooNew;
    result.why =
        folder.acked_file(number).string() + ": it is of a version that this hookspool does not know";
    return;
  }
  // Without rights or descriptors it may be read in a moment; a bad sector stays, and the segment can do without.
  if (!acked && system_errno != EIO) return unreadable(folder.acked_file(number), acked.error().text);
  const std::filesystem::path& file = result.contents.file->path;
  const auto wal_bytes = known_bytes(file.string() + "-wal");
  if (!wal_bytes) return unreadable(file.string() + "-wal", "its size cannot be asked for");
  result.had_wal = *wal_bytes > 0;
  inspect_header(file, result);
  if (result.condition == Condition::kTooNew) result.why = file.string() + ": " + result.why;
}

Uuid greatest_id_unread(const Inspected& inspected) {
  if (inspected.acked && !inspected.acked->greatest_id.is_nil()) return inspected.acked->greatest_id;
  const std::filesystem::path& file = inspected.contents.file->path;
  return greatest_id_written({file, file.string() + "-wal"});
}

Uuid greatest_id_written(const std::vector<std::filesystem::path>& files) {
  std::int64_t written_s = 0;
  for (const std::filesystem::path& file : files) {
    struct stat status {};
    if (::stat(file.c_str(), &status) == 0)
      written_s = std::max<std::int64_t>(written_s, status.st_mtim.tv_sec);
  }
  if (written_s == 0) return {};
  return first_uuid_of(static_cast<std::uint64_t>(written_s) * 1000 + kWrittenMarginMs);
}

void inspect_header(const std::filesystem::path& file, Inspected& result) {
  std::array<unsigned char, 100> header{};
  const Fd fd(open_regular(file, O_RDONLY));
  const ssize_t size = fd.is_open() ? ::pread(fd.get(), header.data(), header.size(), 0) : -1;
  const int error = errno;
  const auto judge = [&](Condition condition, std::string why) {
    result.condition = condition;
    result.why = std::move(why);
  };
  if (size < 0 && error == ELOOP) return judge(Condition::kDamaged, "it is a symbolic link");
  if (size < 0) return judge(Condition::kUnreadable, open_failure(error));
  if (size == 0 && !result.had_wal) return judge(Condition::kEmpty, "");
  if (size < static_cast<ssize_t>(header.size()) || std::memcmp(header.data(), "SQLite format 3", 16) != 0) {
    return judge(Condition::kDamaged, "it is not an SQLite database");
  }
  if (result.acked && result.acked->format <= kFormatVersion) {
    // Its own checksum proves what it says of the segment; these fields here have none.
    result.contents.file->format = result.acked->format;
    return;
  }
  if (big_endian(header, 68) != static_cast<std::uint32_t>(kApplicationId)) {
    return judge(Condition::kDamaged, "it is not a segment of hookspool");
  }
  const std::uint32_t version = big_endian(header, 60);
  if (version > static_cast<std::uint32_t>(kFormatVersion)) {
    return judge(Condition::kTooNew, "its format is version " + std::to_string(version) +
                                         ", and this hookspool knows them up to " +
                                         std::to_string(kFormatVersion));
  }
  if (version < 1) return judge(Condition::kDamaged, "it has no format version");
  result.contents.file->format = static_cast<std::int32_t>(version);
}

// Pages that a checkpoint copied into the database count only without a WAL, and the WAL goes only after they were synced.
// The record may say less than what was acknowledged, so it is not in the way.
void make_durable(const Folder& folder, Inspected& result) {
  if (result.condition != Condition::kGood || !result.had_wal) return;
  const SegmentFile& file = *result.contents.file;
  if (const auto written = write_back(file.path.string() + "-wal"); !written) {
    result.condition = Condition::kUnreadable;
    result.why = written.error().text;
    return;
  }
  if (result.acked) (void)write_back(folder.acked_file(file.number));
}

// SQLite calls a failed read a corruption (SQLITE_IOERR_CORRUPTFS becomes SQLITE_CORRUPT). Only what is found again
// on a disk that gives every byte is one.
void inspect_contents(const std::string& vfs, Inspected& result) {
  const std::filesystem::path& file = result.contents.file->path;
  result.contents.bytes = file_bytes(file) + file_bytes(file.string() + "-wal");
  const Inspected before = result;
  inspect_contents_once(vfs, result);
  if (result.condition != Condition::kDamaged) return;
  result = before;
  inspect_contents_once(vfs, result);
  if (result.condition != Condition::kDamaged) return;
  if (!can_be_read(file.string()) || !can_be_read(file.string() + "-wal"))
    result.condition = Condition::kUnreadable;
}

void go_by_the_record(Inspected& result, bool lost) {
  SegmentContents& contents = result.contents;
  contents.epoch = result.acked->epoch;
  contents.lanes.clear();
  contents.bytes = 0;
  result.events = 0;
  for (const AckedLane& lane : result.acked->lanes) {
    contents.lanes.push_back({lane.lane, lane.number, lane.first_seq, lane.last_seq});
    if (lost) contents.file->lost_from[lane.number] = lane.first_seq;
    result.events += lane.last_seq - lane.first_seq + 1;
  }
}

bool was_refused_whole(const Inspected& inspected) {
  return knows_of_none(inspected) && inspected.acked->complete;
}

bool knows_of_none(const Inspected& inspected) {
  return inspected.acked && inspected.acked->lanes.empty();
}

std::optional<bool> wal_has_commit(const std::string& wal) {
  constexpr std::uint64_t kWalHeaderBytes = 32;
  constexpr std::uint64_t kFrameBytes = 24 + 4096;
  const std::uint64_t size = file_bytes(wal);
  const Fd fd(open_regular(wal, O_RDONLY));
  if (!fd.is_open()) return errno == ENOENT ? std::optional(false) : std::nullopt;
  std::optional<bool> found = false;
  for (std::uint64_t at = kWalHeaderBytes; found == false && at + kFrameBytes <= size; at += kFrameBytes) {
    std::array<unsigned char, 8> page_and_commit{};
    if (::pread(fd.get(), page_and_commit.data(), page_and_commit.size(), static_cast<off_t>(at)) != 8) {
      found = std::nullopt;
    } else {
      found = std::any_of(page_and_commit.begin() + 4, page_and_commit.end(),
                          [](unsigned char byte) { return byte != 0; });
    }
  }
  return found;
}

bool looks_like_segment(const std::filesystem::path& file) {
  Inspected inspected;
  inspected.contents.file = std::make_shared<SegmentFile>(0, file, false);
  inspect_header(file, inspected);
  return inspected.condition == Condition::kGood;
}

}  // namespace hookspool::storage

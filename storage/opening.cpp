#include "storage/opening.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <system_error>
#include <utility>

#include "storage/row.h"
#include "storage/sqlite.h"

namespace hookspool::storage {
namespace {

constexpr std::string_view kGreatestIdName = "greatest-id";

enum class Condition {
  kGood,
  kEmpty,    // holds no event
  kDamaged,  // what is in it cannot be trusted
  kTooNew,
  kUnreadable,  // the disk does not give it at the moment; nothing is known about what is in it
};

struct Inspected {
  Condition condition = Condition::kGood;
  std::string why;
  SegmentContents contents;
  std::vector<Cursor> cursors;
  std::uint64_t events = 0;
  bool had_wal = false;
};

std::uint32_t big_endian(const std::array<unsigned char, 100>& header, std::size_t at) {
  return static_cast<std::uint32_t>(header[at]) << 24 | static_cast<std::uint32_t>(header[at + 1]) << 16 |
         static_cast<std::uint32_t>(header[at + 2]) << 8 | header[at + 3];
}

// Reads the file's first bytes without SQLite (sqlite.org/fileformat2.html section 1.3), which would begin to
// recover it. No connection has it open yet, so closing the descriptor drops no lock.
void inspect_header(const std::filesystem::path& file, Inspected& result) {
  std::array<unsigned char, 100> header{};
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  const ssize_t size = fd < 0 ? -1 : ::pread(fd, header.data(), header.size(), 0);
  const int error = errno;
  if (fd >= 0) ::close(fd);
  const auto judge = [&](Condition condition, std::string why) {
    result.condition = condition;
    result.why = std::move(why);
  };
  if (size < 0 && error == ELOOP) return judge(Condition::kDamaged, "it is a symbolic link");
  if (size < 0) return judge(Condition::kUnreadable, std::generic_category().message(error));
  if (size == 0 && !result.had_wal) return judge(Condition::kEmpty, "");
  if (size < static_cast<ssize_t>(header.size()) || std::memcmp(header.data(), "SQLite format 3", 16) != 0) {
    return judge(Condition::kDamaged, "it is not an SQLite database");
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

// The lane's first and last number in this segment, found by their keys without looking at the rows between.
void inspect_lane(SQLite::Database& database, std::uint32_t number, const std::string& lane,
                  Inspected& result) {
  SegmentContents& contents = result.contents;
  const std::int32_t format = contents.file->format;
  const std::string select = "SELECT " + event_columns(format) + " FROM events WHERE key BETWEEN ?1 AND ?2 ";
  const std::string range = select + "ORDER BY key ";
  SQLite::Statement first(database, range + "ASC LIMIT 1");
  SQLite::Statement last(database, range + "DESC LIMIT 1");
  for (SQLite::Statement* statement : {&first, &last}) {
    statement->bind(1, row_key(number, 0));
    statement->bind(2, row_key(number, kSeqMax));
  }
  if (!first.executeStep() || !last.executeStep()) return;
  const ReadRow newest = read_row(last, lane, contents.epoch, format);
  const std::uint64_t first_seq = key_seq(first.getColumn(0).getInt64());
  contents.newest_received_at_us =
      result.events == 0 ? newest.stored.event.received_at_us
                         : std::max(contents.newest_received_at_us, newest.stored.event.received_at_us);
  // An altered id must not push all later ones into the far future.
  if (newest.intact && newest.stored.event.again.is_nil()) {
    contents.greatest_id = std::max(contents.greatest_id, newest.stored.id);
  } else if (newest.intact) {
    // Events put back keep their old ids: the newest that got an id of its own lies before them.
    SQLite::Statement own(database, select + "AND again = 0 ORDER BY key DESC LIMIT 1");
    own.bind(1, row_key(number, 0));
    own.bind(2, row_key(number, kSeqMax));
    if (own.executeStep()) {
      const ReadRow row = read_row(own, lane, contents.epoch, format);
      if (row.intact) contents.greatest_id = std::max(contents.greatest_id, row.stored.id);
    }
  }
  contents.lanes.push_back({lane, number, first_seq, newest.stored.seq});
  result.events += newest.stored.seq - first_seq + 1;
}

Uuid read_meta(SQLite::Database& database, const char* key) {
  SQLite::Statement select(database, "SELECT value FROM meta WHERE key = ?");
  select.bind(1, key);
  return select.executeStep() ? uuid_column(select, 0) : Uuid{};
}

void inspect_tables(SQLite::Database& database, Inspected& result) {
  SegmentContents& contents = result.contents;
  contents.epoch = read_meta(database, "epoch");
  contents.greatest_id = read_meta(database, "greatest_id");
  if (contents.epoch.is_nil()) {
    result.condition = Condition::kDamaged;
    result.why = "it names no epoch";
    return;
  }
  SQLite::Statement lanes(database, "SELECT number, name FROM lanes ORDER BY number");
  while (lanes.executeStep()) {
    inspect_lane(database, lanes.getColumn(0).getUInt(), lanes.getColumn(1).getString(), result);
  }
  SQLite::Statement cursors(database, "SELECT epoch, lane, seq, id FROM cursors");
  while (cursors.executeStep()) {
    const auto seq = static_cast<std::uint64_t>(cursors.getColumn(2).getInt64());
    result.cursors.push_back(
        {uuid_column(cursors, 0), cursors.getColumn(1).getString(), Position{seq, uuid_column(cursors, 3)}});
  }
  if (result.events == 0) result.condition = Condition::kEmpty;
}

void inspect_contents(const std::string& vfs, Inspected& result) {
  SegmentContents& contents = result.contents;
  const std::filesystem::path& file = contents.file->path;
  contents.bytes = file_bytes(file) + file_bytes(file.string() + "-wal");
  try {
    const std::unique_ptr<SQLite::Database> database = open_read_only(file, vfs, false);
    inspect_tables(*database, result);
  } catch (const SQLite::Exception& error) {
    const JournalError what = sqlite_error(error, 0, "reading it");
    // A disk that does not answer, or no memory, says nothing about the file: it stays where it is.
    const int code = error.getErrorCode();
    const bool says_nothing = code == SQLITE_IOERR || code == SQLITE_CANTOPEN || code == SQLITE_NOMEM ||
                              code == SQLITE_BUSY || code == SQLITE_PERM || code == SQLITE_FULL;
    result.condition = says_nothing ? Condition::kUnreadable : Condition::kDamaged;
    result.why = what.text;
  }
}

// Whether the WAL holds the last frame of a transaction, page and all (sqlite.org/fileformat2.html section
// 4), accepted by SQLite or not. Frames are written in order, so a crash alone never leaves that without the
// rest.
bool wal_has_commit(const std::string& wal) {
  constexpr std::uint64_t kWalHeaderBytes = 32;
  constexpr std::uint64_t kFrameBytes = 24 + 4096;
  const std::uint64_t size = file_bytes(wal);
  const int fd = ::open(wal.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return size > 0;
  bool found = false;
  for (std::uint64_t at = kWalHeaderBytes; !found && at + kFrameBytes <= size; at += kFrameBytes) {
    std::array<unsigned char, 8> page_and_commit{};
    found = ::pread(fd, page_and_commit.data(), page_and_commit.size(), static_cast<off_t>(at)) != 8 ||
            std::any_of(page_and_commit.begin() + 4, page_and_commit.end(),
                        [](unsigned char byte) { return byte != 0; });
  }
  ::close(fd);
  return found;
}

class Stocktaking {
 public:
  Stocktaking(const Folder& folder, const std::string& vfs, Catalogue& catalogue)
      : folder_(folder), vfs_(vfs), catalogue_(catalogue) {}

  JournalResult<Found> run() {
    const JournalResult<Folder::Listing> listing = folder_.list();
    if (!listing) return fail(listing.error());
    found_.greatest_number = listing->greatest_number;
    if (auto read = inspect_headers(*listing); !read) return fail(read.error());
    if (auto kept = read_greatest_id(); !kept) return fail(kept.error());
    if (auto finished = finish_interrupted(*listing); !finished) return fail(finished.error());
    for (auto& [number, inspected] : inspected_) {
      if (auto taken = take(number, inspected); !taken) return fail(taken.error());
    }
    if (auto removed = remove_empty(); !removed) return fail(removed.error());
    for (const Cursor& cursor : cursors_) catalogue_.set_cursor(cursor);
    return std::move(found_);
  }

 private:
  // All headers are read before anything is changed: an older hookspool leaves a newer journal as it was.
  JournalResult<void> inspect_headers(const Folder::Listing& listing) {
    for (const auto& [number, names] : listing.segments) {
      if (!names.db) continue;
      Inspected inspected;
      const std::filesystem::path file = folder_.segment_file(number);
      inspected.contents.file = std::make_shared<SegmentFile>(number, file, false);
      inspected.had_wal = file_bytes(file.string() + "-wal") > 0;
      inspect_header(file, inspected);
      if (inspected.condition == Condition::kTooNew) {
        return fail(JournalError{JournalError::Kind::kTooNew,
                                 file.string() + ": " + inspected.why +
                                     ". Nothing in the journal was changed; install the newer hookspool "
                                     "again, which wrote it and can deliver it"});
      }
      inspected_.emplace(number, std::move(inspected));
    }
    return {};
  }

  JournalResult<void> read_greatest_id() {
    const auto text = folder_.read_text(kGreatestIdName);
    if (!text) return fail(text.error());
    if (!text->has_value()) return {};
    const std::optional<Uuid> id = Uuid::parse(std::string_view(**text).substr(0, 36));
    if (id) {
      found_.greatest_id = *id;
    } else {
      found_.notes.push_back(
          (folder_.path() / kGreatestIdName).string() +
          " holds no id; should the clock have stepped back, new ids may sort before old ones");
    }
    return {};
  }

  JournalResult<void> finish_interrupted(const Folder::Listing& listing) {
    for (const auto& [number, names] : listing.segments) {
      if (names.dropped) {
        if (auto removed = folder_.remove_dropped(number); !removed) return removed;
      } else if (!names.db && names.wal && file_bytes(folder_.segment_file(number).string() + "-wal") > 0) {
        const JournalResult<std::string> aside = folder_.set_aside(number);
        if (!aside) return fail(aside.error());
        found_.notes.push_back(folder_.segment_file(number).string() + " is gone, its WAL is not: kept as " +
                               *aside);
      } else if (!names.db) {
        folder_.discard_segment(number);
      }
    }
    return {};
  }

  JournalResult<void> take(std::uint64_t number, Inspected& inspected) {
    const std::string path = folder_.segment_file(number).string();
    if (inspected.condition == Condition::kGood && inspected.had_wal) sync_wal(path);
    if (inspected.condition == Condition::kGood) inspect_contents(vfs_, inspected);
    if (inspected.condition == Condition::kGood && !catalogue_.add_closed(inspected.contents)) {
      inspected.condition = Condition::kDamaged;
      inspected.why = "it holds numbers that an earlier segment holds already, like a copy";
    }
    if (inspected.condition == Condition::kEmpty && inspected.cursors.empty() &&
        wal_has_commit(path + "-wal")) {
      inspected.condition = Condition::kDamaged;
      inspected.why = "its WAL holds transactions that cannot be read";
    }
    switch (inspected.condition) {
      case Condition::kGood:
        if (inspected.had_wal) {
          found_.notes.push_back(path + " was not closed cleanly; its " + std::to_string(inspected.events) +
                                 " events were recovered");
        }
        break;
      case Condition::kEmpty:
        empty_.push_back(number);
        break;
      case Condition::kDamaged: {
        const JournalResult<std::string> aside = folder_.set_aside(number);
        if (!aside) return fail(aside.error());
        found_.notes.push_back(
            path + " cannot be used: " + inspected.why + ". It was kept as " + *aside +
            "; events in it that were not delivered yet are missing until they are salvaged");
        return {};
      }
      case Condition::kUnreadable:
        found_.notes.push_back(
            path + " cannot be read: " + inspected.why +
            ". It was left as it is; its events are not delivered until an opening can read it");
        return {};
      case Condition::kTooNew:
        return {};  // cannot be: inspect_headers() ended the opening
    }
    found_.greatest_id = std::max(found_.greatest_id, inspected.contents.greatest_id);
    std::move(inspected.cursors.begin(), inspected.cursors.end(), std::back_inserter(cursors_));
    return {};
  }

  // A killed process may have written a transaction and not synced it. This life will deliver what it reads
  // there, so it makes it durable first.
  void sync_wal(const std::string& path) {
    if (const auto synced = folder_.sync_file(path + "-wal"); !synced)
      found_.notes.push_back(synced.error().text);
  }

  // Segments without events go, but not before what they alone knew is kept elsewhere.
  JournalResult<void> remove_empty() {
    const bool covered = std::any_of(inspected_.begin(), inspected_.end(), [&](const auto& entry) {
      return entry.second.condition == Condition::kGood &&
             entry.second.contents.greatest_id >= found_.greatest_id;
    });
    if (!empty_.empty() && !covered && !found_.greatest_id.is_nil()) {
      if (auto kept = keep_greatest_id(folder_, found_.greatest_id); !kept) return kept;
    }
    for (const std::uint64_t number : empty_) {
      if (auto marked = folder_.mark_dropped(number); !marked) return marked;
      if (auto removed = folder_.remove_dropped(number); !removed) return removed;
    }
    return {};
  }

  const Folder& folder_;
  const std::string& vfs_;
  Catalogue& catalogue_;
  std::map<std::uint64_t, Inspected> inspected_;
  std::vector<Cursor> cursors_;
  std::vector<std::uint64_t> empty_;
  Found found_;
};

}  // namespace

JournalResult<Found> take_stock(const Folder& folder, const std::string& vfs, Catalogue& catalogue) {
  return Stocktaking(folder, vfs, catalogue).run();
}

JournalResult<void> keep_greatest_id(const Folder& folder, const Uuid& id) {
  return folder.write_text(kGreatestIdName, id.to_string() + "\n");
}

}  // namespace hookspool::storage

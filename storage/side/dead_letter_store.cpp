#include "storage/side/dead_letter_store.h"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <atomic>
#include <utility>

#include "storage/side/side_file.h"

namespace hookspool::storage {
namespace {

constexpr const char* kName = "dead-letters";
constexpr std::int32_t kStoreId = 0x686b646c;  // "hkdl"
constexpr std::int32_t kStoreVersion = 1;
// Without `body` last, which list() leaves out.
constexpr const char* kColumns =
    "id, epoch, seq, lane, received_at, failed_at, sqlstate, message, request, body_bytes, put_back";

DeadLetter letter_of(SQLite::Statement& row) {
  DeadLetter letter;
  letter.id = uuid_column(row, 0);
  letter.epoch = uuid_column(row, 1);
  letter.seq = static_cast<std::uint64_t>(row.getColumn(2).getInt64());
  letter.lane = row.getColumn(3).getString();
  letter.received_at_us = row.getColumn(4).getInt64();
  letter.failed_at_us = row.getColumn(5).getInt64();
  letter.sqlstate = row.getColumn(6).getString();
  letter.message = row.getColumn(7).getString();
  letter.request = row.getColumn(8).getString();
  letter.body_bytes = static_cast<std::uint64_t>(row.getColumn(9).getInt64());
  letter.put_back = row.getColumn(10).getInt() != 0;
  return letter;
}

constexpr std::size_t kRowBytes = 256;  // ids, times, numbers, and SQLite's own
constexpr const char* kTextBytesSql =
    "length(CAST(lane AS BLOB)) + length(CAST(message AS BLOB)) + length(CAST(request AS BLOB)) + 256";
// So that it is not trimmed with every letter from then on.
constexpr std::size_t kTrimShare = 8;

std::size_t text_bytes(const DeadLetter& letter) {
  return letter.lane.size() + letter.message.size() + letter.request.size() + kRowBytes;
}

// The first part of a text that is too long, without half a character at its end.
std::string shortened(const std::string& text) {
  if (text.size() <= DeadLetterStore::kMessageBytesMax) return text;
  std::size_t size = DeadLetterStore::kMessageBytesMax;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0u) == 0x80u) --size;
  return text.substr(0, size) + " ...";
}

constexpr const char* kSchema =
    "CREATE TABLE letters (id BLOB PRIMARY KEY, epoch BLOB NOT NULL, seq INTEGER NOT NULL,"
    " lane TEXT NOT NULL, received_at INTEGER NOT NULL, failed_at INTEGER NOT NULL,"
    " sqlstate TEXT NOT NULL, message TEXT NOT NULL, request TEXT NOT NULL,"
    " body_bytes INTEGER NOT NULL, put_back INTEGER NOT NULL, body BLOB) WITHOUT ROWID";

}  // namespace

class DeadLetterStore::Impl {
 public:
  Impl(const std::filesystem::path& folder, Limits limits)
      : limits_(limits),
        file_(folder,
              {kName, kStoreId, kStoreVersion, kSchema,
               // One connection and rare, small changes: a rollback journal leaves no second file behind.
               [](SQLite::Database& database) { database.exec("PRAGMA journal_mode=DELETE"); },
               [this](SQLite::Database& database) {
                 recount(database);
                 recount_text(database);
               }}) {}

  JournalResult<void> open(std::vector<std::string>& notes) {
    return file_.open(notes, "; PostgreSQL has the dead letters, and the list fills again from there");
  }

  template <class Work>
  auto run(const char* attempted, Work work) {
    return file_.run(attempted, std::move(work));
  }

  void recount(SQLite::Database& database) {
    count_ = static_cast<std::uint64_t>(database.execAndGet("SELECT count(*) FROM letters").getInt64());
  }

  void recount_text(SQLite::Database& database) {
    text_bytes_ = static_cast<std::uint64_t>(
        database.execAndGet(std::string("SELECT coalesce(sum(") + kTextBytesSql + "), 0) FROM letters")
            .getInt64());
  }

  // The oldest go first; what goes is still in PostgreSQL. `more`: bytes of text that were added.
  void trim(SQLite::Database& database, std::size_t more) {
    text_bytes_ += more;
    if (text_bytes_ > limits_.text_bytes_max) {
      SQLite::Statement long_texts(
          database, std::string("DELETE FROM letters WHERE id IN (SELECT id FROM (SELECT id, sum(") +
                        kTextBytesSql + ") OVER (ORDER BY id DESC) AS total FROM letters) WHERE total > ?)");
      long_texts.bind(
          1, static_cast<std::int64_t>(limits_.text_bytes_max - limits_.text_bytes_max / kTrimShare));
      long_texts.exec();
      recount_text(database);
    }
    SQLite::Statement oldest(database,
                             "DELETE FROM letters WHERE id IN (SELECT id FROM letters ORDER BY id DESC"
                             " LIMIT -1 OFFSET ?)");
    oldest.bind(1, static_cast<std::int64_t>(limits_.letters_max));
    oldest.exec();
    SQLite::Statement bodies(
        database,
        "UPDATE letters SET body = NULL WHERE body IS NOT NULL AND id IN (SELECT id FROM (SELECT id,"
        " sum(length(body)) OVER (ORDER BY id DESC) AS total FROM letters WHERE body IS NOT NULL)"
        " WHERE total > ?)");
    bodies.bind(1, static_cast<std::int64_t>(limits_.body_bytes_max));
    bodies.exec();
  }

  std::uint64_t count() const { return count_; }

 private:
  const Limits limits_;
  std::atomic<std::uint64_t> count_{0};
  std::uint64_t text_bytes_ = 0;  // at most too many; of the connection's thread, under the file's mutex
  SideFile file_;
};

DeadLetterStore::DeadLetterStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DeadLetterStore::~DeadLetterStore() = default;

JournalResult<DeadLetterStore::Opened> DeadLetterStore::open(const std::filesystem::path& folder) {
  return open(folder, Limits{});
}

JournalResult<DeadLetterStore::Opened> DeadLetterStore::open(const std::filesystem::path& folder,
                                                             Limits limits) {
  auto impl = std::make_unique<Impl>(folder, limits);
  Opened opened;
  if (const auto done = impl->open(opened.notes); !done) {
    if (done.error().kind == JournalError::Kind::kTooNew) return fail(done.error());
    opened.notes.push_back(done.error().text + ". It is tried again whenever it is needed");
  }
  opened.store.reset(new DeadLetterStore(std::move(impl)));
  return opened;
}

JournalResult<void> DeadLetterStore::keep(const DeadLetter& given) {
  DeadLetter letter = given;
  letter.message = shortened(given.message);
  return impl_->run("keeping a dead letter", [&](SQLite::Database& database) {
    SQLite::Transaction transaction(database);
    SQLite::Statement insert(database, std::string("INSERT OR REPLACE INTO letters (") + kColumns +
                                           ", body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    bind_uuid(insert, 1, letter.id);
    bind_uuid(insert, 2, letter.epoch);
    insert.bind(3, static_cast<std::int64_t>(letter.seq));
    insert.bind(4, letter.lane);
    insert.bind(5, letter.received_at_us);
    insert.bind(6, letter.failed_at_us);
    insert.bind(7, letter.sqlstate);
    insert.bind(8, letter.message);
    insert.bind(9, letter.request);
    insert.bind(10, static_cast<std::int64_t>(letter.body_bytes));
    insert.bind(11, letter.put_back ? 1 : 0);
    if (letter.has_body()) insert.bind(12, letter.body.data(), static_cast<int>(letter.body.size()));
    insert.exec();
    impl_->trim(database, text_bytes(letter));
    transaction.commit();
    impl_->recount(database);
  });
}

JournalResult<void> DeadLetterStore::remove(const std::vector<Uuid>& ids) {
  if (ids.empty()) return {};
  return impl_->run("removing dead letters", [&](SQLite::Database& database) {
    SQLite::Transaction transaction(database);
    SQLite::Statement remove(database, "DELETE FROM letters WHERE id = ?");
    for (const Uuid& id : ids) {
      remove.reset();
      bind_uuid(remove, 1, id);
      remove.exec();
    }
    transaction.commit();
    impl_->recount(database);
  });
}

JournalResult<void> DeadLetterStore::mark_put_back(const std::vector<Uuid>& ids) {
  if (ids.empty()) return {};
  return impl_->run("marking dead letters", [&](SQLite::Database& database) {
    SQLite::Transaction transaction(database);
    SQLite::Statement mark(database, "UPDATE letters SET put_back = 1 WHERE id = ?");
    for (const Uuid& id : ids) {
      mark.reset();
      bind_uuid(mark, 1, id);
      mark.exec();
    }
    transaction.commit();
  });
}

JournalResult<std::vector<DeadLetter>> DeadLetterStore::list(const std::string& lane, const Uuid& after,
                                                             std::size_t letters_max) const {
  return impl_->run("listing dead letters", [&](SQLite::Database& database) {
    SQLite::Statement select(database,
                             std::string("SELECT ") + kColumns +
                                 " FROM letters WHERE id > ? AND (? = '' OR lane = ?) ORDER BY id LIMIT ?");
    bind_uuid(select, 1, after);
    select.bind(2, lane);
    select.bind(3, lane);
    select.bind(4, static_cast<std::int64_t>(letters_max));
    std::vector<DeadLetter> letters;
    while (select.executeStep()) letters.push_back(letter_of(select));
    return letters;
  });
}

JournalResult<std::optional<DeadLetter>> DeadLetterStore::find(const Uuid& id) const {
  return impl_->run("reading a dead letter", [&](SQLite::Database& database) {
    SQLite::Statement select(database,
                             std::string("SELECT ") + kColumns + ", body FROM letters WHERE id = ?");
    bind_uuid(select, 1, id);
    if (!select.executeStep()) return std::optional<DeadLetter>();
    DeadLetter letter = letter_of(select);
    letter.body = select.getColumn(11).getString();
    return std::optional<DeadLetter>(std::move(letter));
  });
}

std::uint64_t DeadLetterStore::count() const {
  return impl_->count();
}

}  // namespace hookspool::storage

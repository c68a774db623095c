#include "storage/side/quarantine_store.h"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <atomic>
#include <system_error>
#include <utility>

#include "storage/base/mutex.h"
#include "storage/file/disk_space.h"
#include "storage/file/sqlite.h"
#include "storage/side/side_file.h"

namespace hookspool::storage {
namespace {

constexpr const char* kName = "quarantine";
constexpr std::int32_t kStoreId = 0x686b7175;  // "hkqu"
constexpr std::int32_t kStoreVersion = 1;
constexpr std::uint64_t kFileOverheadBytes = 4ull << 20;
constexpr const char* kColumns =
    "id, source, peer, received_at, reason, method, path, query, remote_addr, bytes, admitting_epoch, "
    "admitting_seq";

// "name: value" lines. A header that the listener has let through holds no line break.
std::string joined(const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string text;
  for (const auto& [name, value] : headers) text += name + ":" + value + "\n";
  return text;
}

std::vector<std::pair<std::string, std::string>> divided(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const auto colon = std::min(line.find(':'), line.size());
    headers.emplace_back(line.substr(0, colon), line.substr(std::min(colon + 1, line.size())));
    at = end + 1;
  }
  return headers;
}

std::uint64_t counted_bytes(const Quarantined& request) {
  return QuarantineStore::kOverheadBytes + request.source.size() + request.peer.size() +
         request.reason.size() + request.method.size() + request.path.size() + request.query.size() +
         request.remote_addr.size() + joined(request.headers).size() + request.body.size();
}

Quarantined request_of(SQLite::Statement& row) {
  Quarantined request;
  request.id = uuid_column(row, 0);
  request.source = row.getColumn(1).getString();
  request.peer = row.getColumn(2).getString();
  request.received_at_us = row.getColumn(3).getInt64();
  request.reason = row.getColumn(4).getString();
  request.method = row.getColumn(5).getString();
  request.path = row.getColumn(6).getString();
  request.query = row.getColumn(7).getString();
  request.remote_addr = row.getColumn(8).getString();
  request.bytes = static_cast<std::uint64_t>(row.getColumn(9).getInt64());
  request.admitting = !row.getColumn(10).isNull();
  request.admitting_epoch = uuid_column(row, 10);
  request.admitting_seq = static_cast<std::uint64_t>(row.getColumn(11).getInt64());
  return request;
}

Quarantined whole_request_of(SQLite::Statement& row) {
  Quarantined request = request_of(row);
  request.headers = divided(row.getColumn(12).getString());
  request.body = row.getColumn(13).getString();
  return request;
}

// Whatever decides who has to go is answered from the index alone.
constexpr const char* kSchema =
    "CREATE TABLE requests (id BLOB NOT NULL UNIQUE, source TEXT NOT NULL, peer TEXT NOT NULL,"
    " received_at INTEGER NOT NULL, reason TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,"
    " query TEXT NOT NULL, remote_addr TEXT NOT NULL, bytes INTEGER NOT NULL, admitting_epoch BLOB,"
    " admitting_seq INTEGER, headers BLOB NOT NULL, body BLOB NOT NULL);"
    "CREATE INDEX shares ON requests (source, peer, bytes, id)";

void set_up(SQLite::Database& database) {
  // A client must not be able to make the disk sync: the journal's next commit would wait for it.
  require_pragma(database, "journal_mode=WAL", "wal");
  database.exec("PRAGMA synchronous=NORMAL");
  database.exec("PRAGMA wal_autocheckpoint=256");
  database.exec("PRAGMA journal_size_limit=2097152");
}

// An admission is noted before the journal has its event, and a power cut must not take the note. An administrator asks for it,
// never what an unauthenticated client sends.
class SyncedCommits {
 public:
  explicit SyncedCommits(SQLite::Database& database) : database_(database) {
    database_.exec("PRAGMA synchronous=FULL");
  }
  ~SyncedCommits() { database_.tryExec("PRAGMA synchronous=NORMAL"); }
  SyncedCommits(const SyncedCommits&) = delete;
  SyncedCommits& operator=(const SyncedCommits&) = delete;

 private:
  SQLite::Database& database_;
};

// Whatever the sums say, the file ends here. SQLite never sets this below what the file has already.
void limit_file(SQLite::Database& database, std::uint64_t bytes_max) {
  const std::uint64_t pages = (2 * bytes_max + kFileOverheadBytes) / kPageBytes;
  database.exec("PRAGMA max_page_count=" + std::to_string(pages));
}

struct Share {
  std::uint64_t requests = 0, bytes = 0;
};

Share share_of(SQLite::Database& database, const std::string& source) {
  SQLite::Statement sums(database, std::string("SELECT count(*), coalesce(sum(bytes), 0) FROM requests") +
                                       (source.empty() ? "" : " WHERE source = ?"));
  if (!source.empty()) sums.bind(1, source);
  if (!sums.executeStep()) return {};
  return {static_cast<std::uint64_t>(sums.getColumn(0).getInt64()),
          static_cast<std::uint64_t>(sums.getColumn(1).getInt64())};
}

// Of what is short, who has most of it.
std::string heaviest(SQLite::Database& database, const char* what, bool by_bytes, const std::string& source) {
  SQLite::Statement find(database, std::string("SELECT ") + what + " FROM requests" +
                                       (source.empty() ? "" : " WHERE source = ?") + " GROUP BY " + what +
                                       " ORDER BY " + (by_bytes ? "sum(bytes)" : "count(*)") +
                                       " DESC, max(id) LIMIT 1");
  if (!source.empty()) find.bind(1, source);
  return find.executeStep() ? find.getColumn(0).getString() : std::string();
}

bool is_there(SQLite::Database& database, const Uuid& id) {
  SQLite::Statement find(database, "SELECT 1 FROM requests WHERE id = ?");
  bind_uuid(find, 1, id);
  return find.executeStep();
}

void remove_oldest(SQLite::Database& database, const std::string& source, const std::string& peer) {
  SQLite::Statement remove(
      database,
      "DELETE FROM requests WHERE id = (SELECT min(id) FROM requests WHERE source = ? AND"
      " peer = ?)");
  remove.bind(1, source);
  remove.bind(2, peer);
  remove.exec();
}

}  // namespace

class QuarantineStore::Impl {
 public:
  Impl(const std::filesystem::path& folder, Limits limits)
      : folder_(folder),
        limits_(limits),
        file_(folder, {kName, kStoreId, kStoreVersion, kSchema, set_up, [this](SQLite::Database& database) {
                         limit_file(database, this->limits().bytes_max);
                         allow_checkpoint_on_close(database, true);
                         recount(database);
                       }}) {}

  JournalResult<void> open(std::vector<std::string>& notes) { return file_.open(notes, ""); }

  template <class Work>
  auto run(const char* attempted, Work work) {
    return file_.run(attempted, std::move(work));
  }

  void recount(SQLite::Database& database) {
    const Share all = share_of(database, "");
    count_ = all.requests;
    bytes_ = all.bytes;
  }

  bool room_on_disk(std::uint64_t bytes) const {
    const auto space = disk_space(folder_);
    return space && space->free_bytes >= 2 * limits().free_bytes_min + bytes;
  }

  // Until the source, and then all of them, are within their limits. Nothing: more would have to go than one may.
  std::optional<std::uint64_t> make_room(SQLite::Database& database, const std::string& source) const {
    const Limits limits_now = limits();
    std::uint64_t shed = 0;
    for (const bool of_source : {true, false}) {
      const std::uint64_t requests_max = of_source ? limits_now.source_requests_max : limits_now.requests_max;
      const std::uint64_t bytes_max = of_source ? limits_now.source_bytes_max : limits_now.bytes_max;
      for (;; ++shed) {
        const Share share = share_of(database, of_source ? source : "");
        const bool by_bytes = share.bytes > bytes_max;
        if (!by_bytes && share.requests <= requests_max) break;
        if (shed == kShedMax) return std::nullopt;
        const std::string from = of_source ? source : heaviest(database, "source", by_bytes, "");
        remove_oldest(database, from, heaviest(database, "peer", by_bytes, from));
      }
    }
    return shed;
  }

  Limits limits() const {
    const MutexLock lock(limits_mutex_);
    return limits_;
  }
  void set_limits(const Limits& limits) {
    const MutexLock lock(limits_mutex_);
    limits_ = limits;
  }
  std::uint64_t count() const { return count_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  const std::filesystem::path folder_;
  mutable Mutex limits_mutex_;
  Limits limits_ GUARDED_BY(limits_mutex_);
  std::atomic<std::uint64_t> count_{0}, bytes_{0};
  SideFile file_;
};

QuarantineStore::QuarantineStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
QuarantineStore::~QuarantineStore() = default;

bool QuarantineStore::exists(const std::filesystem::path& folder) {
  std::error_code error;
  return std::filesystem::exists(folder / (std::string(kName) + ".db"), error);
}

JournalResult<QuarantineStore::Opened> QuarantineStore::open(const std::filesystem::path& folder,
                                                             Limits limits) {
  auto impl = std::make_unique<Impl>(folder, limits);
  Opened opened;
  if (const auto done = impl->open(opened.notes); !done) return fail(done.error());
  opened.store.reset(new QuarantineStore(std::move(impl)));
  return opened;
}

JournalResult<QuarantineStore::Kept> QuarantineStore::keep(Quarantined request) {
  request.bytes = counted_bytes(request);
  if (request.bytes > limits().source_bytes_max / 4 || !impl_->room_on_disk(request.bytes)) return Kept{};
  return impl_->run("quarantining a request", [&](SQLite::Database& database) {
    SQLite::Transaction transaction(database);
    SQLite::Statement insert(database,
                             std::string("INSERT INTO requests (") + kColumns +
                                 ", headers, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, ?, ?)");
    const std::string headers = joined(request.headers);
    bind_uuid(insert, 1, request.id);
    insert.bind(2, request.source);
    insert.bind(3, request.peer);
    insert.bind(4, request.received_at_us);
    insert.bind(5, request.reason);
    insert.bind(6, request.method);
    insert.bind(7, request.path);
    insert.bind(8, request.query);
    insert.bind(9, request.remote_addr);
    insert.bind(10, static_cast<std::int64_t>(request.bytes));
    insert.bind(11, headers.data(), static_cast<int>(headers.size()));
    insert.bind(12, request.body.data(), static_cast<int>(request.body.size()));
    insert.exec();
    const auto shed = impl_->make_room(database, request.source);
    // If it is the heaviest itself, none has to go for it: the transaction is rolled back.
    if (!shed || !is_there(database, request.id)) return Kept{};
    transaction.commit();
    impl_->recount(database);
    return Kept{true, *shed};
  });
}

JournalResult<std::vector<Quarantined>> QuarantineStore::list(const std::string& source, const Uuid& after,
                                                              std::size_t requests_max) const {
  return impl_->run("listing quarantined requests", [&](SQLite::Database& database) {
    SQLite::Statement select(
        database, std::string("SELECT ") + kColumns +
                      " FROM requests WHERE id > ? AND (? = '' OR source = ?) ORDER BY id LIMIT ?");
    bind_uuid(select, 1, after);
    select.bind(2, source);
    select.bind(3, source);
    select.bind(4, static_cast<std::int64_t>(requests_max));
    std::vector<Quarantined> requests;
    while (select.executeStep()) requests.push_back(request_of(select));
    return requests;
  });
}

JournalResult<std::optional<Quarantined>> QuarantineStore::find(const Uuid& id) const {
  return impl_->run("reading a quarantined request", [&](SQLite::Database& database) {
    SQLite::Statement select(
        database, std::string("SELECT ") + kColumns + ", headers, body FROM requests WHERE id = ?");
    bind_uuid(select, 1, id);
    if (!select.executeStep()) return std::optional<Quarantined>();
    return std::optional<Quarantined>(whole_request_of(select));
  });
}

JournalResult<std::vector<Uuid>> QuarantineStore::remove(const std::vector<Uuid>& ids) {
  return impl_->run("removing quarantined requests", [&](SQLite::Database& database) {
    SQLite::Transaction transaction(database);
    SQLite::Statement remove(database, "DELETE FROM requests WHERE id = ?");
    std::vector<Uuid> gone;
    for (const Uuid& id : ids) {
      remove.reset();
      bind_uuid(remove, 1, id);
      if (remove.exec() > 0) gone.push_back(id);
    }
    transaction.commit();
    impl_->recount(database);
    return gone;
  });
}

JournalResult<std::uint64_t> QuarantineStore::remove_older(std::int64_t than_us) {
  return impl_->run("removing old quarantined requests", [&](SQLite::Database& database) {
    SQLite::Statement remove(database,
                             "DELETE FROM requests WHERE received_at < ? AND admitting_epoch IS NULL");
    remove.bind(1, than_us);
    const int gone = remove.exec();
    if (gone > 0) impl_->recount(database);
    return static_cast<std::uint64_t>(gone);
  });
}

JournalResult<void> QuarantineStore::begin_admission(const Uuid& id, const Uuid& epoch, std::uint64_t seq) {
  return impl_->run("beginning an admission", [&](SQLite::Database& database) {
    const SyncedCommits synced(database);
    SQLite::Statement mark(database,
                           "UPDATE requests SET admitting_epoch = ?, admitting_seq = ? WHERE id = ?");
    bind_uuid(mark, 1, epoch);
    mark.bind(2, static_cast<std::int64_t>(seq));
    bind_uuid(mark, 3, id);
    mark.exec();
  });
}

JournalResult<void> QuarantineStore::cancel_admission(const Uuid& id) {
  return impl_->run("ending an admission", [&](SQLite::Database& database) {
    SQLite::Statement mark(database,
                           "UPDATE requests SET admitting_epoch = NULL, admitting_seq = NULL WHERE id = ?");
    bind_uuid(mark, 1, id);
    mark.exec();
  });
}

JournalResult<std::vector<Quarantined>> QuarantineStore::admissions() const {
  return impl_->run("reading admissions", [&](SQLite::Database& database) {
    SQLite::Statement select(database, std::string("SELECT ") + kColumns +
                                           ", headers, body FROM requests WHERE admitting_epoch IS NOT NULL"
                                           " ORDER BY id");
    std::vector<Quarantined> requests;
    while (select.executeStep()) requests.push_back(whole_request_of(select));
    return requests;
  });
}

std::uint64_t QuarantineStore::count() const {
  return impl_->count();
}
std::uint64_t QuarantineStore::bytes() const {
  return impl_->bytes();
}
JournalResult<void> QuarantineStore::set_limits(Limits limits) {
  impl_->set_limits(limits);
  return impl_->run("setting the limits",
                    [&](SQLite::Database& database) { limit_file(database, limits.bytes_max); });
}

QuarantineStore::Limits QuarantineStore::limits() const {
  return impl_->limits();
}

}  // namespace hookspool::storage

#include "tests/bench/bare_sqlite.h"

#include <array>
#include <stdexcept>
#include <string_view>

#include "storage/segment/row.h"
#include "storage/segment/segment.h"
#include "tests/bench/wrk.h"

namespace hookspool::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kHeaders =
    R"({"host":"127.0.0.1:18080","content-type":"application/json","content-length":"1000"})";
constexpr std::int64_t kReceivedAtUs = 1'790'000'000'000'000;

std::filesystem::path make_file(const std::filesystem::path& folder) {
  std::filesystem::path file = folder / "bare.db";
  Uuid epoch;
  epoch.bytes[0] = 1;
  const auto made = storage::make_segment_file(file, "", {.number = 1, .epoch = epoch, .greatest_id = {}});
  if (!made) throw std::runtime_error(made.error().text);
  return file;
}

void bind_text(sqlite3_stmt* statement, int index, std::string_view text) {
  sqlite3_bind_text(statement, index, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

}  // namespace

BareSqlite::BareSqlite(std::size_t body_bytes, int checkpoint_pages) : body_(json_body(body_bytes)) {
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(make_file(folder_.path()).c_str(), &database,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(database);
  check(code, "opening");
  execute("PRAGMA synchronous=FULL");
  execute("PRAGMA journal_mode=WAL");
  execute(("PRAGMA wal_autocheckpoint=" + std::to_string(checkpoint_pages)).c_str());
  begin_ = prepare("BEGIN IMMEDIATE");
  insert_ = prepare(storage::kInsertEventSql);
  commit_ = prepare("COMMIT");
}

void BareSqlite::check(int code, const char* attempted) const {
  if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW) return;
  throw std::runtime_error(std::string("the bare SQLite loop, ") + attempted + ": " +
                           sqlite3_errmsg(database_.get()));
}

void BareSqlite::execute(const char* sql) const {
  check(sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr), sql);
}

BareSqlite::Statement BareSqlite::prepare(const char* sql) const {
  sqlite3_stmt* statement = nullptr;
  check(sqlite3_prepare_v2(database_.get(), sql, -1, &statement, nullptr), sql);
  return Statement(statement);
}

void BareSqlite::step(const Statement& statement) const {
  check(sqlite3_step(statement.get()), "writing");
  check(sqlite3_reset(statement.get()), "writing");
}

double BareSqlite::commit(int rows) {
  const auto began = Clock::now();
  step(begin_);
  for (int row = 0; row < rows; ++row) {
    const std::int64_t key = next_key_++;
    std::array<std::int64_t, 2> id{key, key};
    sqlite3_stmt* const insert = insert_.get();
    sqlite3_bind_int64(insert, 1, storage::row_key(1, static_cast<std::uint64_t>(key)));
    sqlite3_bind_blob(insert, 2, id.data(), sizeof id, SQLITE_TRANSIENT);
    sqlite3_bind_int64(insert, 3, kReceivedAtUs + key);
    bind_text(insert, 4, "");
    bind_text(insert, 5, "POST");
    bind_text(insert, 6, "/hooks/bench");
    bind_text(insert, 7, "");
    bind_text(insert, 8, "127.0.0.1");
    bind_text(insert, 9, "application/json");
    bind_text(insert, 10, kHeaders);
    sqlite3_bind_blob(insert, 11, body_.data(), static_cast<int>(body_.size()), SQLITE_STATIC);
    sqlite3_bind_int64(insert, 12, 0);
    sqlite3_bind_int64(insert, 13, key);
    sqlite3_bind_null(insert, 14);
    sqlite3_bind_int64(insert, 15, 0);
    step(insert_);
  }
  step(commit_);
  return std::chrono::duration<double, std::micro>(Clock::now() - began).count();
}

std::vector<double> BareSqlite::commit_for(std::chrono::seconds time, int rows) {
  std::vector<double> took_us;
  for (const auto end = Clock::now() + time; Clock::now() < end;) took_us.push_back(commit(rows));
  return took_us;
}

}  // namespace hookspool::bench

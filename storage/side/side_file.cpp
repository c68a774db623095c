#include "storage/side/side_file.h"

#include <SQLiteCpp/Transaction.h>

#include <system_error>

#include "storage/file/folder.h"
#include "storage/file/write_back.h"

namespace hookspool::storage {
namespace {

constexpr int kSetAsideNumberMax = 1000;

}  // namespace

SideFile::SideFile(const std::filesystem::path& folder, SideFileForm form)
    : form_(std::move(form)), folder_(folder), file_(folder / (std::string(form_.name) + ".db")) {}

JournalResult<void> SideFile::try_open() {
  const std::string attempted = "opening " + file_.string();
  // What follows a transaction that is in the page cache alone would go with it.
  if (const std::string wal = file_.string() + "-wal"; file_bytes(wal) > 0) {
    if (const auto written = write_back(wal); !written)
      return fail(JournalError{written.error().kind, attempted + ": " + written.error().text});
  }
  try {
    auto database = open_writable(file_, "", true);
    form_.settings(*database);
    const int version = database->execAndGet("PRAGMA user_version").getInt();
    if (version > form_.version) {
      return fail(JournalError{JournalError::Kind::kTooNew, attempted + ": made by a newer hookspool"});
    }
    if (version == 0) {
      SQLite::Transaction transaction(*database);
      database->exec(form_.schema);
      database->exec("PRAGMA application_id=" + std::to_string(form_.id));
      database->exec("PRAGMA user_version=" + std::to_string(form_.version));
      transaction.commit();
    }
    require_pragma(*database, "application_id", std::to_string(form_.id));
    require_pragma(*database, "quick_check", "ok");
    form_.opened(*database);
    database_ = std::move(database);
    return {};
  } catch (const SQLite::Exception& error) {
    JournalError what = sqlite_error(error, 0, attempted);
    if (error.getErrorCode() == -1) what.kind = JournalError::Kind::kCorrupt;  // our own checks of it
    return fail(std::move(what));
  }
}

// SQLite calls a failed read a corruption, and a check of the file finds one. Only what is found again on a disk that gives
// every byte is one.
bool SideFile::is_damaged(const JournalError& error) {
  if (error.kind != JournalError::Kind::kCorrupt) return false;
  const auto again = try_open();
  return !again && again.error().kind == JournalError::Kind::kCorrupt && can_be_read(file_) &&
         can_be_read(file_.string() + "-wal");
}

JournalResult<void> SideFile::open(std::vector<std::string>& notes, const std::string& consequence) {
  const MutexLock lock(mutex_);
  auto opened = try_open();
  if (opened || !is_damaged(opened.error())) return database_ != nullptr ? JournalResult<void>() : opened;
  const std::string aside = set_aside();
  if (aside.empty()) return opened;
  notes.push_back(opened.error().text + ". Set aside as " + aside + consequence);
  return try_open();
}

// Under the first free name damaged-NAME-N.db, with SQLite's files beside it. The new path; empty: it failed.
std::string SideFile::set_aside() const {
  for (int number = 1; number <= kSetAsideNumberMax; ++number) {
    const auto aside =
        folder_ / ("damaged-" + std::string(form_.name) + "-" + std::to_string(number) + ".db");
    std::error_code error;
    if (std::filesystem::exists(aside, error)) continue;
    std::filesystem::rename(file_, aside, error);
    if (error) return {};
    // What is left of them would be applied to the new file.
    for (const char* beside : {"-journal", "-wal", "-shm"}) {
      std::filesystem::rename(file_.string() + beside, aside.string() + beside, error);
    }
    return aside.string();
  }
  return {};
}

}  // namespace hookspool::storage

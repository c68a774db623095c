// Small SQLite files beside the journal's segments, of things that were acknowledged to no sender (dead letters' copy,
// quarantine): one that is damaged is set aside, never trusted and never in the way.
//
// A disk that does not answer, has no room or no memory says nothing against a file: it stays where it is, and is opened
// again by the next thread that needs it. Internal to storage/. Thread-safe: one connection under a mutex.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/file/sqlite.h"
#include "storage/model/journal_error.h"

namespace hookspool::storage {

struct SideFileForm {
  const char* name;  // of the file, without ".db"
  std::int32_t id;   // in its header
  std::int32_t version;
  const char* schema;                               // of a new one
  std::function<void(SQLite::Database&)> settings;  // of a connection, before anything is read
  std::function<void(SQLite::Database&)> opened;    // of one that may be used
};

class SideFile {
 public:
  SideFile(const std::filesystem::path& folder, SideFileForm form);

  // Afterwards the file is open or an error says why not; run() tries again then. Notes: what an operator should read,
  // with `consequence` where the file was set aside. kTooNew: written by a newer hookspool.
  JournalResult<void> open(std::vector<std::string>& notes, const std::string& consequence);

  // Runs `work` on the connection; SQLite's exceptions end here.
  template <class Work>
  auto run(const char* attempted, Work work)
      -> JournalResult<decltype(work(std::declval<SQLite::Database&>()))> {
    const MutexLock lock(mutex_);
    if (database_ == nullptr) {
      if (auto opened = try_open(); !opened) return fail(opened.error());
    }
    try {
      if constexpr (std::is_void_v<decltype(work(*database_))>) {
        work(*database_);
        return {};
      } else {
        return work(*database_);
      }
    } catch (const SQLite::Exception& error) {
      return fail(sqlite_error(error, 0, std::string(attempted) + " in " + file_.string()));
    }
  }

 private:
  JournalResult<void> try_open() REQUIRES(mutex_);
  bool is_damaged(const JournalError& error) REQUIRES(mutex_);
  std::string set_aside() const REQUIRES(mutex_);

  const SideFileForm form_;
  const std::filesystem::path folder_, file_;
  Mutex mutex_;
  std::unique_ptr<SQLite::Database> database_ GUARDED_BY(mutex_);  // none: it could not be opened yet
};

}  // namespace hookspool::storage

// Detects delivery to another database (sink id) or to an old primary (lower timeline).
//
// A journal is delivered into one database, known by the id in its `sink` table. Another id means that the agent was
// configured for another database: what was delivered to the old one must not count as delivered. A lower timeline
// of the same cluster means that an old primary has come back after a failover: rows written there will be discarded.
// Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "net/pg/ledger/watermarks.h"
#include "storage/base/mutex.h"
#include "storage/journal/journal_notes.h"

namespace hookspool::agent {

class SinkGuard {
 public:
  explicit SinkGuard(storage::JournalNotes& notes) : notes_(notes) {}  // which outlive this

  // Remembers the first database it sees. An error keeps the uplink down until an administrator decides or the right server
  // answers.
  net::PgResult<void> check(const net::SinkIdentity& identity) EXCLUDES(mutex_);
  // An administrator's decision: from now on the journal belongs to this database. An error unless that is on disk.
  storage::JournalResult<void> adopt(const net::SinkIdentity& identity) EXCLUDES(mutex_);
  // Does the journal belong to it already, with nothing for an administrator to decide?
  bool is_own(const net::SinkIdentity& identity) EXCLUDES(mutex_);

 private:
  storage::JournalResult<void> remember(const net::SinkIdentity& identity) REQUIRES(mutex_);
  storage::JournalResult<std::optional<std::string>> known_note() REQUIRES(mutex_);

  storage::JournalNotes& notes_;
  Mutex mutex_;
  // What a full disk did not take, tried again at each check.
  std::optional<std::string> unwritten_ GUARDED_BY(mutex_);
};

}  // namespace hookspool::agent

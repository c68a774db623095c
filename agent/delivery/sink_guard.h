// Detects delivery to another database (sink id) or to an old primary (lower timeline).
//
// A journal is delivered into one database, known by the id in its `sink` table. Another id means that the agent was
// configured for another database: what was delivered to the old one must not count as delivered. A lower timeline
// of the same cluster means that an old primary has come back after a failover: rows written there will be discarded.
// Thread-safe.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "net/pg/ledger/watermarks.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

class SinkGuard {
 public:
  explicit SinkGuard(storage::Journal& journal) : journal_(journal) {}

  // Remembers the first database it sees. An error holds the line until a person or the right server comes.
  net::PgResult<void> check(const net::SinkIdentity& identity);
  // The administrator's word, an error unless it is on disk: from now on the journal belongs to this database.
  storage::JournalResult<void> adopt(const net::SinkIdentity& identity);
  // Does the journal belong to it already, with nothing for an administrator to decide?
  bool is_own(const net::SinkIdentity& identity);

 private:
  storage::JournalResult<void> remember(const net::SinkIdentity& identity);

  storage::JournalResult<std::optional<std::string>> known_note();

  storage::Journal& journal_;
  std::mutex mutex_;
  std::optional<std::string>
      unwritten_;  // guarded by mutex_; what a full disk did not take, tried at each check
};

}  // namespace hookspool::agent

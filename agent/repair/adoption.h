// Assigns the journal to another database, as an administrator decided, and says what that database is to get.
// Thread-safe: no state of its own.
#pragma once

#include <string>

#include "agent/base/admin_result.h"
#include "agent/delivery/sink_guard.h"
#include "net/pg/link/connection.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

enum class AdoptFrom {
  kUnsent,     // what no database has confirmed yet
  kBeginning,  // everything that is still retained
};

struct Adopted {
  std::string sink_id;
  std::string server;
  bool already = false;  // it was the journal's own before, and nothing was changed
  std::uint64_t watermarks =
      0;  // kUnsent: runs that the database had not known, and that go on where they are
};

// Over a connection of its own, for the lanes' pool refuses that database. The caller lets the lanes try again.
AdminResult<Adopted> adopt(storage::Journal& journal, SinkGuard& guard, const net::PgOptions& options,
                           AdoptFrom from);

}  // namespace hookspool::agent

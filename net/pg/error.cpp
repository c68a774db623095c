#include "net/pg/error.h"

#include <array>
#include <utility>

namespace hookspool::net {
namespace {

struct SqlstateClass {
  std::string_view prefix;  // of two to five characters; the longest that fits decides
  ErrorClass error_class;
};

using enum ErrorClass;

constexpr std::array kClasses{
    // The line, the server's state, a limit of the moment, another transaction.
    SqlstateClass{"08", kOutage},     // connection exceptions; PgBouncer's own errors come as 08P01
    SqlstateClass{"40", kOutage},     // serialisation failure, deadlock, outcome unknown
    SqlstateClass{"53", kOutage},     // disk full, out of memory, too many connections
    SqlstateClass{"57", kOutage},     // cancelled, timed out, shutting down, starting up
    SqlstateClass{"58", kOutage},     // the server's system failed
    SqlstateClass{"72", kOutage},     // snapshot too old
    SqlstateClass{"25006", kOutage},  // read only: a standby, or a primary that is being moved
    SqlstateClass{"25P03", kOutage},  // idle in transaction for too long
    SqlstateClass{"25P04", kOutage},  // transaction timeout (PostgreSQL 17)
    SqlstateClass{"55006", kOutage},  // object in use
    SqlstateClass{"55P03", kOutage},  // lock not available
    SqlstateClass{"HV00N", kOutage},  // a foreign server is away
    // What one event can cause: its data, or a trigger or constraint that refuses it.
    SqlstateClass{"0A", kEvent},     // feature not supported: an escape that the database's encoding lacks
    SqlstateClass{"22", kEvent},     // data exception
    SqlstateClass{"23", kEvent},     // constraint violation
    SqlstateClass{"44", kEvent},     // WITH CHECK OPTION
    SqlstateClass{"54", kEvent},     // a program limit: too deep, too big
    SqlstateClass{"P0", kEvent},     // RAISE in a trigger
    SqlstateClass{"XX000", kEvent},  // internal error: some data can cause one; isolation must prove it
    // What a person must change.
    SqlstateClass{"0L", kSetup},     // invalid grantor
    SqlstateClass{"0P", kSetup},     // invalid role
    SqlstateClass{"22P04", kSetup},  // COPY's own format: ours and the table's disagree
    SqlstateClass{"25", kSetup},     // transaction state
    SqlstateClass{"26", kSetup},     // unknown prepared statement
    SqlstateClass{"28", kSetup},     // authentication
    SqlstateClass{"3D", kSetup},     // no such database
    SqlstateClass{"3F", kSetup},     // no such schema
    SqlstateClass{"42", kSetup},     // no such table or column, no right
    SqlstateClass{"55", kSetup},     // object not in prerequisite state
    SqlstateClass{"57P04", kSetup},  // the database was dropped
    SqlstateClass{"F0", kSetup},     // the server's configuration file
    SqlstateClass{"HV", kSetup},     // foreign data wrapper
    SqlstateClass{"XX", kSetup},     // corrupted data or index
};

}  // namespace

ErrorClass classify_sqlstate(std::string_view sqlstate) {
  if (sqlstate.empty()) return kOutage;
  ErrorClass found = kSetup;
  std::size_t found_length = 0;
  for (const SqlstateClass& entry : kClasses) {
    if (entry.prefix.size() > found_length && sqlstate.starts_with(entry.prefix)) {
      found = entry.error_class;
      found_length = entry.prefix.size();
    }
  }
  return found;
}

PgError not_the_event(PgError error) {
  if (error.error_class == kEvent) error.error_class = kSetup;
  return error;
}

}  // namespace hookspool::net

#include "net/pg/link/error.h"

#include <array>
#include <utility>

#include "net/pg/link/sqlstate_meaning.h"

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
    SqlstateClass{"40003", kOutage},  // outcome unknown
    SqlstateClass{"53", kOutage},     // disk full, too many connections
    SqlstateClass{"57", kOutage},     // shutting down, starting up
    SqlstateClass{"58", kOutage},     // the server's system failed
    SqlstateClass{"72", kOutage},     // snapshot too old
    SqlstateClass{"25006", kOutage},  // read only: a standby, or a primary that is being moved
    SqlstateClass{"25P03", kOutage},  // idle in transaction for too long
    SqlstateClass{"25P04", kOutage},  // transaction timeout (PostgreSQL 17)
    SqlstateClass{"55006", kOutage},  // object in use
    SqlstateClass{"55P03", kOutage},  // lock not available
    SqlstateClass{"HV00N", kOutage},  // a foreign server is away
    // The same, but one event can cause it each time, by what a trigger does with it.
    SqlstateClass{"40", kLimit},     // serialisation failure, deadlock
    SqlstateClass{"53200", kLimit},  // out of memory
    SqlstateClass{"57014", kLimit},  // statement_timeout; also cancelled by an administrator
    // What one event can cause: its data, or a trigger or constraint that refuses it. So is every class that is not
    // in this table: CASE without ELSE (20), cardinality (21), triggers (09, 27), routines (2F, 38, 39), user-defined.
    SqlstateClass{"0A", kEvent},     // feature not supported: an escape that the database's encoding lacks
    SqlstateClass{"22", kEvent},     // data exception
    SqlstateClass{"23", kEvent},     // constraint violation
    SqlstateClass{"44", kEvent},     // WITH CHECK OPTION
    SqlstateClass{"54", kEvent},     // a program limit: too deep, too big
    SqlstateClass{"P0", kEvent},     // RAISE in a trigger
    SqlstateClass{"XX000", kEvent},  // internal error: some data can cause one; isolation must prove it
    // Mostly what an administrator must change; but a trigger can come to it with one event alone.
    SqlstateClass{"0L", kUnclear},  // invalid grantor
    SqlstateClass{"0P", kUnclear},  // invalid role
    SqlstateClass{"25", kUnclear},  // transaction state
    SqlstateClass{"26", kUnclear},  // unknown prepared statement
    SqlstateClass{"28", kUnclear},  // authorization
    SqlstateClass{"3D", kUnclear},  // no such database
    SqlstateClass{"3F", kUnclear},  // no such schema
    SqlstateClass{"42", kUnclear},  // no such table, column or function, no right, row-level security
    SqlstateClass{"55", kUnclear},  // object not in prerequisite state
    SqlstateClass{"F0", kUnclear},  // the server's configuration file
    SqlstateClass{"HV", kUnclear},  // foreign data wrapper
    // What an administrator must change.
    SqlstateClass{"2200H", kSetup},  // a sequence has reached its end
    SqlstateClass{"22P04", kSetup},  // COPY's own format: ours and the table's disagree
    SqlstateClass{"57P04", kSetup},  // the database was dropped
    SqlstateClass{"XX", kSetup},     // corrupted data or index
};

}  // namespace

ErrorClass classify_sqlstate(std::string_view sqlstate) {
  if (sqlstate.empty()) return kOutage;
  ErrorClass found = kEvent;
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
  if (error.error_class == kEvent || error.error_class == kUnclear) error.error_class = kSetup;
  if (error.error_class == kLimit) error.error_class = kOutage;
  error.may_quote = false;
  if (error.hint.empty()) error.hint = std::move(error.server_hint);
  return error;
}

std::string shown_text(const PgError& error) {
  if (!error.may_quote) return error.text;
  const std::string_view meaning = sqlstate_meaning(error.sqlstate);
  return "PostgreSQL refuses events with SQLSTATE " + error.sqlstate +
         (meaning.empty() ? "" : " (" + std::string(meaning) + ")") +
         "; its words are in the log and in hookspool dead list";
}

bool is_missing_partition(std::string_view sqlstate, std::string_view constraint, std::string_view table) {
  return sqlstate == "23514" && constraint.empty() && !table.empty();
}

}  // namespace hookspool::net

// What PostgreSQL's refusals mean to a delivery. The class alone decides what happens next. Source of the codes:
// PostgreSQL 15 documentation, appendix A. Plain values and pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "storage/model/result.h"

namespace hookspool::net {

enum class ErrorClass {
  kOutage,  // nothing is wrong with the event or the setup: retry, for ever
  kLimit,   // a limit of time or memory, or a conflict: retry, in smaller pieces; alone it may be the event's
  kEvent,   // this event, in this table, will never be taken
  kUnclear,  // one event's (by what a trigger does with it) or the setup's: only an event that is taken tells
  kSetup,    // an administrator must change something: hold, say what, retry slowly
};

// Empty: the connection was lost => kOutage. Unknown, and what users define: kEvent, because a lane that holds for one
// event holds all that wait behind it, while a dead letter is kept whole; many in a row are looked at again before they
// are believed (agent/delivery/isolation.h).
ErrorClass classify_sqlstate(std::string_view sqlstate);

struct PgError {
  ErrorClass error_class = ErrorClass::kOutage;
  std::string sqlstate{};    // empty: no answer from the server
  std::string text{};        // one line: what was attempted and what PostgreSQL or the socket said
  std::string constraint{};  // the name of the violated constraint, if the server gave one
  std::string hint{};        // what an administrator should do; may be many lines (SQL); may be empty
  std::string
      server_hint{};  // PostgreSQL's own, which a trigger may have written: not_the_event() makes it the hint
  bool may_quote = false;  // `text` is the server's about a statement that carried events, and may quote them
  bool connection_lost = false;     // the connection is unusable; those opened before it are suspect too
  bool in_doubt = false;            // COMMIT was sent and its answer never came: the watermark will tell
  std::size_t statements_done = 0;  // of the same message, before the one that failed
};

// For our own statements, of which no event can be the cause and which quote none: kEvent and kUnclear become kSetup, kLimit
// an outage.
PgError not_the_event(PgError error);

// What every user of the machine may see (/health, systemd's status): the text, or, where that may quote an event, the
// SQLSTATE and what its class means.
std::string shown_text(const PgError& error);

// 23514 is what a violated CHECK says, and what a row says for which there is no partition. Only the first names a
// constraint, and of the two only PostgreSQL itself names the table without one (RAISE in a trigger names neither).
bool is_missing_partition(std::string_view sqlstate, std::string_view constraint, std::string_view table);

template <class T>
using PgResult = Result<T, PgError>;

}  // namespace hookspool::net

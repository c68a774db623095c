// What PostgreSQL's refusals mean to a delivery. The class alone decides what happens next (DESIGN: outage =
// wait and retry for ever; event = isolate the one event; setup = hold and tell a person). Source of the
// codes: PostgreSQL 15 documentation, appendix A.
#pragma once

#include <string>
#include <string_view>

#include "storage/model/result.h"

namespace hookspool::net {

enum class ErrorClass {
  kOutage,  // nothing is wrong with the event or the setup: retry, for ever
  kEvent,   // this event, in this table, will never be taken
  kSetup,   // a person must change something: hold, say what, retry slowly
};

// Empty: the connection was lost => kOutage. Unknown: kSetup, because holding a lane loses nothing, while
// taking an unknown code for the event's fault could throw a good event out of the line.
ErrorClass classify_sqlstate(std::string_view sqlstate);

struct PgError {
  ErrorClass error_class = ErrorClass::kOutage;
  std::string sqlstate{};        // empty: no answer from the server
  std::string text{};            // one line: what was attempted and what PostgreSQL or the socket said
  std::string constraint{};      // the name of the violated constraint, if the server gave one
  std::string hint{};            // what a person should do; may be many lines (SQL); may be empty
  bool connection_lost = false;  // the connection is unusable; those opened before it are suspect too
  bool in_doubt = false;         // COMMIT was sent and its answer never came: the watermark will tell
};

// For our own statements, of which no event can be the cause: kEvent becomes kSetup.
PgError not_the_event(PgError error);

template <class T>
using PgResult = Result<T, PgError>;

}  // namespace hookspool::net

// The tables in PostgreSQL (fixed interface: README.md, "In PostgreSQL").
#pragma once

#include <string>

#include "net/pg/connection.h"

namespace hookspool::net {

// Everything an administrator would run, idempotent.
std::string schema_sql(const std::string& schema);

// Makes what is missing in one transaction (two agents may start at once: an advisory lock orders them), or
// nothing at all where everything is there, so that a role without CREATE works on a prepared database.
// Without the right to create: kSetup, and the hint is the SQL an administrator must run, GRANTs included.
PgResult<void> ensure_schema(Connection& connection, const PgOptions& options);

}  // namespace hookspool::net

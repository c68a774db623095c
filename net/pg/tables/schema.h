// The tables in PostgreSQL (fixed interface: POSTGRES.md, "Tables"). Thread-safe: no state; a connection
// belongs to one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/pg/link/connection.h"

namespace hookspool::net {

// Of the tables; recorded in sink.schema_version. 1: without that record, and gaps could not be taken back. 2: without feeds:
// rows had no number in the order of their becoming visible, and there were no consumers. 3: without retention: an agent that
// compares by id would take a row that was deleted for one that never was.
inline constexpr int kSchemaVersion = 4;

std::string quote_identifier(std::string_view name);

// Is this the name of the constraint that a row which is already there violates? Of a partition it is the partition's own.
bool is_events_primary_key(std::string_view constraint);

// Everything an administrator would run, idempotent; with a role also the GRANTs it needs.
std::string schema_sql(const std::string& schema, const std::string& role = "");

// What is there, without making anything.
struct SchemaReport {
  std::string role;                  // the one that asks
  std::vector<std::string> missing;  // tables
  bool may_create = false;           // is the role let make what is missing?
  bool rights = true;                // does it hold those it needs on what is there?
  bool indexed = true;  // can consumers read? (kEventsIndexedAtOnceBytesMax; true where tables are missing)
};
PgResult<SchemaReport> look_at_schema(Connection& connection, const PgOptions& options);

// Makes what is missing in one transaction (two agents may start at once: an advisory lock orders them), or
// nothing at all where everything is there, so that a role without CREATE works on a prepared database.
// Without the right to create: kSetup, and the hint is the SQL an administrator must run, GRANTs included.
PgResult<void> ensure_schema(Connection& connection, const PgOptions& options);

}  // namespace hookspool::net

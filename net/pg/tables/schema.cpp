#include "net/pg/tables/schema.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "net/pg/tables/feeds_schema.h"
#include "net/pg/tables/retention_schema.h"
#include "net/pg/tables/schema_comments.h"
#include "net/pg/tables/schema_text.h"

namespace hookspool::net {
namespace {

// Orders agents that make the schema at once: "hookspoo" as a number.
constexpr std::string_view kAdvisoryLock = "7525356009648320367";
constexpr std::chrono::seconds kRollbackLimit{5};
// Of a migration, which takes ACCESS EXCLUSIVE on the events table: while it waits for a long reader, deliveries wait behind it.
constexpr std::chrono::milliseconds kMigrationLockTimeout{2'000};

struct Table {
  std::string_view name;
  std::string_view columns;
  std::string_view settings;
  std::string_view rights;  // what the agent's role needs
};

// One row is updated by every batch: room for the new version on the same page, and an early vacuum.
constexpr std::string_view kUpdatedAllTheTime =
    " WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0,"
    " autovacuum_vacuum_cost_delay = 0)";

constexpr std::array kTables{
    // payload_issue: NULL where the payload is the whole body; else the reasons of payload.h, or "encoding", and the body.
    Table{
        "events",
        "\n  id uuid PRIMARY KEY,\n  agent_id text NOT NULL,\n  epoch uuid NOT NULL,\n  seq bigint NOT "
        "NULL,\n"
        "  source text NOT NULL,\n  received_at timestamptz NOT NULL,\n  delivery_id text,\n  method text,\n"
        "  path text,\n  query text,\n  remote_addr inet,\n  content_type text,\n  headers jsonb,\n"
        "  payload jsonb,\n  body bytea,\n  payload_issue text,\n  feed integer,\n  arrival bigint\n",
        "", "SELECT, INSERT"},
    Table{
        "watermarks",
        "\n  agent_id text NOT NULL,\n  epoch uuid NOT NULL,\n  lane text NOT NULL,\n  seq bigint NOT NULL,\n"
        "  event_id uuid,\n  updated_at timestamptz NOT NULL DEFAULT now(),\n  PRIMARY KEY (agent_id, epoch, "
        "lane)\n",
        kUpdatedAllTheTime, "SELECT, INSERT, UPDATE"},
    // Nothing but the key can refuse a row here: `request` is JSON as bytes, whatever the database's encoding.
    Table{"dead_letters",
          "\n  id uuid PRIMARY KEY,\n  agent_id text,\n  epoch uuid,\n  seq bigint,\n  source text,\n"
          "  received_at timestamptz,\n  failed_at timestamptz DEFAULT now(),\n  sqlstate text,\n  message "
          "text,\n"
          "  request bytea,\n  body bytea\n",
          "", "SELECT, INSERT, DELETE"},
    // Numbers that are neither in the events table nor in any journal: what was lost is never silent.
    Table{"gaps",
          "\n  agent_id text NOT NULL,\n  epoch uuid NOT NULL,\n  lane text NOT NULL,\n  first_seq bigint "
          "NOT NULL,\n"
          "  last_seq bigint NOT NULL,\n  noted_at timestamptz NOT NULL DEFAULT now(),\n"
          "  PRIMARY KEY (agent_id, epoch, lane, first_seq)\n",
          "", "SELECT, INSERT, UPDATE, DELETE"},
    // Dead letters that an administrator has discarded: by their ids, so that no repair or replay brings them back.
    Table{"discarded",
          "\n  id uuid PRIMARY KEY,\n  agent_id text,\n  source text,\n  discarded_at timestamptz NOT NULL "
          "DEFAULT now()\n",
          "", "SELECT, INSERT"},
    Table{"sink",
          "\n  id uuid PRIMARY KEY,\n  created_at timestamptz NOT NULL DEFAULT now(),\n"
          "  schema_version integer NOT NULL DEFAULT 4\n",
          "", "SELECT"},
    // A source of an agent. Its row is locked before a row of events is written and until COMMIT, so the numbers of a feed
    // become visible in their order and without holes.
    Table{"feeds",
          "\n  feed integer PRIMARY KEY,\n  agent_id text NOT NULL,\n  source text NOT NULL,\n"
          "  arrival bigint NOT NULL DEFAULT 0,\n  UNIQUE (agent_id, source)\n",
          kUpdatedAllTheTime, "SELECT, UPDATE"},
    // What prune() and drop_week() have deleted (retention_schema.h), by feed.
    Table{
        "retention",
        "\n  feed integer PRIMARY KEY,\n  settled bigint NOT NULL DEFAULT 0,\n  coming bigint NOT NULL,\n"
        "  coming_at timestamptz NOT NULL DEFAULT clock_timestamp(),\n  deleted bigint NOT NULL DEFAULT 0,\n"
        "  deleted_to bigint NOT NULL DEFAULT 0,\n  dropped_to uuid,\n  deleted_at timestamptz\n",
        kUpdatedAllTheTime, "SELECT"},
    // The rest is the consumers' (feeds_schema.h): the agent shows it.
    Table{"consumers",
          "\n  consumer text PRIMARY KEY,\n  sources text[],\n"
          "  max_attempts integer NOT NULL DEFAULT 5 CHECK (max_attempts > 0),\n"
          "  created_at timestamptz NOT NULL DEFAULT now()\n",
          "", "SELECT"},
    Table{"positions",
          "\n  consumer text NOT NULL REFERENCES S.consumers ON DELETE CASCADE,\n  feed integer NOT NULL,\n"
          "  arrival bigint NOT NULL,\n  served_at timestamptz NOT NULL DEFAULT '-infinity',\n"
          "  not_before timestamptz NOT NULL DEFAULT '-infinity',\n  lost bigint NOT NULL DEFAULT 0,\n"
          "  taken_by xid8,\n  taken_from bigint,\n  PRIMARY KEY (consumer, feed)\n",
          kUpdatedAllTheTime, "SELECT"},
    Table{"failures",
          "\n  consumer text NOT NULL REFERENCES S.consumers ON DELETE CASCADE,\n  id uuid NOT NULL,\n"
          "  feed integer NOT NULL,\n  arrival bigint NOT NULL,\n  attempts integer NOT NULL,\n"
          "  skipped boolean NOT NULL,\n  reason text,\n"
          "  failed_at timestamptz NOT NULL DEFAULT clock_timestamp(),\n  PRIMARY KEY (consumer, id)\n",
          "", "SELECT"},
};

std::string create_schema(const std::string& schema) {
  return "CREATE SCHEMA IF NOT EXISTS " + quote_identifier(schema) + ";\n";
}

std::string create_table(const std::string& schema, const Table& table) {
  return with_schema("CREATE TABLE IF NOT EXISTS S." + std::string(table.name) + " (" +
                         std::string(table.columns) + ")" + std::string(table.settings) + ";\n",
                     schema);
}

// The database's identity, made once: how an agent notices that it was pointed to another one.
std::string create_sink_row(const std::string& schema) {
  const std::string sink = quote_identifier(schema) + ".sink";
  return "INSERT INTO " + sink + " (id) SELECT gen_random_uuid() WHERE NOT EXISTS (SELECT FROM " + sink +
         ");\n";
}

// From any earlier version to this one, however often it is run.
std::string migrate(const std::string& schema) {
  const std::string sink = quote_identifier(schema) + ".sink";
  const std::string version = std::to_string(kSchemaVersion);
  return feeds_columns_sql(schema) + "ALTER TABLE " + sink +
         " ADD COLUMN IF NOT EXISTS schema_version integer NOT NULL DEFAULT " + version + ";\nALTER TABLE " +
         sink + " ALTER COLUMN schema_version SET DEFAULT " + version + ";\nUPDATE " + sink +
         " SET schema_version = " + version + " WHERE schema_version < " + version + ";\n";
}

std::string grants(const std::string& schema, const std::string& role) {
  const std::string to = " TO " + quote_identifier(role) + ";\n";
  std::string sql = "GRANT USAGE ON SCHEMA " + quote_identifier(schema) + to;
  for (const Table& table : kTables) {
    sql += "GRANT " + std::string(table.rights) + " ON " + quote_identifier(schema) + "." +
           std::string(table.name) + to;
  }
  return sql + feeds_grants_sql(schema, role);
}

// What is there, as far as the catalogue tells, which every role may read.
struct Found {
  std::string role;
  bool schema = false;
  std::vector<std::string_view> missing;
  bool rights = true;     // of the role on what is there
  bool indexed = true;    // the events table by (feed, arrival)
  bool sink_row = false;  // looked at only when nothing is missing and the rights suffice
  int version = 0;        // recorded in the database; 0: none is, or it cannot be read yet
  bool complete() const { return missing.empty() && rights && sink_row && version == kSchemaVersion; }
};

std::string inspection_sql(const std::string& quoted_schema_name) {
  std::string sql = "SELECT current_user, has_schema_privilege(n.oid, 'USAGE'), c.relname, CASE c.relname";
  for (const Table& table : kTables) {
    // has_table_privilege asks whether any of a list is held; each one is needed.
    sql += " WHEN '" + std::string(table.name) + "' THEN true";
    std::string_view rights = table.rights;
    while (!rights.empty()) {
      const std::size_t comma = rights.find(", ");
      sql += " AND has_table_privilege(c.oid, '" + std::string(rights.substr(0, comma)) + "')";
      rights.remove_prefix(comma == std::string_view::npos ? rights.size() : comma + 2);
    }
  }
  std::string names;
  for (const Table& table : kTables) names += (names.empty() ? "'" : ", '") + std::string(table.name) + "'";
  return sql +
         " END, (SELECT coalesce(bool_and(has_function_privilege(p.oid, 'EXECUTE')), true) FROM "
         "pg_catalog.pg_proc p"
         " WHERE p.pronamespace = n.oid AND p.proname = 'make_feed'),"
         " EXISTS (SELECT FROM pg_catalog.pg_class i JOIN pg_catalog.pg_index x ON x.indexrelid = i.oid"
         " WHERE i.relnamespace = n.oid AND i.relname = 'events_feed_arrival' AND x.indisvalid)"
         " FROM (SELECT 1) AS one LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = " +
         quoted_schema_name +
         " LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'f')"
         " AND c.relname IN (" +
         names + ")";
}

PgResult<Found> inspect(Connection& connection, const PgOptions& options) {
  auto rows = connection.query(inspection_sql(connection.quote_literal(options.schema)),
                               statement_deadline(options), "looking for the schema");
  if (!rows) return fail(std::move(rows).error());
  Found found;
  std::map<std::string, bool, std::less<>> rights_by_table;
  for (const auto& row : rows->rows) {
    found.role = row[0].value_or("");
    found.schema = row[1].has_value();
    found.rights = found.rights && row[1].value_or("t") == "t" && row[4].value_or("t") == "t";
    found.indexed = row[5] == "t";
    if (row[2]) rights_by_table[*row[2]] = row[3] == "t";
  }
  for (const Table& table : kTables) {
    const auto entry = rights_by_table.find(table.name);
    if (entry == rights_by_table.end()) {
      found.missing.push_back(table.name);
    } else {
      found.rights = found.rights && entry->second;
    }
  }
  const auto sink = rights_by_table.find("sink");
  if (sink == rights_by_table.end() || !sink->second) return found;
  // The row as JSON, because a column that is not there cannot be named.
  rows = connection.query("SELECT to_jsonb(s) ->> 'schema_version' FROM " + quote_identifier(options.schema) +
                              ".sink s ORDER BY created_at, id LIMIT 1",
                          statement_deadline(options), "looking for the sink's identity");
  if (!rows) return fail(std::move(rows).error());
  found.sink_row = !rows->rows.empty();
  if (found.sink_row) {
    const std::string version = rows->rows[0][0].value_or("1");
    std::from_chars(version.data(), version.data() + version.size(), found.version);
  }
  return found;
}

PgError too_new(const PgOptions& options, const Found& found) {
  return {.error_class = ErrorClass::kSetup,
          .text = "the schema " + options.schema + " in this database has version " +
                  std::to_string(found.version) + ", and this hookspool knows them up to " +
                  std::to_string(kSchemaVersion),
          .hint =
              "A newer hookspool made it. Install that one again here, too; nothing was changed, and "
              "webhooks are "
              "kept in the journal meanwhile."};
}

// All that works; the comments would be most of what an administrator has to read in a log.
std::string schema_without_comments(const std::string& schema) {
  std::string sql = create_schema(schema);
  for (const Table& table : kTables) sql += create_table(schema, table);
  return sql + create_sink_row(schema) + migrate(schema) + feeds_functions_sql(schema) +
         retention_functions_sql(schema);
}

PgError needs_administrator(PgError error, const PgOptions& options, const Found& found) {
  error.error_class = ErrorClass::kSetup;
  error.hint = "An administrator must run this in the database:\n" + schema_without_comments(options.schema) +
               grants(options.schema, found.role);
  return error;
}

PgError needs_grants(const PgOptions& options, const Found& found) {
  return {.error_class = ErrorClass::kSetup,
          .sqlstate = "42501",
          .text = "looking for the schema: role " + found.role + " lacks rights in schema " + options.schema,
          .hint = "An administrator must run this in the database:\n" + grants(options.schema, found.role)};
}

PgResult<void> create_missing(Connection& connection, const PgOptions& options) {
  auto begun = connection.query(
      "BEGIN ISOLATION LEVEL READ COMMITTED;SET LOCAL synchronous_commit = on;SET LOCAL statement_timeout "
      "= " +
          std::to_string(options.statement_timeout.count()) + ";SELECT pg_advisory_xact_lock(" +
          std::string(kAdvisoryLock) +
          ");SET LOCAL lock_timeout = " + std::to_string(kMigrationLockTimeout.count()),
      statement_deadline(options), "locking the schema");
  if (!begun) return fail(std::move(begun).error());
  auto found = inspect(connection, options);  // again: another agent may have been first
  if (!found) return fail(std::move(found).error());
  if (found->version > kSchemaVersion) return fail(too_new(options, *found));
  std::string sql;
  if (!found->schema) sql += create_schema(options.schema);
  for (const Table& table : kTables) {
    const bool missing =
        std::find(found->missing.begin(), found->missing.end(), table.name) != found->missing.end();
    if (missing) sql += create_table(options.schema, table);
  }
  if (!found->sink_row) sql += create_sink_row(options.schema);
  if (found->version < kSchemaVersion) sql += migrate(options.schema);
  sql += feeds_functions_sql(options.schema) + retention_functions_sql(options.schema) +
         schema_comments_sql(options.schema);
  auto committed = connection.query(sql + "COMMIT", statement_deadline(options), "making the schema");
  if (!committed) {
    PgError error = std::move(committed).error();
    if (error.sqlstate == "42501") return fail(needs_administrator(std::move(error), options, *found));
    return fail(not_the_event(std::move(error)));
  }
  if (committed->command_tag != "COMMIT") {
    return fail(PgError{.text = "making the schema: PostgreSQL answered " + committed->command_tag});
  }
  return {};
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

bool is_events_primary_key(std::string_view constraint) {
  return constraint.starts_with("events_") && constraint.ends_with("pkey");
}

std::string schema_sql(const std::string& schema, const std::string& role) {
  std::string sql = schema_without_comments(schema) + schema_comments_sql(schema);
  if (!role.empty()) sql += grants(schema, role);
  return sql;
}

PgResult<SchemaReport> look_at_schema(Connection& connection, const PgOptions& options) {
  auto found = inspect(connection, options);
  if (!found) return fail(not_the_event(std::move(found).error()));
  SchemaReport report{found->role,
                      {found->missing.begin(), found->missing.end()},
                      false,
                      found->rights,
                      found->indexed || !found->missing.empty() || found->version < kSchemaVersion};
  const std::string privilege =
      found->schema ? "has_schema_privilege(" + connection.quote_literal(options.schema) + ", 'CREATE')"
                    : std::string("has_database_privilege(current_database(), 'CREATE')");
  auto rows =
      connection.query("SELECT " + privilege, statement_deadline(options), "looking at the role's rights");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  report.may_create = rows->rows.at(0).at(0) == "t";
  return report;
}

PgResult<void> ensure_schema(Connection& connection, const PgOptions& options) {
  auto found = inspect(connection, options);
  if (!found) return fail(std::move(found).error());
  if (found->complete()) return {};
  if (found->version > kSchemaVersion) return fail(too_new(options, *found));
  if (found->missing.empty() && !found->rights) return fail(needs_grants(options, *found));
  PgResult<void> made = create_missing(connection, options);
  if (!made && !connection.broken() && !connection.usable()) {
    (void)connection.query("ROLLBACK", std::chrono::steady_clock::now() + kRollbackLimit, "rolling back");
  }
  return made;
}

}  // namespace hookspool::net

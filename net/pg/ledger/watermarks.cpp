#include "net/pg/ledger/watermarks.h"

#include <charconv>

#include "net/pg/tables/schema.h"

namespace hookspool::net {
namespace {

std::uint64_t number(const std::optional<std::string>& text) {
  std::uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

}  // namespace

PgResult<std::vector<std::pair<Uuid, Position>>> read_watermarks(Connection& connection,
                                                                 const PgOptions& options,
                                                                 const std::string& agent_id,
                                                                 const std::string& lane) {
  auto rows = connection.query("SELECT epoch, seq, event_id FROM " + quote_identifier(options.schema) +
                                   ".watermarks WHERE agent_id = " + connection.quote_literal(agent_id) +
                                   " AND lane = " + connection.quote_literal(lane),
                               statement_deadline(options), "reading the watermarks");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  std::vector<std::pair<Uuid, Position>> watermarks;
  for (const auto& row : rows->rows) {
    const auto epoch = Uuid::parse(row[0].value_or(""));
    if (!epoch) continue;
    watermarks.emplace_back(*epoch,
                            Position{number(row[1]), Uuid::parse(row[2].value_or("")).value_or(Uuid{})});
  }
  return watermarks;
}

PgResult<SinkIdentity> read_identity(Connection& connection, const PgOptions& options) {
  // The control file's functions may be withheld from a role, and other engines lack them: then it is unknown.
  auto rows = connection.query(
      "SELECT id FROM " + quote_identifier(options.schema) + ".sink ORDER BY created_at, id LIMIT 1",
      statement_deadline(options), "reading the sink's identity");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  SinkIdentity identity;
  if (!rows->rows.empty()) identity.sink_id = rows->rows[0][0].value_or("");
  auto started = connection.query("SELECT pg_postmaster_start_time()", statement_deadline(options),
                                  "reading the server's start");
  if (!started && started.error().connection_lost) return fail(std::move(started).error());
  if (started && !started->rows.empty()) identity.started_at = started->rows[0][0].value_or("");
  auto control = connection.query(
      // The WAL's own name tells a promotion at once; the control file only after the next checkpoint.
      "SELECT system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"
      " FROM pg_control_system()",
      statement_deadline(options), "reading the timeline");
  if (!control) {
    if (control.error().connection_lost) return fail(std::move(control).error());
    return identity;
  }
  if (!control->rows.empty()) {
    identity.system_identifier = control->rows[0][0].value_or("");
    identity.timeline = number(control->rows[0][1]);
  }
  return identity;
}

}  // namespace hookspool::net

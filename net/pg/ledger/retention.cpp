#include "net/pg/ledger/retention.h"

#include <charconv>

#include "net/pg/tables/retention_schema.h"
#include "net/pg/tables/schema.h"

namespace hookspool::net {
namespace {

Deadline answer_deadline() {
  return std::chrono::steady_clock::now() + kPruneAnswerMax;
}

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The role's name is asked for only where a hint needs it.
PgError without_right(PgError error, Connection& connection, const PgOptions& options) {
  error = not_the_event(std::move(error));
  const auto role = connection.query("SELECT current_user", answer_deadline(), "asking for the role");
  const std::string name = role && !role->rows.empty() ? role->rows[0][0].value_or("") : "";
  error.hint =
      "keep_rows deletes rows by the function prune(), which the agent's role may not call. An administrator "
      "must run "
      "this in the database:\n" +
      prune_grant_sql(options.schema, name.empty() ? "hookspool" : name);
  return error;
}

}  // namespace

PgResult<std::vector<std::string>> feed_sources(Connection& connection, const PgOptions& options,
                                                const std::string& agent_id) {
  auto rows = connection.query("SELECT source FROM " + quote_identifier(options.schema) +
                                   ".feeds WHERE agent_id = " + connection.quote_literal(agent_id) +
                                   " ORDER BY source",
                               answer_deadline(), "listing the sources of the events table");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  std::vector<std::string> sources;
  for (auto& row : rows->rows) sources.push_back(row[0].value_or(""));
  return sources;
}

PgResult<Pruned> prune(Connection& connection, const PgOptions& options, const PruneRequest& request) {
  auto rows = connection.query(
      "SET LOCAL statement_timeout = " + std::to_string(kPruneTimeout.count()) +
          ";SET LOCAL lock_timeout = 300;SET LOCAL synchronous_commit = off;"
          "SELECT deleted, reached, held_by FROM " +
          quote_identifier(options.schema) + ".prune(" + connection.quote_literal(request.agent_id) + ", " +
          connection.quote_literal(request.source) + ", interval '" + std::to_string(request.keep.count()) +
          " milliseconds', " + std::to_string(request.rows_max) + ", " + std::to_string(request.after) + ")",
      answer_deadline(), "deleting old rows");
  if (!rows) {
    if (rows.error().sqlstate == "42501")
      return fail(without_right(std::move(rows).error(), connection, options));
    return fail(not_the_event(std::move(rows).error()));
  }
  Pruned pruned;
  if (rows->rows.empty()) return pruned;
  const auto& row = rows->rows.front();
  pruned.deleted = number(row[0].value_or("0"));
  if (row[1]) pruned.reached = number(*row[1]);
  pruned.held_by = row[2].value_or("");
  return pruned;
}

}  // namespace hookspool::net

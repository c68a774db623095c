#include "net/pg/ledger/consumer_lag.h"

#include <charconv>

#include "net/pg/tables/schema.h"

namespace hookspool::net {
namespace {

std::optional<std::uint64_t> number(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  std::uint64_t value = 0;
  std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

}  // namespace

PgResult<std::vector<ConsumerLag>> read_consumer_lag(Connection& connection, const PgOptions& options) {
  auto rows = connection.query(
      "SELECT consumer, source, agent_id, arrival, waiting,"
      " CASE WHEN oldest IS NOT NULL"
      " THEN (extract(epoch FROM greatest(clock_timestamp() - oldest, '0')) * 1000)::bigint END, skipped, lost,"
      " CASE WHEN not_before > clock_timestamp()"
      " THEN (extract(epoch FROM not_before - clock_timestamp()) * 1000)::bigint END FROM " +
          quote_identifier(options.schema) + ".consumer_lag ORDER BY consumer, source, agent_id",
      statement_deadline(options), "reading the consumers");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  std::vector<ConsumerLag> all;
  for (const auto& row : rows->rows) {
    all.push_back({.consumer = row[0].value_or(""),
                   .source = row[1].value_or(""),
                   .agent_id = row[2].value_or(""),
                   .arrival = number(row[3]).value_or(0),
                   .waiting = number(row[4]).value_or(0),
                   .oldest_age_ms = number(row[5]),
                   .skipped = number(row[6]).value_or(0),
                   .lost = number(row[7]).value_or(0),
                   .backoff_ms = number(row[8])});
  }
  return all;
}

}  // namespace hookspool::net

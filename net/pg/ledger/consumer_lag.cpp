#include "net/pg/ledger/consumer_lag.h"

#include <charconv>

#include "net/pg/tables/schema.h"

namespace hookspool::net {
namespace {

constexpr int kConsumerNameMax = 200;  // characters

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
      " THEN (extract(epoch FROM greatest(clock_timestamp() - oldest, '0')) * 1000)::bigint END, skipped, "
      "lost,"
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

PgResult<ConsumerTotals> read_consumer_totals(Connection& connection, const PgOptions& options,
                                              const ConsumerQuestion& question, Deadline deadline) {
  constexpr std::string_view kAttempt = "reading the consumers' lag";
  auto rows = connection.query(
      "BEGIN READ ONLY;SET LOCAL statement_timeout = " + std::to_string(question.statement_max.count()) +
          ";SELECT left(consumer, " + std::to_string(kConsumerNameMax) +
          "), sum(waiting),"
          " CASE WHEN min(oldest) IS NOT NULL"
          " THEN (extract(epoch FROM greatest(clock_timestamp() - min(oldest), '0')) * 1000)::bigint END,"
          " sum(skipped), sum(lost), count(*) OVER () FROM " +
          quote_identifier(options.schema) +
          ".consumer_lag WHERE agent_id = " + connection.quote_literal(question.agent_id) +
          " GROUP BY 1 ORDER BY 1 LIMIT " + std::to_string(question.consumers_max),
      deadline, kAttempt);
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  auto ended = connection.query("COMMIT", deadline, kAttempt);
  if (!ended) return fail(not_the_event(std::move(ended).error()));
  ConsumerTotals totals;
  for (const auto& row : rows->rows) {
    totals.consumers = number(row[5]).value_or(0);
    totals.first.push_back({.consumer = row[0].value_or(""),
                            .waiting = number(row[1]).value_or(0),
                            .oldest_age_ms = number(row[2]),
                            .skipped = number(row[3]).value_or(0),
                            .lost = number(row[4]).value_or(0)});
  }
  return totals;
}

}  // namespace hookspool::net

#include "net/pg/delivery/feed_counter.h"

#include <charconv>

#include "net/pg/tables/schema.h"

namespace hookspool::net {
namespace {

template <class T>
T number(const std::optional<std::string>& text) {
  T value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

}  // namespace

FeedCounter::FeedCounter(const Connection& connection, const PgOptions& options, const std::string& agent_id,
                         const std::string& source)
    : feeds_(quote_identifier(options.schema) + ".feeds"),
      agent_(connection.quote_literal(agent_id)),
      source_(connection.quote_literal(source)),
      make_("SELECT " + quote_identifier(options.schema) + ".make_feed(" + agent_ + ", " + source_ + ")") {}

std::string FeedCounter::lock_sql() const {
  return "SELECT feed, arrival FROM " + feeds_ + " WHERE agent_id = " + agent_ + " AND source = " + source_ +
         " FOR UPDATE;";
}

std::string FeedCounter::make_sql() const {
  return make_;
}

std::string FeedCounter::lock_and_move_sql(std::size_t rows) {
  moved_by_ = static_cast<std::int64_t>(rows);
  return "WITH moved AS (UPDATE " + feeds_ + " SET arrival = arrival + " + std::to_string(rows) +
         " WHERE agent_id = " + agent_ + " AND source = " + source_ +
         " RETURNING feed, arrival) SELECT max(feed), max(arrival), 1 / count(*) FROM moved;";
}

bool FeedCounter::take(const PgRows& rows) {
  if (rows.rows.empty() || rows.rows.front().size() < 2) return false;
  const auto& row = rows.rows.front();
  state_.feed = number<std::int32_t>(row[0]);
  state_.stored = number<std::int64_t>(row[1]);
  state_.last = state_.stored - moved_by_;
  return state_.feed != 0;
}

std::string FeedCounter::move_sql() const {
  if (state_.last == state_.stored) return {};
  return "WITH moved AS (UPDATE " + feeds_ + " SET arrival = " + std::to_string(state_.last) +
         " WHERE feed = " + std::to_string(state_.feed) + " AND arrival = " + std::to_string(state_.stored) +
         " RETURNING 1) SELECT 1 / count(*) FROM moved;";
}

}  // namespace hookspool::net

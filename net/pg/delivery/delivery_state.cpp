#include "net/pg/delivery/delivery_state.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "net/pg/delivery/copy_rows.h"
#include "net/pg/tables/mapping.h"
#include "net/pg/tables/schema.h"

namespace hookspool::net {
namespace {

constexpr std::chrono::seconds kRollbackLimit{5};

// What a role's or a database's settings must not decide. READ COMMITTED, because under REPEATABLE READ a lock that was
// waited for fails instead of showing what its last owner has committed. The rest decides what a value in a table of the
// user's own becomes: a text without a zone is UTC, a date 01/02/2026 is of January, XML may be a fragment, NULL in an
// array is one, row-level security filters. What the server warns of at COMMIT has to be heard.
constexpr std::string_view kBegin =
    "BEGIN ISOLATION LEVEL READ COMMITTED;SET LOCAL synchronous_commit = on;SET LOCAL TimeZone = 'UTC';"
    "SET LOCAL timezone_abbreviations = 'Default';SET LOCAL DateStyle = 'ISO, MDY';SET LOCAL IntervalStyle = "
    "'postgres';"
    "SET LOCAL xmloption = content;SET LOCAL array_nulls = on;SET LOCAL row_security = on;"
    "SET LOCAL client_min_messages = warning;";

std::string milliseconds(std::chrono::milliseconds duration) {
  return std::to_string(duration.count());
}

// Shorter than a statement may take, so that a lock that another session holds is reported as such (55P03) and not taken
// for a statement that is too slow.
std::chrono::milliseconds lock_wait(const PgOptions& options) {
  if (options.statement_timeout.count() == 0) return options.lock_timeout;
  const auto longest = std::max(options.statement_timeout * 3 / 4, std::chrono::milliseconds(1));
  return options.lock_timeout.count() == 0 ? longest : std::min(options.lock_timeout, longest);
}

PgResult<std::optional<Position>> parse_watermark(const PgRows& rows) {
  if (rows.rows.empty()) return std::optional<Position>();
  const auto& row = rows.rows.front();
  Position position;
  bool valid = row.size() == 2 && row[0].has_value();
  if (valid) {
    const char* end = row[0]->data() + row[0]->size();
    const auto parsed = std::from_chars(row[0]->data(), end, position.seq);
    valid = parsed.ec == std::errc() && parsed.ptr == end;
  }
  if (valid && row[1].has_value()) {
    const std::optional<Uuid> id = Uuid::parse(*row[1]);
    valid = id.has_value();
    position.id = id.value_or(Uuid{});
  }
  if (!valid) {
    return fail(PgError{.error_class = ErrorClass::kSetup,
                        .text = "reading the watermark: its row holds no number and id",
                        .hint = "The table watermarks was edited by hand: restore the row."});
  }
  return std::optional<Position>(position);
}

}  // namespace

DeliveryTransaction::State::State(Connection& the_connection, const PgOptions& the_options, LaneKey the_key)
    : connection(the_connection),
      options(the_options),
      key(std::move(the_key)),
      schema(quote_identifier(options.schema)),
      where("agent_id = " + connection.quote_literal(key.agent_id) + " AND epoch = '" +
            key.epoch.to_string() + "' AND lane = " + connection.quote_literal(key.lane)),
      target(Target::of_lane(connection, options, key.agent_id, key.lane)) {}

DeliveryTransaction::State::~State() {
  if (ended || connection.broken() || connection.usable()) return;
  // Whatever this answers, the pool resets or closes what is not usable.
  (void)connection.query("ROLLBACK", std::chrono::steady_clock::now() + kRollbackLimit, "rolling back");
}

std::string DeliveryTransaction::State::select() const {
  return "SELECT seq, event_id FROM " + schema + ".watermarks WHERE " + where + " FOR UPDATE";
}

// That the watermark's event is the one that is expected, where it has not been read before it is moved.
std::string DeliveryTransaction::State::same_event_sql() const {
  return " AND event_id " +
         (watermark->id.is_nil() ? std::string("IS NULL") : "= '" + watermark->id.to_string() + "'");
}

// Divides by zero, and so never reaches COMMIT, unless exactly the row that is meant is moved.
std::string DeliveryTransaction::State::move_sql(const std::string& also) const {
  const std::string id = position.id.is_nil() ? "NULL" : "'" + position.id.to_string() + "'";
  return "WITH moved AS (UPDATE " + schema + ".watermarks SET seq = " + std::to_string(position.seq) +
         ", event_id = " + id + ", updated_at = now() WHERE " + where + also +
         " AND seq = " + std::to_string(watermark->seq) + " RETURNING 1) SELECT 1 / count(*) FROM moved;";
}

std::string DeliveryTransaction::State::key_values() const {
  return connection.quote_literal(key.agent_id) + ", '" + key.epoch.to_string() + "', " +
         connection.quote_literal(key.lane);
}

std::string DeliveryTransaction::State::begin_sql() const {
  return std::string(kBegin) + "SET LOCAL lock_timeout = " + milliseconds(lock_wait(options)) +
         ";SET LOCAL statement_timeout = " + milliseconds(options.statement_timeout) +
         ";SET LOCAL idle_in_transaction_session_timeout = " +
         milliseconds(options.idle_in_transaction_session_timeout) + ";";
}

PgResult<void> DeliveryTransaction::State::lock() {
  return take_watermark(
      connection.query(begin_sql() + select(), statement_deadline(options), "locking the watermark"));
}

PgResult<void> DeliveryTransaction::State::create() {
  return take_watermark(connection.query("INSERT INTO " + schema +
                                             ".watermarks (agent_id, epoch, lane, seq) VALUES (" +
                                             key_values() + ", 0) ON CONFLICT DO NOTHING;" + select(),
                                         statement_deadline(options), "making the watermark"));
}

PgResult<void> DeliveryTransaction::State::take_watermark(PgResult<PgRows> rows) {
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  auto read = parse_watermark(*rows);
  if (!read) return fail(std::move(read).error());
  watermark = *read;
  if (watermark) position = *watermark;
  return {};
}

// Of the events that were put back, those whose dead letter is still there; it goes in the same transaction.
PgResult<std::set<Uuid>> DeliveryTransaction::State::take_from_dead_letters(
    std::span<const EventPtr> events) {
  std::set<Uuid> taken;
  std::string ids;
  for (const EventPtr& event : events) {
    if (!event->event.requeued_id.is_nil()) ids += (ids.empty() ? "'" : ", '") + event->id.to_string() + "'";
  }
  if (ids.empty()) return taken;
  auto rows =
      connection.query("DELETE FROM " + schema + ".dead_letters WHERE id IN (" + ids + ") RETURNING id",
                       statement_deadline(options), "taking back dead letters");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  for (const auto& row : rows->rows) {
    if (const auto id = Uuid::parse(row[0].value_or(""))) taken.insert(*id);
  }
  return taken;
}

// All but those that were put back and are not among the dead letters any more: they have been put in before.
PgResult<std::vector<EventPtr>> DeliveryTransaction::State::to_put(std::span<const EventPtr> events) {
  auto taken = take_from_dead_letters(events);
  if (!taken) return fail(std::move(taken).error());
  std::vector<EventPtr> all;
  all.reserve(events.size());
  for (const EventPtr& event : events) {
    // Put back twice, it is twice in the journal: the first of them is the row.
    if (event->event.requeued_id.is_nil() || taken->erase(event->id) > 0) all.push_back(event);
  }
  return all;
}

// A refusal for the setup is looked into at once, while the table is as it was refused.
PgError DeliveryTransaction::State::refused(PgError error) {
  const bool setup = error.error_class == ErrorClass::kSetup || error.error_class == ErrorClass::kUnclear;
  if (!setup || error.connection_lost) return error;
  return roll_back() ? target->explained(std::move(error)) : error;
}

bool DeliveryTransaction::State::roll_back() {
  ended = true;
  return connection.query("ROLLBACK", std::chrono::steady_clock::now() + kRollbackLimit, "rolling back").ok();
}

PgResult<void> DeliveryTransaction::State::run(const std::string& sql, std::string_view attempt) {
  auto done = connection.query(sql, statement_deadline(options), attempt);
  if (!done) return fail(not_the_event(std::move(done).error()));
  return {};
}

PgResult<void> DeliveryTransaction::State::keep_dead_letter(const StoredEvent& event, const PgError& why) {
  const Deadline deadline = statement_deadline(options);
  // An event that was put back and is refused again has its dead letter still: the new reason replaces the old.
  auto cleared = run("DELETE FROM " + schema + ".dead_letters WHERE id = '" + event.id.to_string() + "'",
                     "keeping a dead letter");
  if (!cleared) return cleared;
  auto started = connection.copy_start(
      "COPY " + schema + ".dead_letters (" + std::string(kDeadLetterColumns) + ") FROM STDIN (FORMAT binary)",
      deadline);
  if (!started) return fail(not_the_event(std::move(started).error()));
  CopyWriter copy(connection, deadline);
  write_dead_letter_row(copy, key.agent_id, Outgoing(event, body_rules(options.tables.get(), key.lane)), why);
  auto copied = copy.finish();
  if (!copied) return fail(not_the_event(std::move(copied).error()));
  return {};
}

PgResult<std::vector<Lost>> DeliveryTransaction::State::lost_among(std::uint64_t first_seq,
                                                                   std::uint64_t last_seq) {
  auto rows = connection.query("SELECT first_seq, last_seq FROM " + schema + ".gaps WHERE " + where +
                                   " AND first_seq <= " + std::to_string(last_seq) +
                                   " AND last_seq >= " + std::to_string(first_seq) + " FOR UPDATE",
                               statement_deadline(options), "reading the gaps");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  std::vector<Lost> lost;
  for (const auto& row : rows->rows) {
    Lost range;
    std::from_chars(row[0]->data(), row[0]->data() + row[0]->size(), range.first_seq);
    std::from_chars(row[1]->data(), row[1]->data() + row[1]->size(), range.last_seq);
    lost.push_back(range);
  }
  return lost;
}

// What of a recorded range lies before and after the healed numbers stays recorded.
PgResult<void> DeliveryTransaction::State::no_longer_lost(std::span<const Lost> lost, std::uint64_t first_seq,
                                                          std::uint64_t last_seq) {
  std::string sql;
  for (const Lost& range : lost) {
    const std::string row = where + " AND first_seq = " + std::to_string(range.first_seq) + ";";
    if (range.last_seq > last_seq) {
      sql += "INSERT INTO " + schema +
             ".gaps (agent_id, epoch, lane, first_seq, last_seq, noted_at) SELECT agent_id, epoch, lane, " +
             std::to_string(last_seq + 1) + ", last_seq, noted_at FROM " + schema + ".gaps WHERE " + where +
             " AND first_seq = " + std::to_string(range.first_seq) + std::string(kWidenGap) + ";";
    }
    sql +=
        range.first_seq < first_seq
            ? "UPDATE " + schema + ".gaps SET last_seq = " + std::to_string(first_seq - 1) + " WHERE " + row
            : "DELETE FROM " + schema + ".gaps WHERE " + row;
  }
  return sql.empty() ? PgResult<void>() : run(sql, "taking back a gap");
}

}  // namespace hookspool::net

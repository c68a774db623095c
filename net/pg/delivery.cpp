#include "net/pg/delivery.h"

#include <cassert>
#include <charconv>
#include <chrono>
#include <utility>

#include "net/pg/copy_rows.h"
#include "net/pg/schema.h"

namespace hookspool::net {
namespace {

constexpr std::chrono::seconds kRollbackLimit{5};

std::string milliseconds(std::chrono::milliseconds duration) {
  return std::to_string(duration.count());
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
                        .hint = "Somebody edited the table watermarks by hand: restore the row."});
  }
  return std::optional<Position>(position);
}

}  // namespace

struct DeliveryTransaction::State {
  State(Connection& the_connection, const PgOptions& the_options, LaneKey the_key)
      : connection(the_connection),
        options(the_options),
        key(std::move(the_key)),
        schema(quote_identifier(options.schema)),
        where("agent_id = " + connection.quote_literal(key.agent_id) + " AND epoch = '" +
              key.epoch.to_string() + "' AND lane = " + connection.quote_literal(key.lane)) {}
  ~State() {
    if (ended || connection.broken() || connection.usable()) return;
    // Whatever this answers, the pool resets or closes what is not usable.
    (void)connection.query("ROLLBACK", std::chrono::steady_clock::now() + kRollbackLimit, "rolling back");
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::string select() const {
    return "SELECT seq, event_id FROM " + schema + ".watermarks WHERE " + where + " FOR UPDATE";
  }
  PgResult<void> lock(bool create);
  PgError duplicate_or(PgError error) const;

  Connection& connection;
  PgOptions options;
  LaneKey key;
  std::string schema;  // quoted
  std::string where;   // the lane's row in watermarks
  std::optional<Position> watermark;
  Position last;  // of what has been copied
  bool ended = false;
};

PgResult<void> DeliveryTransaction::State::lock(bool create) {
  // READ COMMITTED is not left to the role's settings: under REPEATABLE READ a lock that was waited for fails
  // instead of showing what its last owner has committed.
  const std::string begin =
      "BEGIN ISOLATION LEVEL READ COMMITTED;SET LOCAL synchronous_commit = on;"
      "SET LOCAL lock_timeout = " +
      milliseconds(options.lock_timeout) +
      ";SET LOCAL statement_timeout = " + milliseconds(options.statement_timeout) +
      ";SET LOCAL idle_in_transaction_session_timeout = " +
      milliseconds(options.idle_in_transaction_session_timeout) + ";";
  auto rows = connection.query(begin + select(), statement_deadline(options), "locking the watermark");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  if (rows->rows.empty() && create) {
    rows =
        connection.query("INSERT INTO " + schema + ".watermarks (agent_id, epoch, lane, seq) VALUES (" +
                             connection.quote_literal(key.agent_id) + ", '" + key.epoch.to_string() + "', " +
                             connection.quote_literal(key.lane) + ", 0) ON CONFLICT DO NOTHING;" + select(),
                         statement_deadline(options), "making the watermark");
    if (!rows) return fail(not_the_event(std::move(rows).error()));
  }
  auto position = parse_watermark(*rows);
  if (!position) return fail(std::move(position).error());
  watermark = *position;
  if (watermark) last = *watermark;
  return {};
}

// Our own key refusing a row is not the event's fault: the rows are there, and the watermark does not say so.
PgError DeliveryTransaction::State::duplicate_or(PgError error) const {
  if (error.sqlstate != "23505" || error.constraint != kEventsPrimaryKey) return error;
  error.error_class = ErrorClass::kSetup;
  error.hint = "Rows of lane " + key.lane + " above its watermark are already in " + schema +
               ".events: somebody changed the table watermarks, or restored one table without the other.";
  return error;
}

PgResult<DeliveryTransaction> DeliveryTransaction::begin(Connection& connection, const PgOptions& options,
                                                         LaneKey key, bool create) {
  auto state = std::make_unique<State>(connection, options, std::move(key));
  if (auto locked = state->lock(create); !locked) return fail(std::move(locked).error());
  return DeliveryTransaction(std::move(state));
}

DeliveryTransaction::DeliveryTransaction(std::unique_ptr<State> state) : state_(std::move(state)) {}
DeliveryTransaction::DeliveryTransaction(DeliveryTransaction&&) noexcept = default;
DeliveryTransaction::~DeliveryTransaction() = default;

const std::optional<Position>& DeliveryTransaction::watermark() const {
  return state_->watermark;
}

PgResult<bool> DeliveryTransaction::rows_above(std::uint64_t seq, const Uuid& after) {
  const State& state = *state_;
  std::string where = " WHERE epoch = '" + state.key.epoch.to_string() +
                      "' AND source = " + state.connection.quote_literal(state.key.lane) + " AND seq > " +
                      std::to_string(seq);
  if (!after.is_nil()) where += " AND id > '" + after.to_string() + "'";
  auto rows =
      state.connection.query("SELECT EXISTS (SELECT FROM " + state.schema + ".events" + where +
                                 ") OR EXISTS (SELECT FROM " + state.schema + ".dead_letters" + where + ")",
                             statement_deadline(state.options), "looking for rows above the watermark");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  return rows->rows.size() == 1 && rows->rows.front().front() == "t";
}

PgResult<void> DeliveryTransaction::copy(std::span<const EventPtr> events) {
  State& state = *state_;
  assert(state.watermark && !state.ended);
  if (events.empty()) return {};
  const Deadline deadline = statement_deadline(state.options);
  auto started = state.connection.copy_start(
      "COPY " + state.schema + ".events (" + std::string(kEventColumns) + ") FROM STDIN (FORMAT binary)",
      deadline);
  if (!started) return fail(not_the_event(std::move(started).error()));
  EventCopy rows(state.connection, state.key.agent_id, deadline);
  std::uint64_t seq = state.last.seq;
  for (const EventPtr& event : events) {
    assert(event->seq == seq + 1 && event->epoch == state.key.epoch && event->event.lane == state.key.lane);
    seq = event->seq;
    rows.add(*event);
  }
  auto copied = rows.finish();
  if (!copied) return fail(state.duplicate_or(std::move(copied).error()));
  if (*copied != events.size()) {
    return fail(PgError{.error_class = ErrorClass::kSetup,
                        .text = "copying rows: PostgreSQL took " + std::to_string(*copied) + " of " +
                                std::to_string(events.size()) + " rows",
                        .hint = "A trigger or a rule on the table drops rows: it must let every row in."});
  }
  state.last = {seq, events.back()->id};
  return {};
}

PgResult<void> DeliveryTransaction::commit() {
  State& state = *state_;
  assert(!state.ended);
  constexpr std::string_view attempt = "committing";
  std::string sql;
  if (state.watermark && state.last != *state.watermark) {
    // Divides by zero, and so never reaches COMMIT, unless exactly the row that was read is moved.
    sql = "WITH moved AS (UPDATE " + state.schema +
          ".watermarks SET seq = " + std::to_string(state.last.seq) + ", event_id = '" +
          state.last.id.to_string() + "', updated_at = now() WHERE " + state.where +
          " AND seq = " + std::to_string(state.watermark->seq) +
          " RETURNING 1) SELECT 1 / count(*) FROM moved;";
  }
  auto answer = state.connection.query(sql + "COMMIT", statement_deadline(state.options), attempt);
  if (!answer) {
    PgError error = std::move(answer).error();
    // 40003: statement completion unknown. Without an answer the commit may have happened, whatever the
    // reason.
    error.in_doubt = error.connection_lost || error.sqlstate == "40003";
    if (error.sqlstate == "22012" && !sql.empty()) {
      error.error_class = ErrorClass::kSetup;
      error.text = std::string(attempt) + ": the watermark's row is not there any more";
    }
    return fail(std::move(error));
  }
  state.ended = true;
  if (answer->command_tag != "COMMIT") {
    return fail(PgError{.text = std::string(attempt) + ": PostgreSQL answered " + answer->command_tag +
                                ", for the transaction had failed before"});
  }
  if (answer->warning_sqlstate == "01000") {
    // The wait for a synchronous standby was cancelled: committed here, perhaps not there.
    return fail(
        PgError{.sqlstate = answer->warning_sqlstate,
                .text = std::string(attempt) + ": PostgreSQL committed, with a warning that it may not last",
                .hint = "Is the synchronous standby there?",
                .in_doubt = true});
  }
  return {};
}

}  // namespace hookspool::net

#include "net/pg/delivery.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "net/pg/copy_rows.h"
#include "net/pg/schema.h"
#include "net/pg/target.h"

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

// A recorded range of lost numbers.
struct Lost {
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
};

struct DeliveryTransaction::State {
  State(Connection& the_connection, const PgOptions& the_options, LaneKey the_key)
      : connection(the_connection),
        options(the_options),
        key(std::move(the_key)),
        schema(quote_identifier(options.schema)),
        where("agent_id = " + connection.quote_literal(key.agent_id) + " AND epoch = '" +
              key.epoch.to_string() + "' AND lane = " + connection.quote_literal(key.lane)),
        target(Target::of_lane(connection, options, key.agent_id, key.lane)) {}
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
  std::string key_values() const {
    return connection.quote_literal(key.agent_id) + ", '" + key.epoch.to_string() + "', " +
           connection.quote_literal(key.lane);
  }
  std::string notify_sql() const;
  PgResult<void> lock();
  PgResult<void> create();
  PgResult<void> take_watermark(PgResult<PgRows> rows);
  PgResult<std::set<Uuid>> take_from_dead_letters(std::span<const EventPtr> events);
  PgResult<std::vector<EventPtr>> to_put(std::span<const EventPtr> events);
  PgResult<void> keep_dead_letter(const StoredEvent& event, const PgError& why);
  PgResult<std::vector<Lost>> lost_among(std::uint64_t first_seq, std::uint64_t last_seq);
  PgResult<void> no_longer_lost(std::span<const Lost> lost, std::uint64_t first_seq, std::uint64_t last_seq);
  PgError refused(PgError error);
  PgResult<void> run(const std::string& sql, std::string_view attempt);

  Connection& connection;
  PgOptions options;
  LaneKey key;
  std::string schema;  // quoted
  std::string where;   // the lane's row in watermarks
  std::optional<Position> watermark;
  Position position;  // the watermark's, then of what has been copied, buried or skipped
  std::unique_ptr<Target> target;
  bool ended = false;
};

// Consumers hear of a batch when, and only when, they can see it: PostgreSQL sends notifications at COMMIT.
std::string DeliveryTransaction::State::notify_sql() const {
  if (options.notify.empty()) return {};
  const std::string told = nlohmann::json{{"lane", key.lane}, {"seq", position.seq}}.dump(
      -1, ' ', true, nlohmann::json::error_handler_t::replace);
  return "SELECT pg_notify(" + connection.quote_literal(options.notify) + ", " +
         connection.quote_literal(told) + ");";
}

PgResult<void> DeliveryTransaction::State::lock() {
  // READ COMMITTED is not left to the role's settings: under REPEATABLE READ a lock that was waited for fails
  // instead of showing what its last owner has committed.
  const std::string begin =
      "BEGIN ISOLATION LEVEL READ COMMITTED;SET LOCAL synchronous_commit = on;"
      "SET LOCAL lock_timeout = " +
      milliseconds(options.lock_timeout) +
      ";SET LOCAL statement_timeout = " + milliseconds(options.statement_timeout) +
      ";SET LOCAL idle_in_transaction_session_timeout = " +
      milliseconds(options.idle_in_transaction_session_timeout) + ";";
  return take_watermark(
      connection.query(begin + select(), statement_deadline(options), "locking the watermark"));
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
    if (!event->event.again.is_nil()) ids += (ids.empty() ? "'" : ", '") + event->id.to_string() + "'";
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
    if (event->event.again.is_nil() || taken->erase(event->id) > 0) all.push_back(event);
  }
  return all;
}

// A refusal for the setup is looked into at once, while the table is as it was refused.
PgError DeliveryTransaction::State::refused(PgError error) {
  if (error.error_class != ErrorClass::kSetup || error.connection_lost) return error;
  ended = true;
  auto rolled_back =
      connection.query("ROLLBACK", std::chrono::steady_clock::now() + kRollbackLimit, "rolling back");
  return rolled_back ? target->explained(std::move(error)) : error;
}

PgResult<void> DeliveryTransaction::State::run(const std::string& sql, std::string_view attempt) {
  auto done = connection.query(sql, statement_deadline(options), attempt);
  if (!done) return fail(not_the_event(std::move(done).error()));
  return {};
}

PgResult<DeliveryTransaction> DeliveryTransaction::begin(Connection& connection, const PgOptions& options,
                                                         LaneKey key, bool create) {
  auto state = std::make_unique<State>(connection, options, std::move(key));
  if (auto locked = state->lock(); !locked) return fail(std::move(locked).error());
  if (!state->watermark && create) {
    if (auto made = state->create(); !made) return fail(std::move(made).error());
  }
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
      state.connection.query("SELECT " + state.target->exists_sql(where), statement_deadline(state.options),
                             "looking for rows above the watermark");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  return rows->rows.size() == 1 && rows->rows.front().front() == "t";
}

PgResult<void> DeliveryTransaction::create_watermark() {
  return state_->create();
}

const Position& DeliveryTransaction::position() const {
  return state_->position;
}

PgResult<void> DeliveryTransaction::copy(std::span<const EventPtr> events) {
  State& state = *state_;
  assert(state.watermark && !state.ended);
  if (events.empty()) return {};
  for (std::uint64_t seq = state.position.seq; const EventPtr& event : events) {
    assert(event->seq == ++seq && event->epoch == state.key.epoch && event->event.lane == state.key.lane);
  }
  auto rows = state.to_put(events);
  if (!rows) return fail(std::move(rows).error());
  auto put = state.target->put(*rows);
  if (!put) return fail(state.refused(std::move(put).error()));
  state.position = {events.back()->seq, events.back()->id};
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
  write_dead_letter_row(copy, key.agent_id, event, why);
  auto copied = copy.finish();
  if (!copied) return fail(not_the_event(std::move(copied).error()));
  return {};
}

PgResult<void> DeliveryTransaction::bury(const StoredEvent& event, const PgError& why) {
  State& state = *state_;
  assert(state.watermark && !state.ended && event.seq == state.position.seq + 1);
  if (auto kept = state.keep_dead_letter(event, why); !kept) return kept;
  state.position = {event.seq, event.id};
  return {};
}

PgResult<void> DeliveryTransaction::skip_gap(std::uint64_t last_seq) {
  State& state = *state_;
  assert(state.watermark && !state.ended && last_seq > state.position.seq);
  auto noted = state.run("INSERT INTO " + state.schema +
                             ".gaps (agent_id, epoch, lane, first_seq, last_seq) VALUES (" +
                             state.key_values() + ", " + std::to_string(state.position.seq + 1) + ", " +
                             std::to_string(last_seq) + ") ON CONFLICT DO NOTHING",
                         "recording a gap");
  if (!noted) return noted;
  state.position = {last_seq, Uuid{}};
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
             std::to_string(last_seq + 1) + ", last_seq, noted_at FROM " + schema + ".gaps WHERE " + row;
    }
    sql +=
        range.first_seq < first_seq
            ? "UPDATE " + schema + ".gaps SET last_seq = " + std::to_string(first_seq - 1) + " WHERE " + row
            : "DELETE FROM " + schema + ".gaps WHERE " + row;
  }
  return sql.empty() ? PgResult<void>() : run(sql, "taking back a gap");
}

PgResult<std::uint64_t> DeliveryTransaction::heal(std::span<const EventPtr> events) {
  State& state = *state_;
  assert(state.watermark && !state.ended && !events.empty() && events.back()->seq <= state.watermark->seq);
  const std::uint64_t first_seq = events.front()->seq, last_seq = events.back()->seq;
  auto lost = state.lost_among(first_seq, last_seq);
  if (!lost) return fail(std::move(lost).error());
  std::vector<EventPtr> back;
  for (const EventPtr& event : events) {
    const bool is_lost = std::any_of(lost->begin(), lost->end(), [&](const Lost& range) {
      return range.first_seq <= event->seq && event->seq <= range.last_seq;
    });
    if (is_lost) back.push_back(event);
  }
  if (back.empty()) return std::uint64_t{0};
  auto rows = state.to_put(back);
  if (!rows) return fail(std::move(rows).error());
  // Where rows can be told apart by id, one that is there already stays as it is.
  if (state.target->comparable()) {
    auto put = state.target->put_missing(*rows);
    if (!put) return fail(state.refused(std::move(put).error()));
  } else {
    auto put = state.target->put(*rows);
    if (!put) return fail(state.refused(std::move(put).error()));
  }
  auto shrunk = state.no_longer_lost(*lost, first_seq, last_seq);
  if (!shrunk) return fail(std::move(shrunk).error());
  return static_cast<std::uint64_t>(back.size());
}

PgResult<void> DeliveryTransaction::heal_as_dead_letter(const StoredEvent& event, const PgError& why) {
  State& state = *state_;
  assert(state.watermark && !state.ended && event.seq <= state.watermark->seq);
  auto lost = state.lost_among(event.seq, event.seq);
  if (!lost) return fail(std::move(lost).error());
  if (lost->empty()) return {};
  if (auto kept = state.keep_dead_letter(event, why); !kept) return kept;
  return state.no_longer_lost(*lost, event.seq, event.seq);
}

PgResult<std::uint64_t> DeliveryTransaction::reconcile(std::span<const EventPtr> events) {
  State& state = *state_;
  assert(!state.ended);
  if (events.empty()) return std::uint64_t{0};
  auto rows = state.to_put(events);
  if (!rows) return fail(std::move(rows).error());
  return state.target->put_missing(*rows);
}

bool DeliveryTransaction::comparable() const {
  return state_->target->comparable();
}

void DeliveryTransaction::settle(const Position& position) {
  state_->position = position;
}

PgResult<void> DeliveryTransaction::probe() {
  auto put = state_->target->put({});
  if (!put) return fail(state_->refused(std::move(put).error()));
  return {};
}

PgResult<void> DeliveryTransaction::commit() {
  State& state = *state_;
  assert(!state.ended);
  constexpr std::string_view attempt = "committing";
  std::string sql;
  if (state.watermark && state.position != *state.watermark) {
    const std::string id = state.position.id.is_nil() ? "NULL" : "'" + state.position.id.to_string() + "'";
    // Divides by zero, and so never reaches COMMIT, unless exactly the row that was read is moved.
    sql = "WITH moved AS (UPDATE " + state.schema +
          ".watermarks SET seq = " + std::to_string(state.position.seq) + ", event_id = " + id +
          ", updated_at = now() WHERE " + state.where + " AND seq = " + std::to_string(state.watermark->seq) +
          " RETURNING 1) SELECT 1 / count(*) FROM moved;" + state.notify_sql();
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

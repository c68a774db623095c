#include "net/pg/delivery/delivery.h"

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

#include "net/pg/delivery/delivery_state.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kCheckRows = "SET CONSTRAINTS ALL IMMEDIATE;";

}  // namespace

PgResult<DeliveryTransaction> DeliveryTransaction::begin(Connection& connection, const PgOptions& options,
                                                         LaneKey key, bool create) {
  auto state = std::make_unique<State>(connection, options, std::move(key));
  if (auto locked = state->lock(); !locked) return fail(std::move(locked).error());
  if (!state->watermark && create) {
    if (auto made = state->create(); !made) return fail(std::move(made).error());
  }
  return DeliveryTransaction(std::move(state));
}

PgResult<std::optional<DeliveryTransaction>> DeliveryTransaction::begin_at(Connection& connection,
                                                                           const PgOptions& options,
                                                                           LaneKey key, const Position& from,
                                                                           std::span<const EventPtr> events) {
  auto state = std::make_unique<State>(connection, options, std::move(key));
  state->watermark = from;
  state->position = {events.back()->seq, events.back()->id};
  state->target->expect(events.size());
  const std::string before = state->begin_sql() + state->move_sql(state->same_event_sql());
  if (auto begun = state->target->begin(before, "moving the watermark"); !begun) {
    if (begun.error().sqlstate == "22012") return std::optional<DeliveryTransaction>();
    return fail(std::move(begun).error());
  }
  state->moved = true;
  if (auto put = state->target->put(events); !put) return fail(state->refused(std::move(put).error()));
  return std::optional(DeliveryTransaction(std::move(state)));
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
  if (auto some = copy_some(events); !some) return some;
  return finish_copy();
}

PgResult<void> DeliveryTransaction::copy_some(std::span<const EventPtr> events) {
  State& state = *state_;
  assert(state.watermark && !state.ended && !state.moved);
  if (events.empty()) return {};
  for (std::uint64_t seq = state.position.seq; const EventPtr& event : events) {
    seq += 1;
    assert(event->seq == seq && event->epoch == state.key.epoch && event->event.lane == state.key.lane);
  }
  const bool asks = std::any_of(events.begin(), events.end(),
                                [](const EventPtr& event) { return !event->event.requeued_id.is_nil(); });
  if (asks) {  // for dead letters, which a connection in the middle of a COPY cannot
    if (auto finished = finish_copy(); !finished) return finished;
  }
  auto rows = state.to_put(events);
  if (!rows) return fail(std::move(rows).error());
  auto put = state.target->put_some(*rows);
  if (!put) {
    state.position = *state.watermark;
    return fail(state.refused(std::move(put).error()));
  }
  state.position = {events.back()->seq, events.back()->id};
  return {};
}

PgResult<void> DeliveryTransaction::finish_copy() {
  auto finished = state_->target->finish();
  if (finished) return {};
  state_->position = *state_->watermark;  // of all that was copied nothing will be there
  return fail(state_->refused(std::move(finished).error()));
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
                             std::to_string(last_seq) + ")" + std::string(kWidenGap),
                         "recording a gap");
  if (!noted) return noted;
  state.position = {last_seq, Uuid{}};
  return {};
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
  // Where rows can be distinguished by id, one that is there already stays as it is.
  if (state.target->comparable()) {
    // A recorded gap is the proof that it was never there.
    auto put = state.target->put_missing(*rows, Target::Pruned::kPutIn);
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

PgResult<std::uint64_t> DeliveryTransaction::reconcile(std::span<const EventPtr> events,
                                                       std::uint64_t delivered_to) {
  State& state = *state_;
  assert(!state.ended);
  if (events.empty()) return std::uint64_t{0};
  const auto unproven = std::find_if(events.begin(), events.end(),
                                     [&](const EventPtr& event) { return event->seq > delivered_to; });
  if (unproven != events.end()) {
    if (auto refused = state.target->refuse_perhaps_deleted({unproven, events.end()}); !refused)
      return fail(std::move(refused).error());
  }
  auto rows = state.to_put(events);
  if (!rows) return fail(std::move(rows).error());
  return state.target->put_missing(*rows, Target::Pruned::kLeaveOut);
}

RowCounts DeliveryTransaction::counts() const {
  return state_->target->counts();
}

bool DeliveryTransaction::comparable() const {
  return state_->target->comparable();
}

void DeliveryTransaction::settle(const Position& position) {
  state_->position = position;
}

PgResult<void> DeliveryTransaction::probe() {
  auto put = state_->target->put({});
  if (!put) return fail(not_the_event(state_->refused(std::move(put).error())));
  return {};
}

PgResult<bool> DeliveryTransaction::takes(const EventPtr& event) {
  State& state = *state_;
  assert(!state.ended);
  if (auto begun = state.run("SAVEPOINT hookspool_try", "trying an event"); !begun)
    return fail(begun.error());
  state.target->savepoint();
  auto put = state.target->put(std::span(&event, 1));
  if (put) {
    auto checked = state.connection.query(std::string(kCheckRows), statement_deadline(state.options),
                                          "checking deferred constraints");
    if (!checked) put = fail(std::move(checked).error());
  }
  if (!put && (put.error().connection_lost || put.error().error_class == ErrorClass::kOutage)) {
    return fail(std::move(put).error());
  }
  auto undone = state.run("ROLLBACK TO SAVEPOINT hookspool_try;RELEASE SAVEPOINT hookspool_try",
                          "taking a tried event back");
  if (!undone) return fail(std::move(undone).error());
  state.target->back_to_savepoint();
  return put.ok();
}

PgResult<void> DeliveryTransaction::keep(const StoredEvent& event, const PgError& why) {
  assert(!state_->ended);
  return state_->keep_dead_letter(event, why);
}

// Which of the message's statements failed tells whose fault it is: the first is that of the rows, COMMIT may be, and
// those between are ours.
PgError DeliveryTransaction::State::not_committed(PgError error, std::size_t own_statements) const {
  // 40003: statement completion unknown. Without an answer the commit may have happened, whatever the reason.
  error.in_doubt = error.connection_lost || error.sqlstate == "40003";
  if (error.sqlstate == "25P02") {
    error.error_class = ErrorClass::kOutage;
    error.text = "committing: PostgreSQL answers ROLLBACK, for the transaction had failed before";
    error.may_quote = false;
  }
  if (error.connection_lost || error.statements_done == 0) return error;
  if (error.statements_done <= own_statements) {
    if (error.sqlstate == "22012")
      error.text = "committing: the row of the watermark, or of the feed, is not there any more";
    return not_the_event(std::move(error));
  }
  return error;
}

PgResult<void> DeliveryTransaction::commit() {
  State& state = *state_;
  assert(!state.ended);
  constexpr std::string_view attempt = "committing";
  // What is deferred is checked first, so that a row's refusal is reported by a statement, before the watermark moves.
  std::string sql(kCheckRows);
  std::size_t own_statements = 0;
  if (state.watermark && state.position != *state.watermark && !state.moved) {
    sql += state.move_sql();
    own_statements = 1;
  }
  if (const std::string closing = state.target->closing_sql(); !closing.empty()) {
    sql += closing;
    own_statements += 1;
  }
  auto answer = state.connection.query(sql + "COMMIT", statement_deadline(state.options), attempt);
  if (!answer) {
    PgError error = state.not_committed(std::move(answer).error(), own_statements);
    if (!error.connection_lost) state.roll_back();
    return fail(std::move(error));
  }
  state.ended = true;
  if (answer->command_tag != "COMMIT") {
    return fail(PgError{.text = std::string(attempt) + ": PostgreSQL answered " + answer->command_tag +
                                ", for the transaction had failed before"});
  }
  if (answer->sync_wait_cancelled) {
    // Committed here, perhaps not there.
    return fail(
        PgError{.sqlstate = "01000",
                .text = std::string(attempt) + ": PostgreSQL committed, with a warning that it may not last",
                .hint = "Is the synchronous standby there?",
                .in_doubt = true});
  }
  return {};
}

}  // namespace hookspool::net

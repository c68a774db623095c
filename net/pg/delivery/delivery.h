// The delivery transaction: exactly once, because the watermark lives in the sink and moves with the rows.
//
//   BEGIN; SET LOCAL ...;
//   SELECT seq, event_id FROM watermarks WHERE (agent, epoch, lane) FOR UPDATE;  -- first, and its answer is waited for
//   SELECT feed, arrival FROM feeds WHERE (agent, source) FOR UPDATE;            -- after the watermark, before any row;
//   COPY events FROM STDIN;                                                      -- in one message. Tag must say COPY n
//     or, for a lane with a table of its own: INSERT INTO it SELECT ... FROM json_to_recordset($1)
//   INSERT INTO dead_letters ..., gaps ...;                                      -- if any
//   SET CONSTRAINTS ALL IMMEDIATE;                                               -- what is deferred is refused here,
//   UPDATE watermarks SET seq = last WHERE ... AND seq = what was read;          -- must be 1 row
//   UPDATE feeds SET arrival = last number WHERE ... AND arrival = what was read;
//   COMMIT;                                                                      -- and seldom here; tag must say COMMIT
//
// Or, where it is known where the watermark stands, in two round trips and one for COMMIT:
//
//   BEGIN; SET LOCAL ...; UPDATE watermarks SET seq = last WHERE ... AND seq = known;  -- must be 1 row, or it fails
//   UPDATE feeds SET arrival = arrival + n;                                            -- answers the first number
//   COPY events FROM STDIN;                                                            -- in the same message
//   SET CONSTRAINTS ALL IMMEDIATE; COMMIT;
//
// Reading the watermark without the lock doubles events while an old backend is still alive. The unit of retry is
// the whole transaction. Not thread-safe; must not outlive its connection. Destroyed before commit() it rolls back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "net/pg/link/connection.h"
#include "net/pg/tables/row_counts.h"
#include "storage/model/event.h"

namespace hookspool::net {

struct LaneKey {
  std::string agent_id;
  Uuid epoch;
  std::string lane;
};

class DeliveryTransaction {
 public:
  // Locks the lane's watermark row. `create` makes a missing row at seq 0; without it a missing row is reported
  // as nullopt by watermark() and nothing can be copied.
  static PgResult<DeliveryTransaction> begin(Connection& connection, const PgOptions& options, LaneKey key,
                                             bool create);
  // Begins where the watermark is known to stand, with all of what is to be sent, in two round trips: it locks and moves
  // the watermark, and copies the rows. nullopt: it stands elsewhere, and nothing was done. Only commit() may follow.
  // REQUIRES: a gap-free run that begins at from.seq + 1, none of them put back (Event::again).
  static PgResult<std::optional<DeliveryTransaction>> begin_at(Connection& connection,
                                                               const PgOptions& options, LaneKey key,
                                                               const Position& from,
                                                               std::span<const EventPtr> events);
  DeliveryTransaction(DeliveryTransaction&&) noexcept;
  DeliveryTransaction& operator=(DeliveryTransaction&&) = delete;
  ~DeliveryTransaction();

  const std::optional<Position>& watermark() const;
  // Makes the missing row at seq 0 after all.
  PgResult<void> create_watermark();

  // Does the table hold rows of this lane and epoch with a number above `seq`? (Has the bookkeeping been edited?)
  // `after`: the event id at `seq`, which bounds the search by the primary key; nil searches the whole epoch.
  // A table of the user's own has neither lane nor number, so there only our dead letters are asked: what it holds is
  // known by the watermark alone.
  PgResult<bool> rows_above(std::uint64_t seq, const Uuid& after);

  // What follows moves on from position(): first the watermark, then whatever was copied, buried or skipped.
  const Position& position() const;

  // REQUIRES: a gap-free run that begins at position().seq + 1, all of this lane and epoch. An event that was put
  // back (Event::again) goes in only if its dead letter is still there, which it removes: so it goes in once.
  PgResult<void> copy(std::span<const EventPtr> events);
  // The same in pieces, with one COPY for all of them: reading the next piece meanwhile keeps PostgreSQL busy.
  // What it refuses may be reported by any later piece or by finish_copy(), which comes before whatever else is asked.
  PgResult<void> copy_some(std::span<const EventPtr> events);
  PgResult<void> finish_copy();
  // The event at position().seq + 1 cannot be taken: keeps it whole among the dead letters.
  PgResult<void> bury(const StoredEvent& event, const PgError& why);
  // The numbers from position().seq + 1 to `last_seq` are nowhere any more: records that and goes on after them.
  PgResult<void> skip_gap(std::uint64_t last_seq);
  // REQUIRES: a gap-free run of this lane and epoch, none above the watermark. Puts in those of them that are
  // recorded as lost, and takes them out of the record: so each goes in once. Answers how many that were.
  PgResult<std::uint64_t> heal(std::span<const EventPtr> events);
  // The same for one that cannot be taken: keeps it among the dead letters.
  PgResult<void> heal_as_dead_letter(const StoredEvent& event, const PgError& why);
  // Puts in what is not there yet, by id, without moving: for runs whose numbers are not ours alone. Answers how
  // many rows that were. Where rows cannot be distinguished (comparable() says no) it is refused, as kSetup.
  // `delivered_to`: the number up to which they are known to have been delivered once. What retention has deleted of these
  // counts as there; one behind it that may have been deleted is refused, as kEvent.
  PgResult<std::uint64_t> reconcile(std::span<const EventPtr> events, std::uint64_t delivered_to);
  bool comparable() const;
  // Takes the watermark to a position that reconcile() has made true.
  void settle(const Position& position);
  // Would the table take a row at all? Copies none. What it refuses is the setup's.
  PgResult<void> probe();
  // Would it take this one? Nothing stays of it but what no rollback undoes (a sequence's numbers). An error means that
  // the question could not be asked, and leaves the transaction to be rolled back.
  PgResult<bool> takes(const EventPtr& event);
  // Keeps an event among the dead letters that the watermark has passed already, or that is another epoch's.
  PgResult<void> keep(const StoredEvent& event, const PgError& why);

  // What became no row of what was copied.
  RowCounts counts() const;

  // Moves the watermark to position() and commits. What a deferred constraint or trigger refuses is reported here, as the
  // rows' fault (PgError::error_class); nothing is committed then.
  PgResult<void> commit();

 private:
  struct State;
  explicit DeliveryTransaction(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hookspool::net

// The delivery transaction: exactly once, because the watermark lives in the sink and moves with the rows.
//
//   BEGIN; SET LOCAL ...;
//   SELECT seq, event_id FROM watermarks WHERE (agent, epoch, lane) FOR UPDATE;   -- first, and its answer is
//   waited for COPY events FROM STDIN;                                                       -- tag must say
//   COPY n UPDATE watermarks SET seq = last WHERE ... AND seq = what was read;           -- must be 1 row
//   COMMIT;                                                                       -- tag must say COMMIT
//
// Reading the watermark without the lock doubles events while an old backend is still alive. The unit of
// retry is the whole transaction. Not thread-safe; must not outlive its connection. Destroyed before commit()
// it rolls back.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "net/pg/connection.h"
#include "storage/model/event.h"

namespace hookspool::net {

struct LaneKey {
  std::string agent_id;
  Uuid epoch;
  std::string lane;
};

class DeliveryTransaction {
 public:
  // Locks the lane's watermark row. `create` makes a missing row at seq 0; without it a missing row is
  // reported as nullopt by watermark() and nothing can be copied.
  static PgResult<DeliveryTransaction> begin(Connection& connection, const PgOptions& options, LaneKey key,
                                             bool create);
  DeliveryTransaction(DeliveryTransaction&&) noexcept;
  DeliveryTransaction& operator=(DeliveryTransaction&&) = delete;
  ~DeliveryTransaction();

  const std::optional<Position>& watermark() const;

  // Does the table hold rows of this lane and epoch with a number above `seq`? (Has the bookkeeping been
  // edited?) `after`: the event id at `seq`, which bounds the search by the primary key; nil searches the
  // whole epoch.
  PgResult<bool> rows_above(std::uint64_t seq, const Uuid& after);

  // REQUIRES: a gap-free run that begins at watermark()->seq + 1, all of this lane and epoch.
  PgResult<void> copy(std::span<const EventPtr> events);
  // Moves the watermark to the last copied event (or, with nothing copied, leaves it) and commits.
  PgResult<void> commit();

 private:
  struct State;
  explicit DeliveryTransaction(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace hookspool::net

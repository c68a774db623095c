// How a lane's events become rows: of the events table, or of a table of the user's own. Used within a delivery
// transaction; every error leaves that to be rolled back. Not thread-safe; must not outlive its connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/pg/link/connection.h"
#include "net/pg/tables/row_counts.h"
#include "storage/model/event.h"

namespace hookspool::net {

class Target {
 public:
  // What `options` say about the lane.
  static std::unique_ptr<Target> of_lane(Connection& connection, const PgOptions& options,
                                         std::string agent_id, std::string lane);
  Target() = default;
  virtual ~Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  // How many rows begin() and the one put() after it will bring, where that is known beforehand.
  virtual void expect(std::size_t /*rows*/) {}
  // Sends statements that come before the rows, together with what begins these: so it costs one round trip.
  virtual PgResult<void> begin(const std::string& before, std::string_view attempt) = 0;
  // All of them, in their order. None: would the table take rows at all?
  virtual PgResult<void> put(std::span<const EventPtr> events) = 0;
  // The same while others follow: their rows may still be on their way when this returns, so a refusal may be reported by
  // a later put_some() or by finish(), before which nothing else may be asked of the connection.
  virtual PgResult<void> put_some(std::span<const EventPtr> events) { return put(events); }
  virtual PgResult<void> finish() { return {}; }
  // Those that are neither in the table nor among the dead letters; how many that were. Of what retention may have deleted
  // (the table `retention`) an id proves nothing: kLeaveOut takes it for delivered, kPutIn knows that it never was.
  enum class Pruned { kLeaveOut, kPutIn };
  virtual PgResult<std::uint64_t> put_missing(std::span<const EventPtr> events, Pruned pruned) = 0;
  // Refuses (kEvent) the first of them that is not there and that retention may have deleted: whether it ever was there is unknown.
  // For events of which nothing says that they were delivered.
  virtual PgResult<void> refuse_perhaps_deleted(std::span<const EventPtr> /*events*/) { return {}; }
  // What belongs before COMMIT on the target's behalf: one statement with its semicolon, or nothing.
  virtual std::string closing_sql() const { return {}; }
  // A savepoint was set, or the transaction went back to it.
  virtual void savepoint() {}
  virtual void back_to_savepoint() {}
  // Can rows be distinguished by the event's id, so that put_missing() has an answer?
  virtual bool comparable() const = 0;
  // An SQL expression: are there rows of the lane and epoch that `where` selects (by epoch, source, seq, id)?
  virtual std::string exists_sql(const std::string& where) const = 0;
  // What became no row of what was put since begin().
  virtual RowCounts counts() const { return {}; }
  // After put() was refused for the setup and the transaction was rolled back: what does not fit, in more words.
  virtual PgError explained(PgError error) = 0;
};

}  // namespace hookspool::net

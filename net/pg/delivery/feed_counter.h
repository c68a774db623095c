// Numbers the rows that one transaction puts into hookspool.events: arrival 1, 2, 3 ... of their feed, which is a source of an
// agent. The feed's row is locked before the first row is written and until COMMIT, and its counter moves in the same
// transaction; so numbers become visible in their order and without holes, whatever the ids are, and a consumer may read by
// "everything above the last number". Locked after the watermark, never before it. Not thread-safe: it belongs to the transaction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "net/pg/delivery/copy_rows.h"
#include "net/pg/link/connection.h"

namespace hookspool::net {

class FeedCounter {
 public:
  FeedCounter(const Connection& connection, const PgOptions& options, const std::string& agent_id,
              const std::string& source);

  bool is_locked() const { return state_.feed != 0; }
  // Locks the row. Its answer belongs to take(): no row where the feed is still to be made.
  std::string lock_sql() const;
  std::string make_sql() const;
  // Locks the row and moves its counter by `rows` at once; divides by zero where the feed is still to be made.
  std::string lock_and_move_sql(std::size_t rows);
  // What lock_sql() or lock_and_move_sql() answered; false: no row.
  bool take(const PgRows& rows);

  // The next row's. REQUIRES: is_locked().
  Arrival next() { return {state_.feed, ++state_.last}; }
  // Moves the counter to the last number that was given, unless it stands there: one statement with its semicolon, or nothing.
  // Divides by zero where the counter does not stand where it was locked.
  std::string move_sql() const;

  void savepoint() { saved_ = state_; }
  void back_to_savepoint() { state_ = saved_; }  // what was locked since is not locked any more

 private:
  struct State {
    std::int32_t feed = 0;    // 0: not locked
    std::int64_t stored = 0;  // where the counter stands in the row
    std::int64_t last = 0;    // the last number that was given
  };
  std::string feeds_;           // the table
  std::string agent_, source_;  // quoted
  std::string make_;
  std::int64_t moved_by_ = 0;  // by lock_and_move_sql()
  State state_, saved_;
};

}  // namespace hookspool::net

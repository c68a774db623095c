// [postgres] keep_rows: deletes old rows of the events table, source by source of this agent, by the database's prune(). In small
// pieces with pauses that are longer than the pieces, over a connection of its own and from a thread of its own, so that no
// delivery waits for it; what it cannot do now it does in a later round. Thread-safe; owns its thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/base/current.h"
#include "agent/base/round_thread.h"
#include "agent/config/config.h"
#include "net/pg/ledger/retention.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {

class RowRetention {
 public:
  static constexpr std::chrono::minutes kEvery{10};
  static constexpr std::size_t kRowsOfAPiece = 500, kRowsOfAPieceMin = 10;
  // A piece is followed by a pause of so many times its own duration, so that it takes a fifth of one connection at most.
  static constexpr int kPauseFactor = 4;
  static constexpr milliseconds kPauseMin{20}, kPauseMax{10'000};
  static constexpr milliseconds kConnectMax{2'000};

  struct Status {
    milliseconds keep{};                        // keep_rows in the last round; 0: there was none yet
    std::uint64_t deleted = 0;                  // rows, since the start
    std::optional<std::int64_t> round_at_us{};  // when the last round ended
    std::string source{}, held_by{};  // a source whose old rows stay, and the consumer that has not read them
    std::optional<net::PgError> error{};  // why the last round did not do all
  };

  // `may_write`: is PostgreSQL up, and the database that the journal belongs to? Asked before each round, by the thread.
  // The configuration outlives this.
  RowRetention(const Current<PostgresConfig>& config, std::string agent_id, std::function<bool()> may_write);
  ~RowRetention();
  RowRetention(const RowRetention&) = delete;
  RowRetention& operator=(const RowRetention&) = delete;

  void start();
  // keep_rows may be another one now, or PostgreSQL is up again: a round begins.
  void wake();
  // The current piece is waited for by the destructor, kPruneAnswerMax at most.
  void ask_to_end() EXCLUDES(mutex_);
  Status status() const EXCLUDES(mutex_);

 private:
  struct Round;
  void round() EXCLUDES(mutex_);
  net::PgResult<void> work(const net::PgOptions& options, milliseconds keep, Round& round) EXCLUDES(mutex_);
  net::PgResult<void> prune_source(net::Connection& connection, const net::PgOptions& options,
                                   net::PruneRequest request, Round& round) EXCLUDES(mutex_);
  bool pause(milliseconds duration) EXCLUDES(mutex_);  // false: it is to end

  const Current<PostgresConfig>& config_;
  const std::string agent_id_;
  const std::function<bool()> may_write_;
  mutable Mutex mutex_;
  CondVar ending_changed_;
  bool ending_ GUARDED_BY(mutex_) = false;
  Status status_ GUARDED_BY(mutex_);
  // Of the thread:
  std::string logged_problem_, logged_held_;  // so that each is logged once
  std::unique_ptr<RoundThread> thread_;       // last: it uses all of the above
};

}  // namespace hookspool::agent

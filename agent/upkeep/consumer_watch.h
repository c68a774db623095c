// How far the consumers of this agent's rows are behind, for /metrics: read from PostgreSQL now and then, over a connection that
// is idle, and never one that a delivery would have to wait for. Where all are at work the figures are read later, and
// after kKeptFor there are none. Thread-safe; round() belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/pg/ledger/consumer_lag.h"
#include "net/pg/link/pool.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {

class ConsumerWatch {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kReadEvery{30};
  static constexpr std::chrono::seconds kKeptFor{300};
  static constexpr std::chrono::milliseconds kStatementMax{500};  // PostgreSQL ends it then
  static constexpr std::chrono::milliseconds kAnswerMax{
      2'000};                                        // from a server that does not answer any more
  static constexpr std::size_t kConsumersMax = 200;  // by name, the first

  struct Seen {
    net::ConsumerTotals totals;
    std::int64_t read_at_us = 0;  // wall clock
  };

  // `pool` must outlive this. `agent_id`: whose rows.
  ConsumerWatch(net::Pool& pool, std::string agent_id) : pool_(pool), agent_id_(std::move(agent_id)) {}
  ConsumerWatch(const ConsumerWatch&) = delete;
  ConsumerWatch& operator=(const ConsumerWatch&) = delete;

  // Reads, where it is due and nothing would wait for it.
  void round(Clock::time_point now) EXCLUDES(mutex_);
  std::optional<Seen> seen(Clock::time_point now) const EXCLUDES(mutex_);

 private:
  net::Pool& pool_;
  const std::string agent_id_;
  Clock::time_point next_{};  // of round()
  mutable Mutex mutex_;
  std::optional<Seen> seen_ GUARDED_BY(mutex_);
  Clock::time_point seen_at_ GUARDED_BY(mutex_){};
};

}  // namespace hookspool::agent

// A lane: one source's events on their way to PostgreSQL, in order. One step is one delivery transaction.
//
// offer() comes from the journal's writer, step() from one worker at a time (Lanes sees to that), status() from
// anybody. A lane never waits: when it cannot go on it says when to come back.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/latency.h"
#include "agent/live_queue.h"
#include "agent/plan.h"
#include "net/pg/connection.h"
#include "net/pg/delivery.h"
#include "storage/journal.h"

namespace hookspool::agent {

// What the deliveries of all lanes add up to, for /health.
struct DeliveryFigures {
  LatencyRecorder transaction;       // BEGIN to COMMIT's answer
  LatencyRecorder accept_to_commit;  // received_at to COMMIT's answer
  std::atomic<std::uint64_t> delivered_live{0};      // handed over in memory: the fast path
  std::atomic<std::uint64_t> delivered_from_journal{0};
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> batches_failed{0};
  std::atomic<std::uint64_t> in_doubt{0};            // COMMIT sent, answer lost
  std::atomic<std::uint64_t> found_committed{0};     // events that PostgreSQL turned out to have already
  std::atomic<std::uint64_t> sent_again{0};          // events that PostgreSQL had lost
  std::atomic<std::uint64_t> errors_outage{0}, errors_event{0}, errors_setup{0};
};

struct LaneStatus {
  std::string name;
  std::string state;  // "online", "catching-up", "waiting", "held"
  std::uint64_t pending = 0;
  Uuid epoch;                       // of the run in hand
  std::uint64_t confirmed_seq = 0;  // in that run
  std::uint64_t last_seq = 0;
  std::string error, hint;          // the last failure while it lasts
  std::string sqlstate;
  unsigned tries_failed = 0;        // in a row
  milliseconds next_try_in{0};
};

class Lane {
 public:
  using Clock = std::chrono::steady_clock;

  struct Step {
    enum class Next { kIdle, kMore, kLater, kLineDown } next = Next::kIdle;
    Clock::time_point not_before{};        // kLater
    std::optional<net::PgError> failure;   // kLineDown
  };

  // All referenced objects must outlive the lane.
  Lane(std::string name, storage::Journal& journal, const PostgresConfig& config, LiveBudget& budget,
       DeliveryFigures& figures);

  const std::string& name() const { return name_; }
  void offer(const EventPtr& event) { live_.offer(event); }
  Step step(net::Connection& connection);
  void line_lost() { live_.close(); }
  LaneStatus status() const;

 private:
  struct Batch {
    std::vector<EventPtr> events;
    bool live = false;
  };
  std::optional<storage::LaneRun> next_run() const;
  Step deliver(net::Connection& connection, const storage::LaneRun& run);
  Result<Plan, Step> look(net::DeliveryTransaction& transaction, const storage::LaneRun& run);
  Result<Batch, Step> next_batch(const storage::LaneRun& run, std::uint64_t from_seq);
  Step send(net::DeliveryTransaction& transaction, const storage::LaneRun& run);
  void account(const Batch& batch, Clock::time_point began);

  Step failed(const net::PgError& error);
  Step failed(const storage::JournalError& error);
  Step held(std::string error, std::string sqlstate, std::string hint);
  Step later(const std::string& error, const std::string& sqlstate);
  void succeeded(bool live);

  const std::string name_;
  storage::Journal& journal_;
  const PostgresConfig& config_;
  DeliveryFigures& figures_;
  LiveQueue live_;

  mutable std::mutex mutex_;  // guards what status() reads
  LaneStatus status_;
  Clock::time_point next_try_{};
};

}  // namespace hookspool::agent

// What the parts of one lane have in common: its name, the configuration of the step, the queue of events handed over
// in memory, its report, and how a step ends after a failure.
//
// Not thread-safe but for live().enqueue() (the journal's writer) and report(): it belongs to the lane's step. What
// LaneContext names outlives it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/base/current.h"
#include "agent/base/time_source.h"
#include "agent/config/config.h"
#include "agent/delivery/delivery_figures.h"
#include "agent/delivery/lane_report.h"
#include "agent/delivery/lane_step.h"
#include "agent/delivery/live_queue.h"
#include "agent/delivery/wake_ups.h"
#include "net/pg/delivery/delivery.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

// What a lane needs of its surroundings; all of it outlives the lane. The callbacks are called by the thread that runs the
// step, without a lock; each may be empty.
struct LaneContext {
  storage::Journal& journal;
  const Current<PostgresConfig>& config;
  LiveBudget& budget;
  DeliveryFigures& figures;
  const TimeSource& time;
  WakeUps& wake_ups;
  // An event has become a dead letter; or one that was put back is delivered.
  std::function<void(const StoredEvent&, const net::PgError&)> on_buried;
  std::function<void(const Uuid&)> on_returned;
  // Events were recorded as a gap: they are in no file any more.
  std::function<void(const storage::LostIds&)> on_lost;
};

class LaneCore {
 public:
  using TimePoint = TimeSource::TimePoint;

  LaneCore(std::string name, const LaneContext& context);

  // A step reads one configuration, to its end.
  void begin_step() { config_ = context_.config.get(); }

  const std::string& name() const { return name_; }
  const LaneContext& context() const { return context_; }
  const PostgresConfig& config() const { return *config_; }
  storage::Journal& journal() const { return context_.journal; }
  DeliveryFigures& figures() const { return context_.figures; }
  TimePoint now() const { return context_.time.now(); }
  LiveQueue& live() { return live_; }
  const LiveQueue& live() const { return live_; }
  LaneReport& report() { return report_; }
  const LaneReport& report() const { return report_; }

  // Begins a transaction of a run (DeliveryTransaction::begin). `create`: makes a missing watermark at 0.
  net::PgResult<net::DeliveryTransaction> begin(net::Connection& connection, const storage::LaneRun& run,
                                                bool create) const;
  net::LaneKey key_of(const storage::LaneRun& run) const;

  // Each ends the step, with the queue closed: what comes next is read from the journal. The class of the error
  // decides whether the lane waits for the uplink, backs off or is held.
  LaneStep failed(const net::PgError& error);
  LaneStep failed(const storage::JournalError& error);
  LaneStep held(const net::PgError& error);
  // As failed(), for what passes by itself, and the queue stays as it is.
  LaneStep later(const net::PgError& error);

 private:
  const std::string name_;
  const LaneContext& context_;
  LiveQueue live_;
  LaneReport report_;
  std::shared_ptr<const PostgresConfig> config_;  // the step's; never null
};

// Whether PostgreSQL answered that it does not take these rows, and the connection is still usable.
bool is_refusal(const net::PgError& error);

}  // namespace hookspool::agent

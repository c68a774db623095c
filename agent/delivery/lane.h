// A lane: one source's events on their way to PostgreSQL, in order. One step is one delivery transaction.
//
// enqueue() comes from the journal's writer, step() from one worker at a time (Lanes sees to that), status() from
// any thread. A lane does not wait, but for the journal's sync, and briefly: when it cannot go on it says when to come
// back.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/current.h"
#include "agent/base/refusal.h"
#include "agent/base/repeated_lines.h"
#include "agent/config/config.h"
#include "agent/delivery/delivery_figures.h"
#include "agent/delivery/durability_latch.h"
#include "agent/delivery/isolation.h"
#include "agent/delivery/live_queue.h"
#include "agent/delivery/pace.h"
#include "agent/delivery/plan.h"
#include "net/pg/delivery/delivery.h"
#include "net/pg/link/connection.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

struct LaneStatus {
  std::string name;
  std::string state;  // "online", "catching-up", "waiting", "held"
  std::uint64_t pending = 0;
  Uuid epoch;                       // of the run in hand
  std::uint64_t confirmed_seq = 0;  // in that run
  std::uint64_t last_seq = 0;
  std::string error, hint;  // the last failure while it lasts
  std::string sqlstate;
  bool may_quote = false;  // `error` may quote an event (PgError::may_quote)
  Uuid refused_id;  // the event that PostgreSQL refuses and that the lane cannot pass; nil: none is known
  unsigned tries_failed = 0;  // in a row
  milliseconds next_try_in{0};
  // Not a hiccup: a lane that waits and has failed this often in a row is told of, and is not "catching up".
  static constexpr unsigned kTriesBeforeTold = 3;
  bool stuck() const {
    return state == "held" || (state == "waiting" && !error.empty() && tries_failed >= kTriesBeforeTold);
  }
};

// What a lane needs of its surroundings; all of it outlives the lane.
struct LaneContext {
  storage::Journal& journal;
  const Current<PostgresConfig>& config;
  LiveBudget& budget;
  DeliveryFigures& figures;
  // An event was taken out of the line and kept among the dead letters; or one that was put back is delivered.
  std::function<void(const StoredEvent&, const net::PgError&)> on_buried;
  std::function<void(const Uuid&)> on_returned;
  // Events were recorded as a gap: they are in no file any more.
  std::function<void(const storage::LostIds&)> on_lost;
};

class Lane {
 public:
  using Clock = std::chrono::steady_clock;

  struct Step {
    enum class Next { kIdle, kMore, kLater, kLineDown } next = Next::kIdle;
    Clock::time_point not_before{};             // kLater
    std::optional<net::PgError> failure;        // kLineDown
    std::optional<Clock::time_point> sooner{};  // kLater: a new event may bring that forward to this
  };

  Lane(std::string name, const LaneContext& context);

  static constexpr std::size_t kAheadEventsMax = 64;

  const std::string& name() const { return name_; }
  // Whether a thread waits for it, which is then to be notified, without a lock held.
  bool enqueue(const EventPtr& event) {
    live_.enqueue(event);
    return durable_.publish(*event);
  }
  void notify_waiter() { durable_.notify(); }
  Step step(net::Connection& connection);
  // The same with what the journal is about to sync, which is copied meanwhile and committed only after it has been
  // offered. Where the lane has anything else to do, or it is not offered soon, nothing comes of it.
  Step step_ahead(net::Connection& connection, const std::vector<EventPtr>& coming);
  // A new connection may lead to a database that has lost commits: look at every retained run before going on. Also
  // after a change of the lane's table, which is then looked at before the next event.
  void uplink_came_up() { check_due_ = true; }
  // An administrator's word that the watermark is to be made right by comparing ids.
  void request_repair() { repair_ = true; }
  // An administrator's word that what the lane cannot pass becomes a dead letter: the event that is refused now and up
  // to `count` in all that are refused after it, without one that goes in between. `id`: that event, and no other.
  Granted<void> request_bury(std::size_t count, const std::optional<Uuid>& id);
  struct BuryOutcome {
    std::size_t buried = 0;
    bool over = false;  // nothing more comes of the request
  };
  BuryOutcome wait_buried(Clock::time_point until);
  LaneStatus status() const;
  // What was counted instead of logged: of those intervals that are over, or all at the end.
  void close_logs(Clock::time_point now);
  void finish_logs();

 private:
  // What goes, or went, into one transaction.
  struct Batch {
    std::vector<EventPtr> events;  // the last slice, or none; what was read if that is one event only
    std::uint64_t first_seq = 0;
    std::size_t count = 0;
    std::size_t live = 0;  // of them, without a look at the disk
    bool ahead = false;    // begun before they were durable
    std::size_t bytes = 0;
    std::vector<std::int64_t> received_at_us;
    std::vector<Uuid> put_back;                   // dead letters that were among them
    std::optional<storage::JournalError> unread;  // why it ended where it did

    void count_last_slice();
  };
  // An event that was refused alone.
  struct Refused {
    Uuid epoch;
    std::uint64_t seq = 0;
    Uuid id;
    Isolation::Blame blame = Isolation::Blame::kEvent;
    net::PgError error;
  };
  Step next_step(net::Connection& connection);
  std::optional<Step> check_runs(net::Connection& connection);
  std::optional<Step> heal(net::Connection& connection);
  Step heal_batch(net::Connection& connection, const storage::LaneRun& run, std::vector<EventPtr> batch);
  Step stays_lost(const storage::LaneRun& run, const StoredEvent& event, const net::PgError& error);
  std::optional<storage::LaneRun> next_run() const;
  Step deliver(net::Connection& connection, const storage::LaneRun& run);
  Result<Plan, Step> look(net::DeliveryTransaction& transaction, const storage::LaneRun& run);
  Step carry_out(const Plan& plan, net::Connection& connection, net::DeliveryTransaction transaction,
                 const storage::LaneRun& run);
  storage::JournalResult<void> next_slice(const storage::LaneRun& run, std::uint64_t from_seq,
                                          std::size_t events_max, Batch& batch);
  net::PgResult<void> copy(net::DeliveryTransaction& transaction, const storage::LaneRun& run,
                           Clock::time_point began, Batch& batch);
  Step send(net::Connection& connection, net::DeliveryTransaction transaction, const storage::LaneRun& run);
  Step commit(net::Connection& connection, net::DeliveryTransaction transaction, const storage::LaneRun& run,
              const Batch& batch, Clock::time_point began);
  std::optional<storage::LaneRun> run_of(const std::vector<EventPtr>& coming) const;
  Step not_taken(net::Connection& connection, const storage::LaneRun& run, const Batch& batch,
                 const net::PgError& error);
  void passed();
  Step refused(net::Connection& connection, const storage::LaneRun& run, const Batch& batch,
               const net::PgError& error);
  Step lost(const storage::LaneRun& run, std::uint64_t first_seq, std::size_t count, const Uuid& id,
            const net::PgError& error);
  void note_refused(Refused refused);
  Step prove(net::Connection& connection, const storage::LaneRun& run);
  storage::JournalResult<std::vector<EventPtr>> next_behind(const storage::LaneRun& run);
  Step unproven();
  Step held_by(const net::PgError& error);
  Step bury(net::Connection& connection, const storage::LaneRun& run, const EventPtr& event,
            const net::PgError& error, bool control);
  Result<EventPtr, Step> head_of(const storage::LaneRun& run, std::uint64_t seq);
  bool bury_wanted(const Uuid& id) const;
  void told_buried();
  void bury_is_over();
  Step skip_damaged(net::DeliveryTransaction transaction, const storage::LaneRun& run,
                    const storage::JournalError& damage);
  Result<std::uint64_t, storage::JournalError> end_of_damage(const storage::LaneRun& run, std::uint64_t first,
                                                             const storage::JournalError& damage);
  void tell_lost(const storage::LaneRun& run, std::uint64_t first, std::uint64_t last, Uuid after);
  Step reconcile(net::Connection& connection, net::DeliveryTransaction transaction,
                 const storage::LaneRun& run, const std::string& reason);
  std::optional<Step> compare_refused(net::Connection& connection, const storage::LaneRun& run,
                                      const std::vector<EventPtr>& batch, const net::PgError& error);
  std::size_t compared_events_max() const;
  Step repair(net::Connection& connection);
  std::optional<Step> settle_unseen(net::DeliveryTransaction& transaction, const storage::LaneRun& run);
  net::PgResult<void> restore(net::Connection& connection);
  net::PgResult<void> put_back(net::Connection& connection);
  void account(const Batch& batch, Clock::time_point began);

  Step failed(const net::PgError& error);
  Step failed(const storage::JournalError& error);
  Step held(const net::PgError& error);
  Step later(const net::PgError& error);
  void set_error(const net::PgError& error);
  void succeeded(bool live);
  unsigned status_tries() const;
  net::LaneKey key_of(const storage::LaneRun& run) const {
    return {context_.journal.agent_id(), run.epoch, name_};
  }

  const std::string name_;
  const LaneContext& context_;
  LiveQueue live_;
  DurabilityLatch durable_;
  std::atomic<bool> check_due_{true}, repair_{false};
  RepeatedLines dead_lines_{"lane " + name_, "dead letter", "dead letters"};
  RepeatedLines lost_lines_{"lane " + name_, "event stays recorded as lost", "events stay recorded as lost"};
  RepeatedLines fewer_lines_{"lane " + name_, "batch was too much", "batches were too much"};

  // Of the worker that runs the step.
  std::shared_ptr<const PostgresConfig> config_;  // the step's, to its end
  Isolation isolation_;
  std::optional<Refused> refusal_;  // the last, while the lane has not passed it
  bool proving_ = false;            // it waits for another event to be taken
  struct {
    Uuid epoch;
    std::uint64_t seq = 0;              // the last that was tried
    std::size_t events = 0, bytes = 0;  // since the lane last waited
  } search_;
  std::optional<std::pair<Uuid, std::uint64_t>>
      taken_;              // the last that was tried and taken: epoch and number
  bool restored_ = false;  // what an earlier life had buried in a row is known
  Pace pace_;
  Clock::time_point ahead_from_{};           // not before this after having waited in vain
  std::map<Uuid, std::uint64_t> healed_to_;  // epoch -> number, while lost events are put in
  bool heal_one_by_one_ = false;
  bool compare_one_by_one_ = false;
  std::size_t compared_refused_ = 0;  // buried in a row while comparing
  struct LostSoFar {
    Uuid epoch;
    std::uint64_t last_seq = 0;
    Uuid after;
  } lost_so_far_;                              // the stretch that was recorded last
  std::set<Uuid> suspect_;                     // epochs whose watermark is not where we left it
  std::map<Uuid, std::uint64_t> repaired_to_;  // epoch -> number, while a repair is under way
  bool repaired_unseen_ = false;               // some of it without comparing

  mutable std::mutex mutex_;  // guards what status() reads
  LaneStatus status_;
  std::string told_waiting_;  // the SQLSTATE with which the log was told that the lane waits
  Clock::time_point next_try_{};
  struct {
    std::size_t left = 0;
    std::optional<Uuid> id;
    std::size_t done = 0;
  } bury_;  // what an administrator asked for
  std::condition_variable buried_;
};

}  // namespace hookspool::agent

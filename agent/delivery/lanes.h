// All lanes and the workers that run them. A worker takes a ready lane, gives it a connection for one step, and
// puts it back at the end of the row: lanes share the pool fairly, and one that is held or backs off costs nothing.
//
// committing() and committed() are called by the journal's writer, uplink_changed() by the thread that changed the uplink; all
// return at once.
// Thread-safe. Owns the workers' threads; there are as many as the pool has connections.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/base/owned_threads.h"
#include "agent/base/time_source.h"
#include "agent/delivery/lane.h"
#include "agent/delivery/lane_schedule.h"
#include "agent/delivery/uplink.h"
#include "net/pg/link/pool.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {

class Lanes {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kLiveBytesMax = 8u << 20;  // of all live queues together
  static constexpr milliseconds kAfterException{1'000};   // before a lane whose step threw is tried again

  using OnBuried = std::function<void(const StoredEvent&, const net::PgError&)>;
  using OnReturned = std::function<void(const Uuid&)>;
  using OnLost = std::function<void(const storage::LostIds&)>;

  // What is given outlives the lanes.
  Lanes(storage::Journal& journal, net::Pool& pool, const Current<PostgresConfig>& config, OnBuried on_buried,
        OnReturned on_returned = nullptr, OnLost on_lost = nullptr, const TimeSource& time = real_time());
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // Also takes up what the journal holds from earlier lives.
  void start(Uplink& uplink) EXCLUDES(mutex_);
  // Workers end after the step they are in. False: one was still in its step when the grace was over (a server
  // that does not answer); nothing is lost by leaving it there, its transaction has no COMMIT or is in doubt.
  bool stop(milliseconds grace) EXCLUDES(mutex_);

  // What the journal is about to sync: a lane that has nothing else to do begins with it.
  void committing(std::span<const EventPtr> events) EXCLUDES(mutex_);
  void committed(std::span<const EventPtr> events) EXCLUDES(mutex_);
  // What Uplink::status() answered; of two that come in the wrong order the newer counts.
  void uplink_changed(const Uplink::Status& uplink) EXCLUDES(mutex_);
  // Events of earlier lives have turned up in the journal.
  void journal_grew() EXCLUDES(mutex_);
  // Held and waiting lanes try again at once.
  void retry_now() EXCLUDES(mutex_);
  bool repair(const std::string& lane) EXCLUDES(mutex_);  // false: no such lane
  // What holds the lane becomes a dead letter, and up to `count` in all that are refused after it (BuryRequest).
  // Waits for it, for kBuryWait at most; what is left is done after that.
  static constexpr milliseconds kBuryWait{10'000};
  AdminResult<BuryRequest::Outcome> bury(const std::string& lane, std::size_t count,
                                         const std::optional<Uuid>& id) EXCLUDES(mutex_);
  // The configuration says something else of these lanes' tables now: each looks at its table again, held or not.
  void tables_changed(std::span<const std::string> lanes) EXCLUDES(mutex_);

  std::vector<LaneStatus> statuses() const EXCLUDES(mutex_);
  // Lane::close_logs and finish_logs of each.
  void close_logs(Clock::time_point now) EXCLUDES(mutex_);
  void finish_logs() EXCLUDES(mutex_);
  DeliveryFigures& figures() { return figures_; }

 private:
  // One that is made stays, so a pointer to its lane may be kept without the mutex.
  struct Entry : LaneTurn {
    Entry(std::string name, const LaneContext& context) : lane(std::move(name), context) {}
    Lane lane;
  };
  void ask_to_end() EXCLUDES(mutex_);
  Entry& entry(const std::string& name) REQUIRES(mutex_);
  Entry* find(const std::string& name) REQUIRES(mutex_);
  std::vector<Lane*> lanes() EXCLUDES(mutex_);
  Entry* take_ready() REQUIRES(mutex_);  // waits; nullptr when stopping
  Lane::Step run_step(Entry& entry, const std::vector<EventPtr>& coming) EXCLUDES(mutex_);
  Lane::Step guarded_step(Lane& lane, const std::vector<EventPtr>& coming,
                          std::chrono::steady_clock::time_point& opened_at) const;
  void work() EXCLUDES(mutex_);

  storage::Journal& journal_;
  net::Pool& pool_;
  const Current<PostgresConfig>& config_;
  const TimeSource& time_;
  LiveBudget budget_{kLiveBytesMax};
  DeliveryFigures figures_;
  WakeUps wake_ups_;
  const LaneContext context_;

  mutable Mutex mutex_;
  CondVar wake_;
  Uplink* uplink_ GUARDED_BY(mutex_) = nullptr;  // none before start()
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_ GUARDED_BY(mutex_);
  LaneSchedule schedule_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::uint64_t wakes_ GUARDED_BY(mutex_) =
      0;  // counted before wake_ is notified: what a waiting worker looks at
  std::size_t idle_ GUARDED_BY(mutex_) = 0;  // workers that wait for a lane
  OwnedThreads workers_;                     // last: they use all of the above
};

}  // namespace hookspool::agent

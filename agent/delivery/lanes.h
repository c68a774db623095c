// All lanes and the workers that run them. A worker takes a ready lane, gives it a connection for one step, and
// puts it back at the end of the row: lanes share the pool fairly, and one that is held or backs off costs nothing.
//
// committing() and committed() are called by the journal's writer, uplink_changed() by the thread that changed the line; all
// return at once.
// Thread-safe. Owns the workers' threads; there are as many as the pool has connections.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "agent/delivery/lane.h"
#include "agent/delivery/uplink.h"
#include "net/pg/link/pool.h"

namespace hookspool::agent {

class Lanes {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kLiveBytesMax = 8u << 20;  // of all live queues together
  // After an outage each lane begins within this share of it, at random, so that a fleet of agents does not arrive
  // at once; and never later than kSpreadMax.
  static constexpr int kSpreadShare = 10;
  static constexpr milliseconds kSpreadMax{5'000};
  static constexpr milliseconds kAfterException{1'000};  // before a lane whose step threw is tried again

  using OnBuried = std::function<void(const StoredEvent&, const net::PgError&)>;
  using OnReturned = std::function<void(const Uuid&)>;
  using OnLost = std::function<void(const storage::LostIds&)>;

  Lanes(storage::Journal& journal, net::Pool& pool, const Current<PostgresConfig>& config, OnBuried on_buried,
        OnReturned on_returned = nullptr, OnLost on_lost = nullptr, const TimeSource& time = real_time());
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  void start(Uplink& uplink);  // also takes up what the journal holds from earlier lives
  // Workers end after the step they are in. False: one was still in its step when the grace was over (a server
  // that does not answer); nothing is lost by leaving it there, its transaction has no COMMIT or is in doubt.
  bool stop(milliseconds grace);

  // What the journal is about to sync: a lane that has nothing else to do begins with it.
  void committing(std::span<const EventPtr> events);
  void committed(std::span<const EventPtr> events);
  // What Uplink::status() said; of two that come in the wrong order the newer counts.
  void uplink_changed(const Uplink::Status& uplink);
  void journal_grew();                   // events of earlier lives have turned up in it
  void retry_now();                      // held and waiting lanes try again at once
  bool repair(const std::string& lane);  // false: no such lane
  // What holds the lane becomes a dead letter, and up to `count` in all that are refused after it (Lane::request_bury).
  // Waits for it, for kBuryWait at most; what is left is done after that.
  static constexpr milliseconds kBuryWait{10'000};
  Granted<BuryRequest::Outcome> bury(const std::string& lane, std::size_t count,
                                     const std::optional<Uuid>& id);
  // The configuration says something else of these lanes' tables now: each looks at its table again, held or not.
  void tables_changed(std::span<const std::string> lanes);

  std::vector<LaneStatus> statuses() const;
  // Lane::close_logs and finish_logs of each.
  void close_logs(Clock::time_point now);
  void finish_logs();
  DeliveryFigures& figures() { return figures_; }

 private:
  struct Entry {
    Entry(std::string name, const LaneContext& context) : lane(std::move(name), context) {}
    Lane lane;
    bool ready = false, running = false, again = false;  // guarded by Lanes::mutex_
    Clock::time_point not_before{};
    std::optional<Clock::time_point> sooner;  // where a new event may bring it forward to
    std::vector<EventPtr> coming;             // to begin with; at most Lane::kAheadEventsMax
  };
  Entry& entry(const std::string& name);  // REQUIRES: mutex_ held
  std::vector<Lane*> lanes();
  void make_ready(Entry& entry);                     // REQUIRES: mutex_ held
  Entry* take_ready(std::unique_lock<std::mutex>&);  // waits; nullptr when stopping
  void finish(Entry& entry, const Lane::Step& step);
  Clock::time_point start_of(milliseconds outage) const;
  static Lane::Step guarded_step(Lane& lane, net::Connection& connection,
                                 const std::vector<EventPtr>& coming);
  void work();

  storage::Journal& journal_;
  net::Pool& pool_;
  const Current<PostgresConfig>& config_;
  LiveBudget budget_{kLiveBytesMax};
  DeliveryFigures figures_;
  const LaneContext context_;
  Uplink* uplink_ = nullptr;

  mutable std::mutex mutex_;
  std::condition_variable wake_, ended_;
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_;
  std::deque<Entry*> ready_;
  std::multimap<Clock::time_point, Entry*> delayed_;
  bool uplink_up_ = false, stopping_ = false;
  std::uint64_t uplink_changes_ = 0;  // Uplink::Status::changes of what uplink_up_ was taken from
  std::size_t working_ = 0;           // workers that have not ended
  std::size_t idle_ = 0;              // of them, those that wait for a lane
  std::vector<std::thread> workers_;
};

}  // namespace hookspool::agent

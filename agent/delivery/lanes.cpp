#include "agent/delivery/lanes.h"

#include <exception>
#include <utility>

#include "agent/base/log.h"
#include "agent/base/random.h"
#include "agent/base/units.h"
#include "net/pg/tables/mapping.h"

namespace hookspool::agent {

Lanes::Lanes(storage::Journal& journal, net::Pool& pool, const Current<PostgresConfig>& config,
             OnBuried on_buried, OnReturned on_returned, OnLost on_lost, const TimeSource& time)
    : journal_(journal),
      pool_(pool),
      config_(config),
      time_(time),
      wake_ups_(config),
      context_{journal_,
               config_,
               budget_,
               figures_,
               time_,
               wake_ups_,
               std::move(on_buried),
               std::move(on_returned),
               std::move(on_lost)} {}

Lanes::~Lanes() {
  ask_to_end();
}

void Lanes::start(Uplink& uplink) {
  wake_ups_.start();
  const MutexLock lock(mutex_);
  uplink_ = &uplink;
  for (const auto& name : journal_.lanes()) schedule_.make_ready(entry(name));
  // A table of its own is checked before the lane's first event.
  const auto config = config_.get();
  if (const auto& tables = config->options.tables) {
    for (const auto& [name, mapping] : tables->by_lane) schedule_.make_ready(entry(name));
  }
  for (std::size_t i = 0; i < config->options.pool_size; ++i) workers_.start("delivery", [this] { work(); });
}

bool Lanes::stop(milliseconds grace) {
  ask_to_end();
  return workers_.join(grace);
}

void Lanes::ask_to_end() {
  wake_ups_.ask_to_end();
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

Lanes::Entry& Lanes::entry(const std::string& name) {
  auto& slot = entries_[name];
  if (!slot) {
    slot = std::make_unique<Entry>(name, context_);
    schedule_.add(*slot);
  }
  return *slot;
}

Lanes::Entry* Lanes::find(const std::string& name) {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second.get();
}

// Only where it delays no other work: a small group, no lane that is ready, and a worker left for one that may become so.
void Lanes::committing(std::span<const EventPtr> events) {
  if (events.size() > Lane::kAheadEventsMax) return;
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    if (!schedule_.uplink_up() || schedule_.any_ready()) return;
    const auto now = time_.now();
    std::size_t spare = idle_;
    for (const auto& event : events) {
      Entry* lane = find(event->event.lane);
      if (lane != nullptr && schedule_.announce(*lane, event, now, spare)) wake = true;
    }
    if (wake) wakes_ += 1;
  }
  if (wake) wake_.notify_one();
}

void Lanes::committed(std::span<const EventPtr> events) {
  bool wake = false;
  std::vector<Lane*> awaited;
  {
    const MutexLock lock(mutex_);
    const auto now = time_.now();
    Entry* last = nullptr;
    for (const auto& event : events) {
      if (last == nullptr || last->lane.name() != event->event.lane) {
        last = &entry(event->event.lane);
        if (schedule_.committed(*last, now)) wake = true;
      }
      if (last->lane.enqueue(event)) awaited.push_back(&last->lane);
    }
    if (wake) wakes_ += 1;
  }
  for (Lane* lane : awaited) lane->notify_waiter();
  if (wake) wake_.notify_one();
}

void Lanes::uplink_changed(const Uplink::Status& uplink) {
  {
    const MutexLock lock(mutex_);
    if (schedule_.uplink_changed(uplink, time_.now(), random_unit)) {
      for (auto& [name, entry] : entries_) entry->lane.uplink_came_up();
    }
    wakes_ += 1;
  }
  wake_.notify_all();
}

bool Lanes::repair(const std::string& lane) {
  {
    const MutexLock lock(mutex_);
    Entry* found = find(lane);
    if (found == nullptr) return false;
    found->lane.request_repair();
    schedule_.retry(*found);  // one that is caught up waits for nothing
  }
  retry_now();
  return true;
}

AdminResult<BuryRequest::Outcome> Lanes::bury(const std::string& lane, std::size_t count,
                                              const std::optional<Uuid>& id) {
  Lane* held = nullptr;
  {
    const MutexLock lock(mutex_);
    Entry* found = find(lane);
    if (found == nullptr)
      return fail(AdminError{404, "there is no lane " + lane, "hookspool status lists the lanes."});
    held = &found->lane;
    if (const auto asked = held->request_bury(count, id); !asked) return fail(asked.error());
    schedule_.retry(*found);
    wakes_ += 1;
  }
  wake_.notify_one();
  return held->wait_buried(Clock::now() + kBuryWait);
}

void Lanes::tables_changed(std::span<const std::string> lanes) {
  if (lanes.empty()) return;
  {
    const MutexLock lock(mutex_);
    for (const auto& name : lanes) {
      Entry& changed = entry(name);
      changed.lane.uplink_came_up();
      schedule_.retry(changed);
    }
  }
  retry_now();
}

void Lanes::journal_grew() {
  {
    const MutexLock lock(mutex_);
    for (const auto& name : journal_.lanes()) schedule_.make_ready(entry(name));
    wakes_ += 1;
  }
  wake_.notify_all();
}

void Lanes::retry_now() {
  Uplink* uplink = nullptr;  // the admin socket is open before start()
  {
    const MutexLock lock(mutex_);
    uplink = uplink_;
    schedule_.retry_all();
    wakes_ += 1;
  }
  wake_.notify_all();
  if (uplink != nullptr) uplink->retry_now();
}

std::vector<Lane*> Lanes::lanes() {
  std::vector<Lane*> lanes;
  const MutexLock lock(mutex_);
  for (const auto& [name, entry] : entries_) lanes.push_back(&entry->lane);
  return lanes;
}

void Lanes::close_logs(Clock::time_point now) {
  for (Lane* lane : lanes()) lane->close_logs(now);
}

void Lanes::finish_logs() {
  for (Lane* lane : lanes()) lane->finish_logs();
}

std::vector<LaneStatus> Lanes::statuses() const {
  std::vector<const Lane*> lanes;
  bool uplink_up = false;
  {
    const MutexLock lock(mutex_);
    uplink_up = schedule_.uplink_up();
    for (const auto& [name, entry] : entries_) lanes.push_back(&entry->lane);
  }
  std::vector<LaneStatus> statuses;
  for (const auto* lane : lanes) {
    statuses.push_back(lane->status());
    auto& state = statuses.back().state;
    if (!uplink_up && state != "held") state = "waiting";  // whatever it did last
  }
  return statuses;
}

Lanes::Entry* Lanes::take_ready() {
  while (!stopping_) {
    if (LaneTurn* turn = schedule_.take(time_.now())) return static_cast<Entry*>(turn);
    const auto due = schedule_.next_due();
    const auto woken = [this, seen = wakes_]() REQUIRES(mutex_) { return stopping_ || wakes_ != seen; };
    idle_ += 1;
    if (due) {
      wake_.wait_for(mutex_, *due - time_.now(), woken);
    } else {
      wake_.wait(mutex_, woken);
    }
    idle_ -= 1;
  }
  return nullptr;
}

// Whatever a step throws (want of memory, an exception of a library) ends neither the worker nor the lane: its transaction
// is rolled back, and the next step looks at the watermark first.
Lane::Step Lanes::guarded_step(Lane& lane, const std::vector<EventPtr>& coming,
                               Clock::time_point& opened_at) const {
  try {
    opened_at = Clock::now();
    auto lease = pool_.acquire(opened_at + pool_.options().connect_timeout);
    if (!lease) return LaneStep::uplink_down(lease.error());
    opened_at = (*lease)->opened_at();
    return coming.empty() ? lane.step(**lease) : lane.step_ahead(**lease, coming);
  } catch (const std::exception& error) {
    log_error("lane " + lane.name() + ": a step was not done to its end: " + error.what() +
              "; it is tried again in " + format_duration(kAfterException));
  }
  lane.uplink_came_up();
  return LaneStep::later(time_.now() + kAfterException);
}

// A step with a connection of its own; without one the uplink is down.
Lane::Step Lanes::run_step(Entry& entry, const std::vector<EventPtr>& coming) {
  Clock::time_point opened_at;  // the connection, or the try to get one
  LaneStep step = guarded_step(entry.lane, coming, opened_at);
  if (!step.failure) return step;
  Uplink* uplink = nullptr;
  {
    const MutexLock lock(mutex_);
    uplink = uplink_;
    if (!uplink->has_recovered_since(opened_at)) schedule_.uplink_lost();
  }
  if (uplink->report_failure(*step.failure, opened_at)) return step;
  // Of an outage that is over: the next step gets a newer connection.
  entry.lane.uplink_came_up();
  return LaneStep::more();
}

void Lanes::work() {
  MutexLock lock(mutex_);
  while (Entry* entry = take_ready()) {
    // Another worker takes the next one, or waits in this one's place for a lane that is due later.
    const bool others = schedule_.any_ready() || schedule_.next_due().has_value();
    if (others) wakes_ += 1;
    const auto coming = std::exchange(entry->coming, {});
    lock.unlock();
    if (others) wake_.notify_one();
    const LaneStep step = run_step(*entry, coming);
    lock.lock();
    if (schedule_.finish(*entry, step)) {
      wakes_ += 1;
      wake_.notify_one();
    }
  }
}

}  // namespace hookspool::agent

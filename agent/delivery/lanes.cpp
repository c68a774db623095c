#include "agent/delivery/lanes.h"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "agent/base/entropy.h"
#include "agent/base/log.h"
#include "agent/base/units.h"
#include "net/pg/tables/mapping.h"

namespace hookspool::agent {

Lanes::Lanes(storage::Journal& journal, net::Pool& pool, const Current<PostgresConfig>& config,
             OnBuried on_buried, OnReturned on_returned, OnLost on_lost, const TimeSource& time)
    : journal_(journal), pool_(pool), config_(config), context_{journal_,
                                                                config_,
                                                                budget_,
                                                                figures_,
                                                                time,
                                                                std::move(on_buried),
                                                                std::move(on_returned),
                                                                std::move(on_lost)} {}

Lanes::~Lanes() {
  stop(milliseconds::max() / 2);
}

void Lanes::start(Uplink& uplink) {
  const std::lock_guard lock(mutex_);
  uplink_ = &uplink;
  for (const auto& name : journal_.lanes()) make_ready(entry(name));
  // A table of its own is checked before the lane's first event.
  const auto config = config_.get();
  if (const auto& tables = config->options.tables) {
    for (const auto& [name, mapping] : tables->by_lane) make_ready(entry(name));
  }
  working_ = config->options.pool_size;
  for (std::size_t i = 0; i < working_; ++i) {
    workers_.emplace_back([this] { work(); });
  }
}

bool Lanes::stop(milliseconds grace) {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
    const auto ended = [this] { return working_ == 0; };
    if (grace > std::chrono::hours(1)) {
      ended_.wait(lock, ended);
    } else if (!ended_.wait_for(lock, grace, ended)) {
      return false;
    }
  }
  for (auto& worker : workers_) {
    if (worker.joinable()) worker.join();
  }
  return true;
}

Lanes::Entry& Lanes::entry(const std::string& name) {
  auto& slot = entries_[name];
  if (!slot) slot = std::make_unique<Entry>(name, context_);
  return *slot;
}

void Lanes::make_ready(Entry& entry) {
  if (entry.running) {
    entry.again = true;
    return;
  }
  if (entry.ready) return;
  entry.ready = true;
  ready_.push_back(&entry);
}

// Only where it hurries nobody else: a small group, no lane that is ready, and a worker left for one that may become so.
void Lanes::committing(std::span<const EventPtr> events) {
  if (events.size() > Lane::kAheadEventsMax) return;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (!uplink_up_ || !ready_.empty()) return;
    std::size_t spare = idle_;
    for (const auto& event : events) {
      const auto found = entries_.find(event->event.lane);
      if (found == entries_.end()) continue;
      Entry& coming = *found->second;
      if (coming.coming.empty()) {
        const bool waits = !coming.running && !coming.ready && coming.not_before <= Clock::now();
        if (!waits || spare < 2) continue;
        spare -= 1;
        make_ready(coming);
        wake = true;
      }
      coming.coming.push_back(event);
    }
  }
  if (wake) wake_.notify_one();
}

void Lanes::committed(std::span<const EventPtr> events) {
  bool wake = false;
  std::vector<Lane*> awaited;
  {
    const std::lock_guard lock(mutex_);
    Entry* last = nullptr;
    for (const auto& event : events) {
      if (last == nullptr || last->lane.name() != event->event.lane) {
        last = &entry(event->event.lane);
        last->coming.clear();  // nobody has begun with it, and now there is no need to
        // A lane that backs off keeps to its time; the event waits in the journal. Unless an event is what it waits for.
        if (last->not_before <= Clock::now()) {
          make_ready(*last);
          wake = true;
        } else if (last->sooner) {
          last->not_before = std::max(*last->sooner, Clock::now());
          last->sooner.reset();
          delayed_.emplace(last->not_before, last);
          wake = true;
        }
      }
      if (last->lane.enqueue(event)) awaited.push_back(&last->lane);
    }
  }
  for (Lane* lane : awaited) lane->notify_waiter();
  if (wake) wake_.notify_one();
}

void Lanes::uplink_changed(const Uplink::Status& uplink) {
  {
    const std::lock_guard lock(mutex_);
    // Two threads tell of two changes; the one that is late must not undo the other.
    if (uplink.changes < uplink_changes_) return;
    uplink_changes_ = uplink.changes;
    uplink_up_ = uplink.up;
    if (uplink.up) {
      delayed_.clear();
      ready_.clear();
      for (auto& [name, entry] : entries_) {
        entry->lane.uplink_came_up();
        entry->ready = false;
        entry->coming.clear();
        entry->not_before = start_of(uplink.last_outage);
        entry->sooner.reset();
        delayed_.emplace(entry->not_before, entry.get());
      }
    }
  }
  wake_.notify_all();
}

Lanes::Clock::time_point Lanes::start_of(milliseconds outage) const {
  const auto spread = std::min(outage / kSpreadShare, kSpreadMax);
  return Clock::now() +
         milliseconds(static_cast<std::int64_t>(random_unit() * static_cast<double>(spread.count())));
}

bool Lanes::repair(const std::string& lane) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(lane);
    if (found == entries_.end()) return false;
    found->second->lane.request_repair();
    make_ready(*found->second);  // one that is caught up waits for nothing
  }
  retry_now();
  return true;
}

Granted<BuryRequest::Outcome> Lanes::bury(const std::string& lane, std::size_t count,
                                          const std::optional<Uuid>& id) {
  Lane* held = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(lane);
    if (found == entries_.end())
      return fail(Refusal{404, "there is no lane " + lane, "hookspool status lists the lanes."});
    held = &found->second->lane;
    if (const auto asked = held->request_bury(count, id); !asked) return fail(asked.error());
    found->second->not_before = {};
    make_ready(*found->second);
  }
  wake_.notify_one();
  return held->wait_buried(Clock::now() + kBuryWait);
}

void Lanes::tables_changed(std::span<const std::string> lanes) {
  if (lanes.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& name : lanes) {
      Entry& changed = entry(name);
      changed.lane.uplink_came_up();
      make_ready(changed);
    }
  }
  retry_now();
}

void Lanes::journal_grew() {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& name : journal_.lanes()) make_ready(entry(name));
  }
  wake_.notify_all();
}

void Lanes::retry_now() {
  Uplink* uplink = nullptr;  // none before start(), and the admin socket is open earlier
  {
    const std::lock_guard lock(mutex_);
    uplink = uplink_;
    for (auto& [at, entry] : delayed_) {
      entry->not_before = {};
      make_ready(*entry);
    }
    delayed_.clear();
  }
  wake_.notify_all();
  if (uplink != nullptr) uplink->retry_now();
}

// An entry that is made stays.
std::vector<Lane*> Lanes::lanes() {
  std::vector<Lane*> lanes;
  const std::lock_guard lock(mutex_);
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
  bool line_up = false;
  {
    const std::lock_guard lock(mutex_);
    line_up = uplink_up_;
    for (const auto& [name, entry] : entries_) lanes.push_back(&entry->lane);
  }
  std::vector<LaneStatus> statuses;
  for (const auto* lane : lanes) {
    statuses.push_back(lane->status());
    auto& state = statuses.back().state;
    if (!line_up && state != "held") state = "waiting";  // whatever it did last
  }
  return statuses;
}

Lanes::Entry* Lanes::take_ready(std::unique_lock<std::mutex>& lock) {
  while (!stopping_) {
    const auto now = Clock::now();
    while (!delayed_.empty() && delayed_.begin()->first <= now) {
      make_ready(*delayed_.begin()->second);
      delayed_.erase(delayed_.begin());
    }
    if (uplink_up_ && !ready_.empty()) {
      Entry* taken = ready_.front();
      ready_.pop_front();
      taken->ready = false;
      taken->running = true;
      taken->again = false;
      return taken;
    }
    idle_ += 1;
    if (delayed_.empty() || !uplink_up_) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, delayed_.begin()->first);
    }
    idle_ -= 1;
  }
  return nullptr;
}

void Lanes::finish(Entry& entry, const Lane::Step& step) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    entry.running = false;
    entry.not_before = step.not_before;
    entry.sooner = step.sooner;
    switch (step.next) {
      case Lane::Step::Next::kIdle:
        if (entry.again) make_ready(entry);
        break;
      case Lane::Step::Next::kMore:
      case Lane::Step::Next::kUplinkDown:
        make_ready(entry);
        break;
      case Lane::Step::Next::kLater:
        delayed_.emplace(step.not_before, &entry);
        wake = true;  // a worker must wait for this time
        break;
    }
  }
  if (wake) wake_.notify_one();
}

// Whatever a step throws (want of memory, an exception of a library) ends neither the worker nor the lane: its transaction
// is rolled back, and the next step looks at the watermark first.
Lane::Step Lanes::guarded_step(Lane& lane, net::Connection& connection, const std::vector<EventPtr>& coming) {
  try {
    return coming.empty() ? lane.step(connection) : lane.step_ahead(connection, coming);
  } catch (const std::exception& error) {
    log_error("lane " + lane.name() + ": a step was not done to its end: " + error.what() +
              "; it is tried again in " + format_duration(kAfterException));
  }
  lane.uplink_came_up();
  return {Lane::Step::Next::kLater, Clock::now() + kAfterException, {}};
}

void Lanes::work() {
  ::pthread_setname_np(::pthread_self(), "delivery");
  std::unique_lock lock(mutex_);
  while (Entry* entry = take_ready(lock)) {
    const bool others = !ready_.empty();
    const auto coming = std::exchange(entry->coming, {});
    lock.unlock();
    if (others) wake_.notify_one();
    Lane::Step step;
    {
      auto lease = pool_.acquire(Clock::now() + pool_.options().connect_timeout);
      if (lease) {
        step = guarded_step(entry->lane, **lease, coming);
      } else {
        step = {Lane::Step::Next::kUplinkDown, {}, lease.error()};
      }
    }
    if (step.failure) {
      {
        const std::lock_guard relock(mutex_);
        uplink_up_ = false;
      }
      uplink_->report_failure(*step.failure);
    }
    finish(*entry, step);
    lock.lock();
  }
  working_ -= 1;
  ended_.notify_all();
}

}  // namespace hookspool::agent

// From the journal to PostgreSQL: the pool of connections, the lanes, the uplink and the guard of which database it is; all of
// them, or none where no PostgreSQL is configured. The dead letters are there in either case: their local copy can be read
// without it.
//
// Not thread-safe: open(), start() and stop() belong to the main thread; committing() and committed() to the journal's
// writer. What open() is given must outlive this.
#pragma once

#include <functional>
#include <memory>

#include "agent/app/journaling.h"
#include "agent/config/config.h"
#include "agent/delivery/lanes.h"
#include "agent/delivery/row_retention.h"
#include "agent/delivery/sink_guard.h"
#include "agent/delivery/uplink.h"
#include "agent/reload/live_settings.h"
#include "agent/repair/dead_letters.h"
#include "agent/upkeep/consumer_watch.h"
#include "net/pg/link/pool.h"

namespace hookspool::agent {

class Delivering {
 public:
  // What there is of PostgreSQL.
  struct Sink {
    net::Pool& pool;
    Lanes lanes;
    SinkGuard guard;
    Uplink uplink;
    ConsumerWatch consumers;
    RowRetention row_retention;
  };

  Delivering() = default;
  Delivering(const Delivering&) = delete;
  Delivering& operator=(const Delivering&) = delete;

  void open(const Config& config, const LiveSettings& settings, Journaling& journaling);
  // From now on events are delivered.
  void start();
  // The running transactions, then the threads that ask PostgreSQL. `patient`: those get a moment, too. False: one still
  // waits for a server when its grace is over.
  bool stop(bool patient);
  void finish_logs();

  void committing(Journaling::Events events);
  void committed(Journaling::Events events);

  // REQUIRES: open()
  DeadLetters& dead_letters() { return *dead_letters_; }
  Sink* sink() { return sink_.get(); }  // nullptr: no PostgreSQL is configured

 private:
  void open_dead_letters(const Config& config, storage::Journal& journal);

  std::unique_ptr<net::Pool> pool_;  // of sink_
  std::unique_ptr<DeadLetters> dead_letters_;
  std::unique_ptr<Sink> sink_;  // before these: it calls the dead letters
};

}  // namespace hookspool::agent

// Notifies consumers that LISTEN that there are new rows: NOTIFY on the channel of [postgres] notify, after COMMIT, over a connection
// and from a thread of its own, so that no delivery waits for one (in the delivery's own transaction it would make
// commits wait for each other). What comes within kWakeUpEvery goes together, the newest of each lane. One that
// cannot be sent is dropped: consumers look by themselves as well. Thread-safe; owns its thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "agent/base/current.h"
#include "agent/base/round_thread.h"
#include "agent/config/config.h"
#include "net/pg/delivery/delivery.h"
#include "net/pg/link/connection.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {

class WakeUps {
 public:
  static constexpr milliseconds kWakeUpEvery{100};
  // For connecting, and for the answer to one: so long a stop may wait for the thread.
  static constexpr milliseconds kAnswerMax{2'000};

  explicit WakeUps(const Current<PostgresConfig>& config);  // which outlives it
  ~WakeUps();
  WakeUps(const WakeUps&) = delete;
  WakeUps& operator=(const WakeUps&) = delete;

  void start();
  void ask_to_end();
  // Rows of the lane are committed, up to `seq`. Returns at once.
  void delivered(const net::LaneKey& key, std::uint64_t seq) EXCLUDES(mutex_);

 private:
  struct Newest {
    Uuid epoch;
    std::uint64_t seq = 0;
  };
  using Waiting = std::map<std::string, Newest>;  // by lane, so no more than there are of these

  void round() EXCLUDES(mutex_);
  net::PgResult<void> send(const net::PgOptions& options, const Waiting& waiting);

  const Current<PostgresConfig>& config_;
  Mutex mutex_;
  Waiting waiting_ GUARDED_BY(mutex_);
  // Of the thread:
  std::unique_ptr<net::Connection> connection_;
  std::chrono::steady_clock::time_point not_before_{};
  bool failing_ = false;                 // logged once, until one is sent again
  std::unique_ptr<RoundThread> thread_;  // last: it uses all of the above
};

}  // namespace hookspool::agent

// Reading the configuration again while the agent runs, with its secrets and certificate. What is new goes into force
// as a whole; where anything of it is wrong, everything stays as it is, and the log and /health say why.
//
// SIGHUP asks for it (request(), which waits for nothing), `hookspool reload` does it and gets the outcome (reload()).
// A thread of its own does what SIGHUP asked for, because files may be slow and the main thread feeds the watchdog.
// systemd is told of it by RELOADING=1 and READY=1 (sd_notify(3)). Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "agent/config/config.h"

namespace hookspool::agent {

struct ReloadOutcome {
  bool done = false;       // false: refused, and nothing has changed
  std::int64_t at_us = 0;  // wall clock
  // Of these lists kReloadLinesMax lines at most, and then how many more there are.
  std::vector<std::string> changed;        // keys that are in force now
  std::vector<std::string> needs_restart;  // keys that keep their old value until then
  std::vector<std::string> faults;         // why it was refused
};

inline constexpr std::size_t kReloadLinesMax = 50;

class Reloader {
 public:
  using Load = std::function<ConfigResult()>;
  // Puts `next` into force in place of `now`, or says why not.
  using PutInForce = std::function<Result<void, std::string>(const Config& now, Config& next)>;

  // `in_force`: what the agent was started with. Both functions are called by one thread at a time.
  Reloader(Config in_force, Load load, PutInForce put_in_force);

  void start();  // before it every reload is refused: the agent is not put together yet
  // After it, too. False: one was still at hand when the grace was over, as when a file does not answer; that one is refused
  // when it comes back, and the destructor waits for it.
  bool stop(std::chrono::milliseconds grace);

  void request();
  ReloadOutcome reload();
  std::optional<ReloadOutcome> last() const;

 private:
  class AtWork;

  void run(const std::stop_token& stop);
  ReloadOutcome attempt();
  ReloadOutcome refused(std::vector<std::string> faults) const;
  static void tell(const ReloadOutcome& outcome);

  const Load load_;
  const PutInForce put_in_force_;
  std::mutex reloading_;  // held by the thread that reloads
  Config in_force_;       // guarded by reloading_
  std::atomic<bool> open_{false};

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  bool requested_ = false;             // guarded by mutex_
  int at_work_ = 0;                    // guarded by mutex_: the thread, and calls of reload()
  std::optional<ReloadOutcome> last_;  // guarded by mutex_
  std::jthread thread_;                // last: it uses all of the above
};

}  // namespace hookspool::agent

// Reading the configuration again while the agent runs, with its secrets and certificate. What is new goes into force
// as a whole; where anything of it is wrong, everything stays as it is, and the log and /health say why.
//
// SIGHUP asks for it (request(), which waits for nothing), `hookspool reload` does it and gets the outcome (reload()).
// A thread of its own does what SIGHUP asked for, because files may be slow and the main thread feeds the watchdog.
// systemd is notified by RELOADING=1 and READY=1 (sd_notify(3)). Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/config/config.h"
#include "storage/base/mutex.h"

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

  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  void start();  // before it every reload is refused: the agent is not put together yet
  // After it, too. False: one was still running when the grace was over, as when a file does not answer; that one is refused
  // when it comes back, and the destructor waits for it.
  bool stop(std::chrono::milliseconds grace) EXCLUDES(mutex_);

  void request() EXCLUDES(mutex_);
  ReloadOutcome reload() EXCLUDES(reloading_, mutex_);
  std::optional<ReloadOutcome> last() const EXCLUDES(mutex_);

 private:
  class AtWork;

  void run();
  void ask_to_end() EXCLUDES(mutex_);
  ReloadOutcome attempt() REQUIRES(reloading_);
  ReloadOutcome refused(std::vector<std::string> faults) const;
  static void tell(const ReloadOutcome& outcome);

  const Load load_;
  const PutInForce put_in_force_;
  Mutex reloading_;  // held by the thread that reloads
  Config in_force_ GUARDED_BY(reloading_);
  std::atomic<bool> open_{false};

  mutable Mutex mutex_;
  CondVar wake_;
  bool requested_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;
  int at_work_ GUARDED_BY(mutex_) = 0;  // the thread, and calls of reload()
  std::optional<ReloadOutcome> last_ GUARDED_BY(mutex_);
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace hookspool::agent

// A thread that does one job over and over: every `period`, and at once when it is woken.
//
// What the job throws is logged, and the next round comes as usual: want of memory in one round must end neither the thread
// nor the process. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "storage/base/mutex.h"

namespace hookspool::agent {

class RoundThread {
 public:
  using Clock = std::chrono::steady_clock;

  // Starts it. `name`: for top, gdb and the log; at most 15 bytes.
  RoundThread(std::string name, std::chrono::milliseconds period, std::function<void()> job);
  ~RoundThread();  // waits for the running round
  RoundThread(const RoundThread&) = delete;
  RoundThread& operator=(const RoundThread&) = delete;

  void wake();
  // No round begins after this; does not wait for the running one.
  void ask_to_end();
  // When the last round ended, or the thread began.
  Clock::time_point last_round() const { return last_round_; }

 private:
  void run();
  void round();

  const std::string name_;
  const std::chrono::milliseconds period_;
  const std::function<void()> job_;
  std::atomic<Clock::time_point> last_round_;
  Mutex mutex_;
  CondVar changed_;
  bool woken_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace hookspool::agent

// SIGTERM and SIGINT while the agent starts: a journal that is recovered, or a disk that does not answer, must not keep it
// from ending. Nothing has been acknowledged then that is not on disk, so the process ends at once, with code 0.
//
// Not thread-safe: it belongs to the main thread. REQUIRES: SIGTERM, SIGINT and SIGUSR1 are blocked in every thread.
#pragma once

#include <thread>

namespace hookspool::agent {

class EarlyStop {
 public:
  EarlyStop();
  ~EarlyStop();  // from here on the signals are the main thread's again
  EarlyStop(const EarlyStop&) = delete;
  EarlyStop& operator=(const EarlyStop&) = delete;

 private:
  std::thread thread_;
};

}  // namespace hookspool::agent

#include "agent/base/early_stop.h"

#include <pthread.h>
#include <signal.h>

#include <cstdlib>

#include "agent/base/exit_codes.h"
#include "agent/base/log.h"

namespace hookspool::agent {
namespace {

void wait_for_signal() {
  ::pthread_setname_np(::pthread_self(), "early-stop");
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGUSR1);
  int signal = 0;
  if (::sigwait(&signals, &signal) != 0 || signal == SIGUSR1) return;
  log_info("stopped before it was ready");
  (void)finish_log();
  std::_Exit(kExitOk);
}

}  // namespace

EarlyStop::EarlyStop() : thread_(wait_for_signal) {}

EarlyStop::~EarlyStop() {
  ::pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

}  // namespace hookspool::agent

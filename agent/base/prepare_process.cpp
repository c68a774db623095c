#include "agent/base/prepare_process.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

namespace hookspool::agent {

void prepare_process() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGXFSZ, SIG_IGN);
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace hookspool::agent

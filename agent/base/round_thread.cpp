#include "agent/base/round_thread.h"

#include <pthread.h>

#include <exception>
#include <utility>

#include "agent/base/log.h"

namespace hookspool::agent {

RoundThread::RoundThread(std::string name, std::chrono::milliseconds period, std::function<void()> job)
    : name_(std::move(name)),
      period_(period),
      job_(std::move(job)),
      last_round_(Clock::now()),
      thread_([this] { run(); }) {}

RoundThread::~RoundThread() {
  ask_to_end();
  thread_.join();
}

void RoundThread::wake() {
  {
    const MutexLock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void RoundThread::ask_to_end() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
}

void RoundThread::run() {
  ::pthread_setname_np(::pthread_self(), name_.c_str());
  MutexLock lock(mutex_);
  while (!ending_) {
    changed_.wait_for(mutex_, period_, [this]() REQUIRES(mutex_) { return woken_ || ending_; });
    if (ending_) return;
    woken_ = false;
    lock.unlock();
    round();
    lock.lock();
  }
}

void RoundThread::round() {
  try {
    job_();
  } catch (const std::exception& error) {
    log_error(name_ + ": a round was not done to its end: " + error.what() + "; the next one comes as usual");
  }
  last_round_ = Clock::now();
}

}  // namespace hookspool::agent

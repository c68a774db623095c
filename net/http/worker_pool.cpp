#include "net/http/worker_pool.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace hookspool::net {

WorkerPool::WorkerPool(std::size_t workers, Work work) : work_(std::move(work)) {
  threads_.reserve(workers);
  try {
    for (std::size_t i = 0; i < workers; ++i) {
      threads_.emplace_back([this] { run(); });
      ::pthread_setname_np(threads_.back().native_handle(), "http-worker");
    }
  } catch (...) {
    stop_and_join();  // a joinable std::thread must not be destroyed
    throw;
  }
}

WorkerPool::~WorkerPool() {
  stop_and_join();
}

void WorkerPool::stop_and_join() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    queue_.clear();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::submit(std::vector<Job>& jobs) {
  std::size_t wakes = 0;
  {
    const MutexLock lock(mutex_);
    wakes = std::min(jobs.size(), sleeping_);
    std::move(jobs.begin(), jobs.end(), std::back_inserter(queue_));
  }
  jobs.clear();
  for (; wakes > 0; --wakes) wake_.notify_one();
}

std::vector<Job> WorkerPool::take_back(Clock::time_point latest) {
  std::vector<Job> jobs;
  const MutexLock lock(mutex_);
  // In the order they came, so those that waited for longest stand in front.
  while (!queue_.empty() && queue_.front().queued_at <= latest) {
    jobs.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return jobs;
}

void WorkerPool::drop_queued() {
  const MutexLock lock(mutex_);
  queue_.clear();
}

void WorkerPool::run() {
  MutexLock lock(mutex_);
  for (;;) {
    while (queue_.empty() && !stopping_) {
      ++sleeping_;
      wake_.wait(mutex_);
      --sleeping_;
    }
    if (stopping_) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    try {
      work_(std::move(job));
    } catch (...) {
      // Want of memory before there was a reply to drop: the worker goes on, the loop gives the request up at its deadline.
    }
    lock.lock();
  }
}

}  // namespace hookspool::net

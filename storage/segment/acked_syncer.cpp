#include "storage/segment/acked_syncer.h"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace hookspool::storage {

AckedSyncer::AckedSyncer(std::function<void(const JournalError&)> on_failure)
    : on_failure_(std::move(on_failure)), thread_([this] { run(); }) {}

AckedSyncer::~AckedSyncer() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  thread_.join();
}

void AckedSyncer::due(std::shared_ptr<AckedRecord> record) {
  const MutexLock lock(mutex_);
  if (std::find(due_.begin(), due_.end(), record) != due_.end()) return;
  due_.push_back(std::move(record));
  changed_.notify_one();
}

// Want of memory for an error's text is a failure like the error itself: the records are a help, and the thread goes on.
void AckedSyncer::sync(AckedRecord& record) {
  try {
    if (const auto synced = record.sync(); !synced) on_failure_(synced.error());
  } catch (const std::exception&) {
    on_failure_({JournalError::Kind::kIo, ""});
  }
}

void AckedSyncer::run() {
  ::pthread_setname_np(::pthread_self(), "journal-acked");
  MutexLock lock(mutex_);
  for (;;) {
    changed_.wait(mutex_, [this]() REQUIRES(mutex_) { return stopping_ || !due_.empty(); });
    if (due_.empty()) return;
    std::vector<std::shared_ptr<AckedRecord>> records = std::exchange(due_, {});
    lock.unlock();
    for (const std::shared_ptr<AckedRecord>& record : records) sync(*record);
    records.clear();  // may close files: not under the lock
    lock.lock();
    changed_.wait_for(mutex_, kAckedLagMax, [this]() REQUIRES(mutex_) { return stopping_; });
  }
}

}  // namespace hookspool::storage

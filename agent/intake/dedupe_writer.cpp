#include "agent/intake/dedupe_writer.h"

#include <pthread.h>

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/log.h"

namespace hookspool::agent {

DedupeWriter::DedupeWriter(storage::DedupeIndex& index, std::size_t unwritten_keys_max,
                           const TimeSource& time)
    : index_(index), unwritten_keys_max_(unwritten_keys_max), time_(time), thread_([this] { run(); }) {}

DedupeWriter::~DedupeWriter() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool DedupeWriter::stop(Milliseconds grace) {
  const MutexLock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  return changed_.wait_for(mutex_, grace, [this]() REQUIRES(mutex_) { return ended_; });
}

std::size_t DedupeWriter::add(std::span<const Entry> entries) noexcept {
  std::size_t taken = 0;
  try {
    const MutexLock lock(mutex_);
    for (const Entry& entry : entries) {
      if (!has_room()) break;
      coming_[entry.key] = entry.event_id;
      ++taken;
    }
  } catch (const std::exception&) {
    // No memory for one more: as if there was no room.
  }
  if (taken > 0) changed_.notify_all();
  return entries.size() - taken;
}

std::optional<Uuid> DedupeWriter::find(const Uuid& key) const {
  const MutexLock lock(mutex_);
  if (const auto found = coming_.find(key); found != coming_.end()) return found->second;
  if (const auto found = writing_->find(key); found != writing_->end()) return found->second;
  return std::nullopt;
}

std::size_t DedupeWriter::unwritten() const {
  const MutexLock lock(mutex_);
  return coming_.size() + writing_->size();
}

bool DedupeWriter::flush(Milliseconds limit) {
  const MutexLock lock(mutex_);
  const std::uint64_t last = coming_.empty() ? (writing_->empty() ? written_ : round_) : round_ + 1;
  changed_.wait_for(mutex_, limit, [&]() REQUIRES(mutex_) { return written_ >= last || failed_ || ended_; });
  return written_ >= last;
}

void DedupeWriter::resume() {
  {
    const MutexLock lock(mutex_);
    failed_ = false;
  }
  changed_.notify_all();
}

void DedupeWriter::run() {
  ::pthread_setname_np(::pthread_self(), "dedupe");
  for (;;) {
    std::shared_ptr<const Keys> keys;
    {
      const MutexLock lock(mutex_);
      const auto has_work = [this]() REQUIRES(mutex_) { return !coming_.empty() || !writing_->empty(); };
      changed_.wait(mutex_, [&]() REQUIRES(mutex_) { return stopping_ || (!failed_ && has_work()); });
      if (failed_ || !has_work()) break;  // stopping
      if (writing_->empty()) {
        writing_ = std::make_shared<Keys>(std::exchange(coming_, {}));
        ++round_;
      }
      keys = writing_;
    }
    const bool written = write(*keys);
    {
      const MutexLock lock(mutex_);
      if (written) {
        writing_ = std::make_shared<Keys>();
        written_ = round_;
      } else {
        failed_ = true;
      }
    }
    changed_.notify_all();
    // What was written is freed here, without the lock.
  }
  const MutexLock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

bool DedupeWriter::write(const Keys& keys) {
  try {
    std::vector<Entry> batch;
    for (auto next = keys.begin(); next != keys.end();) {
      batch.clear();
      for (; next != keys.end() && batch.size() < kBatchKeys; ++next)
        batch.push_back({next->first, next->second});
      // The index counts and reports its failures; these keys are put again after resume().
      if (!index_.put(batch, time_.now())) return false;
    }
    return true;
  } catch (const std::exception& error) {
    log_error("dedupe: writing the index: " + std::string(error.what()));
    return false;
  }
}

}  // namespace hookspool::agent

#include "agent/intake/dedupe_writer.h"

#include <pthread.h>

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/entropy.h"
#include "agent/base/log.h"

namespace hookspool::agent {

DedupeWriter::DedupeWriter(storage::DedupeIndex& index, std::size_t unwritten_keys_max)
    : index_(index), unwritten_keys_max_(unwritten_keys_max), thread_([this] { run(); }) {}

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
  for (const Keys* keys : {&coming_, &writing_}) {
    if (const auto found = keys->find(key); found != keys->end()) return found->second;
  }
  return std::nullopt;
}

std::size_t DedupeWriter::unwritten() const {
  const MutexLock lock(mutex_);
  return coming_.size() + writing_.size();
}

bool DedupeWriter::flush(Milliseconds limit) {
  const MutexLock lock(mutex_);
  const std::uint64_t last = coming_.empty() ? (writing_.empty() ? written_ : round_) : round_ + 1;
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
  MutexLock lock(mutex_);
  for (;;) {
    changed_.wait(mutex_, [this]() REQUIRES(mutex_) {
      return stopping_ || (!failed_ && !(coming_.empty() && writing_.empty()));
    });
    if (failed_ || (coming_.empty() && writing_.empty())) break;  // stopping
    if (writing_.empty()) {
      writing_.swap(coming_);
      ++round_;
    }
    lock.unlock();
    // Without the lock: this thread alone alters it.
    const bool written = write_all(being_written());
    Keys done;  // freed without the lock
    lock.lock();
    if (written) {
      done.swap(writing_);
      written_ = round_;
    } else {
      failed_ = true;
    }
    changed_.notify_all();
    lock.unlock();
    done.clear();
    lock.lock();
  }
  ended_ = true;
  changed_.notify_all();
}

bool DedupeWriter::write_all(const Keys& keys) {
  try {
    std::vector<Entry> batch;
    for (auto next = keys.begin(); next != keys.end();) {
      batch.clear();
      for (; next != keys.end() && batch.size() < kBatchKeys; ++next)
        batch.push_back({next->first, next->second});
      // The index counts its failures and tells them; they are put again after resume().
      if (!index_.put(batch, wall_clock_us())) return false;
    }
    return true;
  } catch (const std::exception& error) {
    log_error("dedupe: writing the index: " + std::string(error.what()));
    return false;
  }
}

}  // namespace hookspool::agent

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
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool DedupeWriter::stop(Milliseconds grace) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
  return changed_.wait_for(lock, grace, [this] { return ended_; });
}

std::size_t DedupeWriter::add(std::span<const Entry> entries) noexcept {
  std::size_t taken = 0;
  try {
    const std::lock_guard lock(mutex_);
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
  const std::lock_guard lock(mutex_);
  for (const Keys* keys : {&coming_, &writing_}) {
    if (const auto found = keys->find(key); found != keys->end()) return found->second;
  }
  return std::nullopt;
}

std::size_t DedupeWriter::unwritten() const {
  const std::lock_guard lock(mutex_);
  return coming_.size() + writing_.size();
}

bool DedupeWriter::flush(Milliseconds limit) {
  std::unique_lock lock(mutex_);
  const std::uint64_t last = coming_.empty() ? (writing_.empty() ? written_ : round_) : round_ + 1;
  changed_.wait_for(lock, limit, [&] { return written_ >= last || failed_ || ended_; });
  return written_ >= last;
}

void DedupeWriter::resume() {
  {
    const std::lock_guard lock(mutex_);
    failed_ = false;
  }
  changed_.notify_all();
}

void DedupeWriter::run() {
  ::pthread_setname_np(::pthread_self(), "dedupe");
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || (!failed_ && !(coming_.empty() && writing_.empty())); });
    if (failed_ || (coming_.empty() && writing_.empty())) break;  // stopping
    if (writing_.empty()) {
      writing_.swap(coming_);
      ++round_;
    }
    lock.unlock();
    const bool written = write_all();
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

bool DedupeWriter::write_all() {
  try {
    std::vector<Entry> batch;
    for (auto next = writing_.begin(); next != writing_.end();) {
      batch.clear();
      for (; next != writing_.end() && batch.size() < kBatchKeys; ++next)
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

#include "agent/intake/dedupe_writer.h"

#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/log.h"

namespace hookspool::agent {

DedupeWriter::DedupeWriter(storage::DedupeIndex& index, std::size_t unwritten_keys_max,
                           const TimeSource& time)
    : index_(index), unwritten_keys_max_(unwritten_keys_max), time_(time) {
  thread_.start("dedupe", [this] { run(); });
}

DedupeWriter::~DedupeWriter() {
  ask_to_end();
}

bool DedupeWriter::stop(Milliseconds grace) {
  ask_to_end();
  return thread_.join(grace);
}

void DedupeWriter::ask_to_end() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
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
  if (writing_ == nullptr) return std::nullopt;
  if (const auto found = writing_->find(key); found != writing_->end()) return found->second;
  return std::nullopt;
}

std::size_t DedupeWriter::unwritten() const {
  const MutexLock lock(mutex_);
  return coming_.size() + being_written();
}

bool DedupeWriter::flush(Milliseconds limit) {
  const MutexLock lock(mutex_);
  const std::uint64_t last = coming_.empty() ? (writing_ == nullptr ? written_ : round_) : round_ + 1;
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
  while (std::shared_ptr<const Keys> keys = next_keys()) {
    const bool written = write(*keys);
    {
      const MutexLock lock(mutex_);
      if (written) {
        writing_ = nullptr;
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

// Waits for work. Null: it is time to end. Without memory nothing is taken, as after a write that failed.
std::shared_ptr<const DedupeWriter::Keys> DedupeWriter::next_keys() {
  const MutexLock lock(mutex_);
  const auto has_work = [this]() REQUIRES(mutex_) { return !coming_.empty() || writing_ != nullptr; };
  for (;;) {
    changed_.wait(mutex_, [&]() REQUIRES(mutex_) { return stopping_ || (!failed_ && has_work()); });
    if (failed_ || !has_work()) return nullptr;  // stopping
    if (writing_ != nullptr) return writing_;    // once more, after resume()
    try {
      auto keys = std::make_shared<Keys>();
      keys->swap(coming_);
      writing_ = std::move(keys);
      ++round_;
      return writing_;
    } catch (const std::exception&) {
      failed_ = true;
      changed_.notify_all();
    }
  }
}

namespace {

void log_failure(const std::exception& error) noexcept {
  try {
    log_error("dedupe: writing the index: " + std::string(error.what()));
  } catch (const std::exception&) {
    // No memory for the line: the index says that it failed.
  }
}

}  // namespace

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
    log_failure(error);
    return false;
  }
}

}  // namespace hookspool::agent

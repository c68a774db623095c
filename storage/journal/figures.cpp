#include "storage/journal/figures.h"

#include <algorithm>

namespace hookspool::storage {

void Figures::committed(std::uint64_t commit_us, std::uint64_t sync_us) {
  const MutexLock lock(mutex_);
  last_failure_.reset();
  const bool first = counted_.commits++ == 0;
  counted_.last_commit_us = commit_us;
  counted_.mean_commit_us = first ? commit_us : (7 * counted_.mean_commit_us + commit_us) / 8;
  counted_.max_commit_us = std::max(counted_.max_commit_us, commit_us);
  commits_took_.record(commit_us);
  syncs_took_.record(sync_us);
}

void Figures::appended(std::uint64_t events) {
  const MutexLock lock(mutex_);
  counted_.events_appended += events;
}

void Figures::refused(std::uint64_t events) {
  const MutexLock lock(mutex_);
  counted_.events_refused += events;
}

void Figures::failed(const JournalError& error) {
  const MutexLock lock(mutex_);
  ++counted_.commit_failures;
  counted_.last_error = error.text;
  last_failure_ = error;
}

void Figures::sealed() {
  const MutexLock lock(mutex_);
  ++counted_.sealed_after_error;
}

void Figures::count_tolerated_failure(std::uint64_t JournalStats::*counter, const JournalError& error) {
  const MutexLock lock(mutex_);
  ++(counted_.*counter);
  counted_.last_error = error.text;
}

void Figures::lost(std::uint64_t events) {
  const MutexLock lock(mutex_);
  counted_.lost += events;
}

void Figures::wal(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  counted_.wal_bytes = bytes;
}

bool Figures::failing() const {
  const MutexLock lock(mutex_);
  return last_failure_.has_value();
}

JournalStats Figures::snapshot(const std::optional<JournalError>& no_room) const {
  const MutexLock lock(mutex_);
  JournalStats stats = counted_;
  stats.at_disk = at_disk_;
  stats.commits_took = commits_took_.counts();
  stats.syncs_took = syncs_took_.counts();
  const std::optional<JournalError>& refusal = no_room ? no_room : last_failure_;
  stats.accepting = !refusal.has_value();
  if (refusal) {
    stats.refusing_because = refusal->text;
    stats.full = refusal->kind == JournalError::Kind::kFull;
  }
  return stats;
}

}  // namespace hookspool::storage

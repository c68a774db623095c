#include "storage/dedupe/dedupe_index.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "storage/base/mutex.h"
#include "storage/dedupe/dedupe_files.h"
#include "storage/dedupe/key_log.h"

namespace hookspool::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kShares = 4;  // generations that together hold what has to be kept

using Run = std::shared_ptr<const KeyRun>;
using Runs = std::vector<Run>;  // oldest first

void remove_files(const Runs& runs) {
  std::error_code ignored;  // a leftover is removed by the next opening
  for (const Run& run : runs) fs::remove(run->path(), ignored);
}

// Of runs that follow each other, into one. Where a key is in several, the newest counts. Null: it was stopped.
JournalResult<Run> merge(const fs::path& folder, std::span<const Run> runs, const std::atomic<bool>& stop) {
  RunId id = runs.front()->id();
  id.last_log = runs.back()->id().last_log;
  ++id.level;
  std::uint64_t keys_max = 0;
  for (const Run& run : runs) keys_max += run->keys();
  KeyRunWriter writer(folder, id, keys_max);

  std::vector<KeyRunReader> readers(runs.begin(), runs.end());
  std::vector<const KeyEntry*> heads;
  for (KeyRunReader& reader : readers) {
    const auto head = reader.next();
    if (!head) return fail(head.error());
    heads.push_back(*head);
  }
  for (;;) {
    std::size_t least = heads.size();
    for (std::size_t i = 0; i < heads.size(); ++i) {
      if (heads[i] != nullptr && (least == heads.size() || heads[i]->key <= heads[least]->key)) least = i;
    }
    if (least == heads.size()) return writer.finish();
    if (stop) return Run();
    const KeyEntry entry = *heads[least];
    if (auto added = writer.add(entry); !added) return fail(added.error());
    for (std::size_t i = 0; i < heads.size(); ++i) {
      if (heads[i] == nullptr || heads[i]->key != entry.key) continue;
      const auto head = readers[i].next();
      if (!head) return fail(head.error());
      heads[i] = *head;
    }
  }
}

}  // namespace

class DedupeIndex::Impl {
 public:
  Impl(DedupeOptions options, Clock::time_point now) : options_(std::move(options)), aged_at_(now) {}

  JournalResult<void> read_all(std::vector<std::string>& notes) EXCLUDES(write_mutex_);
  JournalResult<std::optional<Uuid>> find(const Uuid& key) const;
  bool find_reads_disk(const Uuid& key) const;
  JournalResult<void> put(std::span<const Entry> entries, Clock::time_point now) EXCLUDES(write_mutex_);
  JournalResult<void> set_complete_before(std::uint64_t segment, Clock::time_point now)
      EXCLUDES(write_mutex_);
  JournalResult<void> limit_complete_before(std::uint64_t segment) EXCLUDES(write_mutex_);
  std::uint64_t complete_before() const { return complete_before_; }
  bool failed() const { return failed_; }
  void stop_merging() { stop_merging_ = true; }
  DedupeFigures figures() const;

 private:
  JournalResult<void> read_all_locked(std::vector<std::string>& notes) REQUIRES(write_mutex_);
  JournalResult<void> put_some(std::span<const Entry> entries) REQUIRES(write_mutex_);
  void age(Clock::time_point now) REQUIRES(write_mutex_);
  bool generation_is_full() const REQUIRES(write_mutex_);
  JournalResult<void> begin_generation() REQUIRES(write_mutex_);
  JournalResult<void> begin_log() REQUIRES(write_mutex_);
  JournalResult<void> merge_runs() REQUIRES(write_mutex_);
  JournalResult<void> not_merged(const Runs& parts, JournalError error) REQUIRES(write_mutex_);
  JournalResult<void> say_complete_before(std::uint64_t segment) REQUIRES(write_mutex_);
  JournalResult<void> checked(JournalResult<void> written) REQUIRES(write_mutex_);
  JournalError remember(JournalError error) const;
  JournalError not_open() const {
    return {JournalError::Kind::kIo, options_.folder.string() + " is not open: it has to be opened again"};
  }

  const DedupeOptions options_;

  mutable SharedMutex keys_mutex_;                      // never held by a writer while the disk is written
  std::map<Uuid, Uuid> fresh_ GUARDED_BY(keys_mutex_);  // what is in the log
  std::shared_ptr<const Runs> runs_ GUARDED_BY(keys_mutex_) = std::make_shared<Runs>();

  Mutex write_mutex_;
  std::unique_ptr<KeyLog> log_ GUARDED_BY(write_mutex_);
  IndexState state_ GUARDED_BY(write_mutex_);
  std::uint64_t generation_keys_ GUARDED_BY(write_mutex_) = 0;  // of the newest one
  Clock::time_point aged_at_ GUARDED_BY(write_mutex_);
  std::uint64_t limit_ GUARDED_BY(write_mutex_) = UINT64_MAX;  // of complete_before, not yet written

  // Written with write_mutex_ held, read without it, so that a reader waits for no write.
  std::atomic<std::uint64_t> complete_before_ = 0, generation_ = 0;
  mutable std::atomic<bool> failed_ = true;
  std::atomic<bool> open_ = false;  // once it was: what was read then is there, also after a failure
  std::atomic<bool> stop_merging_ = false;

  mutable Mutex error_mutex_;
  mutable std::uint64_t failures_ GUARDED_BY(error_mutex_) = 0;
  mutable std::string last_error_ GUARDED_BY(error_mutex_);
  mutable std::set<fs::path> suspects_ GUARDED_BY(error_mutex_);  // runs that gave a damaged block
};

JournalError DedupeIndex::Impl::remember(JournalError error) const {
  const MutexLock lock(error_mutex_);
  ++failures_;
  last_error_ = error.text;
  return error;
}

// Nothing is written after a failure: complete_before must not move past what is missing.
JournalResult<void> DedupeIndex::Impl::checked(JournalResult<void> written) {
  if (written) return written;
  failed_ = true;
  return fail(remember(written.error()));
}

JournalResult<void> DedupeIndex::Impl::read_all(std::vector<std::string>& notes) {
  const MutexLock lock(write_mutex_);
  failed_ = true;
  return read_all_locked(notes);
}

JournalResult<void> DedupeIndex::Impl::read_all_locked(std::vector<std::string>& notes) {
  std::set<fs::path> suspects;
  {
    const MutexLock lock(error_mutex_);
    suspects = suspects_;
  }
  auto files = read_dedupe_files(options_.folder, suspects, notes);
  if (!files) return fail(files.error());
  files->state.complete_before = std::min(files->state.complete_before, limit_);
  auto log =
      KeyLog::create(options_.folder, files->greatest_log + 1, files->state, std::span(files->entries));
  if (!log) return fail(log.error());
  std::error_code ignored;
  for (const fs::path& old : files->obsolete) fs::remove(old, ignored);

  std::map<Uuid, Uuid> fresh;
  for (const KeyEntry& entry : files->entries) fresh[entry.key] = entry.event_id;
  generation_keys_ = fresh.size();
  for (const Run& run : files->runs) {
    if (run->id().generation == files->state.generation) generation_keys_ += run->keys();
  }
  log_ = std::move(*log);
  state_ = files->state;
  generation_ = state_.generation;
  complete_before_ = state_.complete_before;
  limit_ = UINT64_MAX;
  {
    const WriterLock lock(keys_mutex_);
    fresh_.swap(fresh);
    runs_ = std::make_shared<Runs>(std::move(files->runs));
  }
  {
    const MutexLock lock(error_mutex_);
    suspects_.clear();
  }
  open_ = true;
  failed_ = false;
  return {};
}

JournalResult<std::optional<Uuid>> DedupeIndex::Impl::find(const Uuid& key) const {
  // What it holds is not known then, which is another thing than a key that is not there.
  if (!open_) return fail(remember(not_open()));
  std::shared_ptr<const Runs> runs;
  {
    const ReaderLock lock(keys_mutex_);
    if (const auto found = fresh_.find(key); found != fresh_.end()) return std::optional<Uuid>(found->second);
    runs = runs_;
  }
  for (auto run = runs->rbegin(); run != runs->rend(); ++run) {
    const auto found = (*run)->find(key);
    if (!found && found.error().kind == JournalError::Kind::kCorrupt) {
      failed_ = true;
      const MutexLock lock(error_mutex_);
      suspects_.insert((*run)->path());
    }
    if (!found) return fail(remember(found.error()));
    if (*found) return found;
  }
  return std::optional<Uuid>();
}

bool DedupeIndex::Impl::find_reads_disk(const Uuid& key) const {
  if (!open_) return false;
  std::shared_ptr<const Runs> runs;
  {
    const ReaderLock lock(keys_mutex_);
    if (fresh_.contains(key)) return false;
    runs = runs_;
  }
  return std::any_of(runs->begin(), runs->end(), [&](const Run& run) { return run->may_contain(key); });
}

bool DedupeIndex::Impl::generation_is_full() const {
  const auto share_us = static_cast<std::uint64_t>(options_.keep.count()) / kShares;
  return generation_keys_ >= std::max<std::uint64_t>(options_.keys_max / kShares, 1) ||
         state_.age_us >= share_us;
}

void DedupeIndex::Impl::age(Clock::time_point now) {
  if (now <= aged_at_) return;
  const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now - aged_at_);
  state_.age_us += static_cast<std::uint64_t>(passed.count());
  aged_at_ = now;
}

JournalResult<void> DedupeIndex::Impl::put(std::span<const Entry> entries, Clock::time_point now) {
  const MutexLock lock(write_mutex_);
  age(now);
  while (!entries.empty()) {
    if (failed_) return fail(JournalError{JournalError::Kind::kIo, "the index has to be opened again"});
    const auto some = entries.first(std::min(entries.size(), KeyLog::kRecordEntriesMax));
    if (auto written = put_some(some); !written) return checked(std::move(written));
    entries = entries.subspan(some.size());
  }
  return {};
}

JournalResult<void> DedupeIndex::Impl::put_some(std::span<const Entry> entries) {
  if (generation_is_full()) {
    if (auto begun = begin_generation(); !begun) return begun;
  }
  if (auto appended = log_->append(entries, state_); !appended) return appended;
  std::size_t fresh = 0;
  {
    const WriterLock lock(keys_mutex_);
    for (const Entry& entry : entries) fresh_[entry.key] = entry.event_id;
    fresh = fresh_.size();
  }
  generation_keys_ += entries.size();
  return fresh >= kLogKeysMax || log_->is_full() ? begin_log() : JournalResult<void>();
}

// What the log holds becomes a run, and a new log begins.
JournalResult<void> DedupeIndex::Impl::begin_log() {
  Run run;
  {
    // Only this thread alters them: it holds write_mutex_.
    const ReaderLock lock(keys_mutex_);
    if (!fresh_.empty()) {
      KeyRunWriter writer(options_.folder, {state_.generation, log_->number(), log_->number(), 0},
                          fresh_.size());
      for (const auto& [key, event_id] : fresh_) {
        if (auto added = writer.add({key, event_id}); !added) return added;
      }
      auto finished = writer.finish();
      if (!finished) return fail(finished.error());
      run = std::move(*finished);
    }
  }
  auto log = KeyLog::create(options_.folder, log_->number() + 1, state_, {});
  if (!log) return fail(log.error());
  std::map<Uuid, Uuid> done;  // freed without the lock
  if (run != nullptr) {
    const WriterLock lock(keys_mutex_);
    auto runs = std::make_shared<Runs>(*runs_);
    runs->push_back(run);
    runs_ = std::move(runs);
    done.swap(fresh_);
  }
  std::error_code ignored;
  fs::remove(log_->path(), ignored);
  log_ = std::move(*log);
  return run == nullptr ? JournalResult<void>() : merge_runs();
}

// The runs of the newest generation have levels that fall from the oldest to the newest one.
JournalResult<void> DedupeIndex::Impl::merge_runs() {
  for (;;) {
    std::shared_ptr<const Runs> runs;
    {
      const ReaderLock lock(keys_mutex_);
      runs = runs_;
    }
    const RunId& newest = runs->back()->id();
    const auto differs = [&](const Run& run) {
      return run->id().level != newest.level || run->id().generation != newest.generation;
    };
    const auto end_of_others = std::find_if(runs->rbegin(), runs->rend(), differs).base();
    const Runs parts(end_of_others, runs->end());
    if (parts.size() < kMergedRuns) return {};
    auto merged = merge(options_.folder, parts, stop_merging_);
    if (!merged) return not_merged(parts, merged.error());
    if (*merged == nullptr) return {};  // stopped
    auto fewer = std::make_shared<Runs>(runs->begin(), end_of_others);
    fewer->push_back(std::move(*merged));
    {
      const WriterLock lock(keys_mutex_);
      runs_ = std::move(fewer);
    }
    remove_files(parts);  // readers may still have them open: unlinked files stay readable
  }
}

// The parts are as good as the whole, so the index goes on with them, up to kUnmergedRunsMax: each holds a descriptor, and a
// look-up asks each. Damage, or more of them, is a failure of the index, and the next opening reads them through.
JournalResult<void> DedupeIndex::Impl::not_merged(const Runs& parts, JournalError error) {
  if (error.kind != JournalError::Kind::kCorrupt && parts.size() < kUnmergedRunsMax) {
    (void)remember(std::move(error));
    return {};
  }
  const MutexLock lock(error_mutex_);
  for (const Run& run : parts) suspects_.insert(run->path());
  return fail(std::move(error));
}

JournalResult<void> DedupeIndex::Impl::begin_generation() {
  if (auto begun = begin_log(); !begun) return begun;
  generation_ = ++state_.generation;
  state_.age_us = 0;
  generation_keys_ = 0;
  Runs forgotten;
  {
    const WriterLock lock(keys_mutex_);
    auto kept = std::make_shared<Runs>();
    for (const Run& run : *runs_)
      (run->id().generation + kShares < state_.generation ? forgotten : *kept).push_back(run);
    runs_ = std::move(kept);
  }
  remove_files(forgotten);
  return {};
}

JournalResult<void> DedupeIndex::Impl::say_complete_before(std::uint64_t segment) {
  IndexState state = state_;
  state.complete_before = segment;
  if (auto appended = log_->append({}, state); !appended) return checked(std::move(appended));
  if (auto synced = log_->sync(); !synced) return checked(std::move(synced));
  state_ = state;
  complete_before_ = segment;
  // Segments that bring no keys fill it as well.
  return log_->is_full() ? checked(begin_log()) : JournalResult<void>();
}

JournalResult<void> DedupeIndex::Impl::set_complete_before(std::uint64_t segment, Clock::time_point now) {
  const MutexLock lock(write_mutex_);
  age(now);
  if (failed_ || segment <= complete_before_) return {};
  return say_complete_before(segment);
}

JournalResult<void> DedupeIndex::Impl::limit_complete_before(std::uint64_t segment) {
  const MutexLock lock(write_mutex_);
  if (!open_ || failed_) {
    limit_ = std::min(limit_, segment);
    complete_before_ = std::min(complete_before_.load(), segment);
    return open_ ? JournalResult<void>() : fail(not_open());
  }
  if (segment >= complete_before_) return {};
  auto said = say_complete_before(segment);
  if (!said) limit_ = std::min(limit_, segment);
  return said;
}

DedupeFigures DedupeIndex::Impl::figures() const {
  DedupeFigures figures;
  std::set<std::uint64_t> generations;
  {
    const ReaderLock lock(keys_mutex_);
    figures.keys = fresh_.size();
    if (!fresh_.empty()) generations.insert(generation_);
    for (const Run& run : *runs_) {
      figures.keys += run->keys();
      generations.insert(run->id().generation);
    }
    figures.generations = generations.size();
  }
  const MutexLock lock(error_mutex_);
  figures.failures = failures_;
  figures.last_error = last_error_;
  return figures;
}

DedupeIndex::DedupeIndex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
DedupeIndex::~DedupeIndex() = default;

DedupeIndex::Opened DedupeIndex::open(DedupeOptions options, Clock::time_point now) {
  auto impl = std::make_unique<Impl>(std::move(options), now);
  Opened opened;
  if (auto all = impl->read_all(opened.notes); !all) opened.unopened = all.error().text;
  opened.index.reset(new DedupeIndex(std::move(impl)));
  return opened;
}

JournalResult<std::optional<Uuid>> DedupeIndex::find(const Uuid& key) const {
  return impl_->find(key);
}
bool DedupeIndex::find_reads_disk(const Uuid& key) const {
  return impl_->find_reads_disk(key);
}
JournalResult<void> DedupeIndex::put(std::span<const Entry> entries, Clock::time_point now) {
  return impl_->put(entries, now);
}
std::uint64_t DedupeIndex::complete_before() const {
  return impl_->complete_before();
}
JournalResult<void> DedupeIndex::set_complete_before(std::uint64_t segment, Clock::time_point now) {
  return impl_->set_complete_before(segment, now);
}
void DedupeIndex::stop_merging() {
  impl_->stop_merging();
}
JournalResult<void> DedupeIndex::limit_complete_before(std::uint64_t segment) {
  return impl_->limit_complete_before(segment);
}
JournalResult<std::vector<std::string>> DedupeIndex::reopen() {
  std::vector<std::string> notes;
  if (auto all = impl_->read_all(notes); !all) return fail(all.error());
  return notes;
}
bool DedupeIndex::failed() const {
  return impl_->failed();
}
DedupeFigures DedupeIndex::figures() const {
  return impl_->figures();
}

}  // namespace hookspool::storage

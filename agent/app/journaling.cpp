#include "agent/app/journaling.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

#include "agent/base/exit_codes.h"
#include "agent/base/journal_exit.h"
#include "agent/base/log.h"
#include "agent/base/random.h"
#include "agent/base/stop_note.h"
#include "agent/base/units.h"
#include "agent/config/journal_limits.h"

namespace hookspool::agent {
namespace {

constexpr milliseconds kDedupeGrace{2'000};            // for a write of the index of deliveries
constexpr std::ptrdiff_t kSegmentsIndexedAtStart = 8;  // read before the agent is ready, at most
constexpr std::uint64_t kSegmentBytesLeast = 1u << 20;
constexpr std::uint64_t kSegmentBytesMost = 64u << 20;
constexpr std::uint64_t kSegmentsInBudget = 32;  // so that reclaiming comes in steps of a few per cent

}  // namespace

int Journaling::open(Delivery delivery) {
  storage::JournalOptions options;
  options.folder = config_.journal.path;
  options.agent_id = config_.agent_id;
  options.random_bytes = random_bytes;
  set_quotas(config_, options);
  options.segment_bytes_max =
      std::clamp(config_.journal.bytes_max / kSegmentsInBudget, kSegmentBytesLeast, kSegmentBytesMost);
  options.on_committing = std::move(delivery.committing);
  options.on_committed = [this, committed = std::move(delivery.committed)](Events events) {
    if (deduplicator_) deduplicator_->committed(events);
    committed(events);
  };
  auto opened = storage::Journal::open(std::move(options));
  if (!opened) {
    log_error("journal: " + opened.error().text);
    return exit_code_of(opened.error());
  }
  // Before it gets anything, and not of a journal that is left as it is.
  if (const auto removed = remove_stop_note(config_.journal.path); !removed) {
    log_error("journal: " + removed.error());
    return kExitIo;
  }
  for (const auto& note : opened->notes) log_warn("journal: " + note);
  for (const auto& loss : opened->losses) log_error("journal: LOST: " + loss);
  journal_ = std::move(opened->journal);
  const auto stats = journal_->admin().stats();
  log_info("journal " + config_.journal.path + ": " + std::to_string(stats.pending) + " events waiting, " +
           format_bytes(stats.bytes) + " in " + std::to_string(stats.segments) + " segments, agent " +
           printable(journal_->agent_id()));
  open_dedupe_index();
  forget_lost(opened->lost_ids);
  return kExitOk;
}

// Without it every delivery is an event: better than to refuse what most senders would not send again.
void Journaling::open_dedupe_index() {
  const auto& journal = config_.journal;
  if (journal.dedupe_keep == milliseconds(0)) return;
  auto opened = storage::DedupeIndex::open(
      {std::filesystem::path(journal.path) / "dedupe", journal.dedupe_keys_max, journal.dedupe_keep},
      storage::DedupeIndex::Clock::now());
  for (const auto& note : opened.notes) log_warn("dedupe: " + note);
  if (!opened.unopened.empty())
    log_error("dedupe: " + opened.unopened +
              "; it is tried again while the agent runs, and until then repeated deliveries are events");
  dedupe_index_ = std::move(opened.index);
  deduplicator_ = std::make_unique<Deduplicator>(*dedupe_index_);
  if (const auto recalled = deduplicator_->recall(journal_->notes()); !recalled)
    log_warn("dedupe: " + recalled.error().text + "; repeats of lost events may be answered as duplicates");
  if (const auto begun = deduplicator_->begin(journal_->admin()); !begun)
    log_warn("dedupe: " + begun.error().text);
  fill_dedupe_index();
}

// An index that lacks a whole backlog is filled by a thread: senders should not wait for that.
void Journaling::fill_dedupe_index() {
  const auto segments = journal_->admin().segments();
  const auto lacking =
      std::count_if(segments.begin(), segments.end(), [&](const storage::SegmentInfo& segment) {
        return segment.number >= dedupe_index_->complete_before();
      });
  if (lacking > kSegmentsIndexedAtStart) {
    log_warn("dedupe: the index lacks " + std::to_string(lacking) +
             " segments; until they are read, repeats of what they hold are events");
  } else if (const auto whole = deduplicator_->catch_up(journal_->admin()); !whole) {
    log_warn("dedupe: " + whole.error().text + "; until it is read, repeats of what it holds are events");
  }
}

void Journaling::forget_lost(std::span<const storage::LostIds> lost) {
  if (!deduplicator_) return;
  if (const auto noted = deduplicator_->forget(journal_->notes(), lost); !noted)
    log_warn("dedupe: " + noted.error().text +
             "; after a restart repeats of lost events may be answered as duplicates");
}

void Journaling::open_quarantine() {
  std::unique_ptr<storage::QuarantineStore> store;
  if (wants_quarantine(config_) || storage::QuarantineStore::exists(config_.journal.path)) {
    auto opened = storage::QuarantineStore::open(config_.journal.path, quarantine_limits(config_));
    if (!opened) {
      log_warn("quarantine: " + opened.error().text + "; nothing is quarantined until the next start");
    } else {
      for (const auto& note : opened->notes) log_warn("quarantine: " + note);
      store = std::move(opened->store);
    }
  }
  quarantine_ =
      std::make_unique<Quarantine>(settings_.sources, settings_.quarantine, *journal_, std::move(store));
  quarantine_->resolve();
}

void Journaling::close_journal() {
  if (journal_) (void)journal_->close();
}

Journaling::Closed Journaling::close() {
  const auto closed = journal_->close();
  if (!closed) log_error("journal: " + closed.error().text);
  bool ended = true;
  if (deduplicator_) {
    if (closed) (void)deduplicator_->end(journal_->admin());  // else the next start reads a segment
    ended = deduplicator_->stop(kDedupeGrace);
  }
  const auto stats = journal_->admin().stats();
  if (closed) {
    const auto noted = write_stop_note(config_.journal.path,
                                       {stats.pending, stats.unreadable_segments, stats.set_aside_files});
    if (!noted) log_warn("journal: " + noted.error());
  }
  log_info("stopped: " + std::to_string(stats.pending) + " events wait in the journal for PostgreSQL");
  return {closed.ok(), ended};
}

}  // namespace hookspool::agent

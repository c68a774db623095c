// The journal and what stands directly beside it: the index of deliveries, which its writer fills, and the quarantine.
//
// Not thread-safe: open(), open_quarantine() and close() belong to the main thread, in this order; but forget_lost() may be
// called from any. The destructor closes the journal, so what its writer calls must still be there.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "agent/config/config.h"
#include "agent/intake/deduplicator.h"
#include "agent/intake/quarantine.h"
#include "agent/reload/live_settings.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

class Journaling {
 public:
  using Events = std::span<const EventPtr>;
  // Called by the journal's writer for every group: before it is written, and when it is on disk.
  struct Delivery {
    std::function<void(Events)> committing, committed;
  };
  struct Closed {
    bool without_error = false;
    bool ended = false;  // false: the index's thread still waits for a disk
  };

  // Both must outlive this.
  Journaling(const Config& config, const LiveSettings& settings) : config_(config), settings_(settings) {}
  ~Journaling() { close_journal(); }
  Journaling(const Journaling&) = delete;
  Journaling& operator=(const Journaling&) = delete;

  // kExitOk or the code to end with, having logged why.
  int open(Delivery delivery);
  // Before anything is delivered: what it finds out about an interrupted admission is in the journal's newest events.
  void open_quarantine();
  // REQUIRES of these: open() and open_quarantine() have succeeded.
  storage::Journal& journal() { return *journal_; }
  Quarantine& quarantine() { return *quarantine_; }
  Deduplicator* deduplicator() { return deduplicator_.get(); }  // nullptr: repeats are events

  void forget_lost(std::span<const storage::LostIds> lost);

  // After it nothing can be appended, and every event that was is answered. Once more: does nothing.
  void close_journal();
  // The same with the index, logged. The last call.
  Closed close();

 private:
  void open_dedupe_index();
  void fill_dedupe_index();

  const Config& config_;
  const LiveSettings& settings_;
  std::unique_ptr<storage::DedupeIndex> dedupe_index_;
  std::unique_ptr<Deduplicator> deduplicator_;  // before the journal, whose writer calls it
  std::unique_ptr<storage::Journal> journal_;
  std::unique_ptr<Quarantine> quarantine_;
};

}  // namespace hookspool::agent

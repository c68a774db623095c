// The one thread that writes the journal. It drains the queue, commits what it got in one transaction,
// answers all of them, repeats: a group is what arrived during the last sync, without a timer.
//
// Internal to storage/. Thread-safe are append(), save_cursors(), rotate() and figures(); close() is
// the last call. The files that the groups go into are made and closed by SegmentRotation.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "storage/catalogue/catalogue.h"
#include "storage/file/folder.h"
#include "storage/journal/figures.h"
#include "storage/journal/journal_options.h"
#include "storage/journal/journal_stats.h"
#include "storage/journal/segment_rotation.h"
#include "storage/journal/space.h"
#include "storage/journal/ticket_queue.h"
#include "storage/segment/acked_syncer.h"

namespace hookspool::storage {

class Writer {
 public:
  struct Start {
    SegmentRotation::Start segments;
    std::uint64_t lost = 0;  // for the figures
  };
  // What is given by reference must outlive the writer.
  Writer(const JournalOptions& options, const Folder& folder, Catalogue& catalogue, ReaderPool& readers,
         JournalSpace& space, const Start& start);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  JournalResult<EventPtr> append(Event event);
  void append(Event event, Appended appended);
  JournalResult<void> save_cursors();
  JournalResult<void> rotate();
  JournalResult<void> begin_epoch();
  JournalResult<void> close();

  JournalStats figures() const;

 private:
  struct Plan;

  static JournalResult<TicketPtr> ticket_of(Event&& event);
  JournalResult<void> ask(Task task);
  void run();
  void handle(std::span<TicketPtr> tickets);
  void commit_group(std::span<TicketPtr> tickets);
  std::vector<Ticket*> admit(std::span<TicketPtr> tickets);
  JournalResult<std::vector<EventPtr>> store(std::span<Ticket*> tickets);
  JournalResult<void> get_ready(std::span<Ticket*> tickets);
  Plan make_plan(std::span<Ticket*> tickets);
  JournalResult<void> write(const Group& group);
  void adopt(const Plan& plan);
  JournalResult<void> write_cursors(bool probe);
  JournalResult<void> sync_to_disk(const Plan& plan);
  void reserve_ids(const Uuid& greatest_id);
  void note_acked(const Group& group);
  void make_room(std::span<TicketPtr> tickets);

  const JournalOptions& options_;
  Catalogue& catalogue_;
  JournalSpace& space_;
  Figures figures_;
  TicketQueue queue_;

  // Of the writer's thread alone.
  SegmentRotation segments_;
  UuidV7Source ids_;
  TicketPtr stop_;

  AckedSyncer syncer_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace hookspool::storage

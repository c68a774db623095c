// The one thread that writes the journal. It drains the queue, commits what it got in one transaction,
// answers all of them, repeats: a group is what arrived during the last sync, without a timer.
//
// Internal to storage/. Thread-safe are append(), save_cursors(), rotate() and figures(); close() is
// the last call. writer.cpp has the groups, writer_segments.cpp the files that they go into.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "storage/catalogue/catalogue.h"
#include "storage/file/folder.h"
#include "storage/journal/figures.h"
#include "storage/journal/journal.h"
#include "storage/journal/space.h"
#include "storage/journal/ticket_queue.h"
#include "storage/segment/acked_syncer.h"
#include "storage/segment/segment.h"

namespace hookspool::storage {

class Writer {
 public:
  struct Start {
    std::uint64_t next_number = 1;  // of the segment that the first group makes
    Uuid greatest_id;
    std::uint64_t lost = 0;  // for the figures
  };
  // What is given by reference must outlive the writer.
  Writer(const JournalOptions& options, const Folder& folder, Catalogue& catalogue, ReaderPool& readers,
         JournalSpace& space, const Start& start);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  JournalResult<EventPtr> append(Event event);
  void append(Event event, Journal::Appended appended);
  JournalResult<void> save_cursors();
  JournalResult<void> rotate();
  JournalResult<void> begin_epoch();
  JournalResult<void> close();

  JournalStats figures() const;

 private:
  struct LaneState {
    std::uint64_t last_seq = 0;           // durable, in this epoch
    std::uint32_t number_in_segment = 0;  // 0: the active segment has no event of it
  };
  struct Plan;
  struct SealedSegment {
    std::uint64_t number = 0;
    Uuid epoch;
  };

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
  JournalResult<void> rotate_if_any();
  JournalResult<void> leave_epoch();
  JournalResult<void> finish_segment();
  JournalResult<void> ensure_segment();
  JournalResult<std::unique_ptr<ActiveSegment>> make_segment();
  void begin_segment(std::unique_ptr<ActiveSegment> segment);
  void roll();
  JournalResult<void> sync_to_disk(const Plan& plan);
  void reserve_ids(const Uuid& greatest_id);
  void note_acked(const Group& group);
  void maintain();
  void seal();
  JournalResult<void> complete_sealed();
  void make_room(std::span<TicketPtr> tickets);
  bool too_old_for(std::span<Ticket*> tickets) const;

  const JournalOptions& options_;
  const Folder& folder_;
  Catalogue& catalogue_;
  ReaderPool& readers_;
  JournalSpace& space_;
  const std::uint64_t wal_bytes_max_;

  TicketQueue queue_;

  // Of the writer's thread alone.
  UuidV7Source ids_;
  Uuid greatest_id_;
  std::uint64_t next_number_;
  std::unique_ptr<ActiveSegment> segment_;
  std::optional<std::int64_t> segment_began_us_;  // received_at of its first event
  std::uint64_t next_roll_bytes_ = 0;             // of the active segment
  std::uint32_t lanes_in_segment_ = 0;
  // A segment that an error ended, and whose record does not say yet what of it was refused. Until it does, no event is
  // taken: one that is sent again would be there twice after a restart. It stays the catalogue's active segment so long.
  std::optional<SealedSegment> sealed_;
  std::unordered_map<std::string, LaneState> lanes_;  // with an event in this epoch
  TicketPtr stop_;

  Figures figures_;
  AckedSyncer syncer_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace hookspool::storage

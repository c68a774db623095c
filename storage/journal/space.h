// The journal's quota on its disk: which events are accepted (Budget decides), what is evicted before one is refused, and
// the reserve that keeps eviction possible when the disk is full to the last block.
//
// Internal to storage/. Thread-safe but for Group, which belongs to the writer's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/catalogue/catalogue.h"
#include "storage/file/folder.h"
#include "storage/file/reserve.h"
#include "storage/journal/budget.h"
#include "storage/journal/journal_options.h"
#include "storage/journal/journal_stats.h"

namespace hookspool::storage {

class JournalSpace {
 public:
  // What is given by reference must outlive it. Takes the reserve over if an earlier life left one; on a disk
  // without any room gives it up at once, for even reading what an earlier life left may need some.
  JournalSpace(const JournalOptions& options, const Folder& folder, const Catalogue& catalogue);

  // Of `options` bytes_max, free_bytes_min, lane_quotas and other_quota. A decision under way keeps the old ones.
  void set_limits(const JournalOptions& options);
  std::uint64_t bytes_max() const { return budget()->options().bytes_max; }

  // How one delivered segment is dropped. Set once, before any other thread is there.
  void set_drop(std::function<JournalResult<void>(std::uint64_t number)> drop) { drop_ = std::move(drop); }

  // The events of one group, asked about one after the other: what is accepted counts for those that follow.
  class Group {
   public:
    explicit Group(const JournalSpace& space)
        : space_(space), budget_(space.budget()), facts_(space.facts()) {}
    // Why not; nothing: it is accepted.
    std::optional<JournalError> refuse(const std::string& lane, std::uint64_t bytes);

   private:
    const JournalSpace& space_;
    const std::shared_ptr<const Budget> budget_;
    SpaceFacts facts_;
    std::uint64_t more_ = 0;
    std::map<std::string, std::uint64_t, std::less<>> more_of_lane_;
    bool short_ = false;  // stays, once it is
  };

  // Delivered segments have to go, now, for `more` bytes to be accepted.
  bool must_evict(std::uint64_t more) const;
  // Drops the oldest delivered segment; false if there is none, or it could not be.
  bool evict_oldest() const;
  // Whether a segment's files can be made: false on a disk without inodes.
  bool files_possible() const;

  // Runs a step that the disk itself may find no room for (a quota shows nowhere else), and again as long as
  // delivered history can be shed for it.
  JournalResult<void> retry_while_evicting(const std::function<JournalResult<void>()>& step) const;
  // Runs what makes room, or must be written whatever room there is; once more without the reserve if the disk
  // was full.
  JournalResult<void> retry_without_reserve(const std::function<JournalResult<void>()>& step);
  // For reading, which may need a small file beside the one that is read: true if the disk was full to the last
  // block and is not any more.
  bool release_reserve_if_full();
  // Makes the reserve again if there is room for it.
  void restore_reserve();

  // Why no lane at all would be accepted; nothing if one would.
  std::optional<JournalError> refuse_all() const;
  std::vector<LaneUsage> lane_usages() const;
  std::uint64_t free_bytes() const;
  bool reserve_held() const { return reserve_.held(); }

 private:
  std::shared_ptr<const Budget> budget() const;
  SpaceFacts facts() const;
  void remember(const Budget& budget, const std::string& lane, std::uint64_t bytes, bool refused) const;
  std::uint64_t next_bytes(std::string_view lane) const;
  std::optional<JournalError> refuse(const Budget& budget, std::string_view lane, std::uint64_t more_of_lane,
                                     std::uint64_t more, SpaceFacts facts, bool is_short) const;

  const Folder& folder_;
  const Catalogue& catalogue_;
  Reserve reserve_;
  mutable Mutex budget_mutex_;
  std::shared_ptr<const Budget> budget_ GUARDED_BY(budget_mutex_);  // replaced as a whole
  // The size of the last event that a lane was refused, until one of it is accepted: what it would take for the lane
  // to be open again. Only of lanes that are named or known; under "" of unknown ones.
  mutable Mutex mutex_;
  mutable std::map<std::string, std::uint64_t, std::less<>> refused_bytes_ GUARDED_BY(mutex_);
  std::function<JournalResult<void>(std::uint64_t)> drop_;
};

}  // namespace hookspool::storage

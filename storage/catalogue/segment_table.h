// The segments: which are there, which one is written, and which may be evicted.
//
// Internal to storage/catalogue. Not thread-safe: Catalogue holds its mutex.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "storage/catalogue/records.h"
#include "storage/model/journal_error.h"
#include "storage/model/lane_run.h"

namespace hookspool::storage {

class SegmentTable {
 public:
  using Segments = std::map<std::uint64_t, SegmentRecord>;

  const Segments& all() const { return segments_; }
  bool contains(std::uint64_t number) const { return segments_.contains(number); }
  const SegmentRecord* find(std::uint64_t number) const;
  SegmentRecord& at(std::uint64_t number) { return segments_.at(number); }
  const SegmentRecord& at(std::uint64_t number) const { return segments_.at(number); }
  SegmentRecord& add(std::uint64_t number) { return segments_[number]; }  // or the one that is there
  void erase(std::uint64_t number);
  void set_bytes(SegmentRecord& segment, std::uint64_t bytes);
  std::uint64_t bytes() const { return bytes_; }

  // The one that is written.
  SegmentRecord& begin_active(std::uint64_t number);
  SegmentRecord& active() { return segments_.at(active_.value()); }  // REQUIRES: there is one
  void end_active();

  // One whose numbers and lanes are not known until it can be read.
  void add_unknown(std::uint64_t number) { unknown_.insert(number); }
  void is_known(std::uint64_t number) { unknown_.erase(number); }
  bool has_unknown_between(std::uint64_t after, std::uint64_t before) const;

  // Of the history: the oldest closed segment that is delivered; and whether the active one is, and holds anything.
  std::optional<std::uint64_t> oldest_delivered() const;
  bool active_delivered() const;
  // Whether it may go. `uncovered_id` is the greatest id so far if no other segment knows it.
  struct Drop {
    std::shared_ptr<SegmentFile> file;
    std::optional<Uuid> uncovered_id;
  };
  JournalResult<Drop> begin_drop(std::uint64_t number) const;
  void compared(std::string_view lane);  // Journal::compared()

  std::vector<SegmentInfo> infos() const;
  std::vector<std::shared_ptr<SegmentFile>> files(std::uint64_t from_segment) const;  // oldest first

 private:
  Segments segments_;
  std::set<std::uint64_t> unknown_;  // numbers of segments that cannot be read
  std::optional<std::uint64_t> active_;
  std::uint64_t bytes_ = 0;  // the sum over segments_
};

}  // namespace hookspool::storage

// Which deliveries are known to the index although their events are lost: by the ids between which they were.
//
// An event that the disk has lost leaves its key in the index of deliveries, and its sender's repeat would be answered as a
// duplicate of nothing. Ids of a lane grow with its numbers, so a lost stretch is a range of ids. Plain data; its text is
// kept as a note of the journal, so it is limited in ranges and in bytes. Beyond a limit the two oldest neighbours of the lane
// with most ranges become one: what lies between them may then be taken twice, which is better than not at all. Only where
// no lane has two ranges is the oldest one forgotten. Not thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/model/lane_run.h"
#include "storage/model/uuid.h"

namespace hookspool::agent {

class LostDeliveries {
 public:
  static constexpr std::size_t kRangesMax = 1'000;
  static constexpr std::size_t kTextBytesMax = 256u
                                               << 10;  // within what a note may have (storage/file/folder.h)

  // `lost.before` must not be nil. Ranges of a lane that overlap become one. True: something changed.
  bool add(const storage::LostIds& lost);
  void add_all(const LostDeliveries& other);
  bool contains(std::string_view lane, const Uuid& id) const;
  std::size_t size() const { return count_; }

  // One range a line: the two ids and the lane. What is no such line is left out.
  std::string text() const;
  static LostDeliveries parse(std::string_view text);

 private:
  struct Range {
    Uuid after, before;
  };
  void make_smaller();

  std::map<std::string, std::vector<Range>, std::less<>> ranges_;
  std::size_t count_ = 0;  // the sum over ranges_
  std::size_t bytes_ = 0;  // of text()
};

}  // namespace hookspool::agent

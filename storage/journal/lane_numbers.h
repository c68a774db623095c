// The number of each lane's last event in this epoch, and the numbers that the lanes have in the active segment.
//
// Internal to storage/. Not thread-safe: of the writer's thread. Only what is durable is in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace hookspool::storage {

class LaneNumbers {
 public:
  struct Lane {
    std::uint64_t last_seq = 0;           // 0: no event of it in this epoch
    std::uint32_t number_in_segment = 0;  // 0: the active segment has no event of it
  };
  using ByName = std::unordered_map<std::string, Lane>;

  Lane of(const std::string& name) const;
  std::uint32_t count_in_segment() const { return in_segment_; }  // which are the numbers up to this one

  // As they are after a group, which gave `new_in_segment` lanes a number in the segment.
  void adopt(const ByName& lanes, std::size_t new_in_segment);
  void end_segment();  // the numbers of the events go on in the next one
  void end_epoch();    // all begin anew

 private:
  ByName lanes_;
  std::uint32_t in_segment_ = 0;
};

}  // namespace hookspool::storage

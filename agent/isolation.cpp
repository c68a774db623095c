#include "agent/isolation.h"

#include <utility>

namespace hookspool::agent {

Isolation::Verdict Isolation::refused(std::uint64_t first_seq, std::size_t count) {
  if (count > 1) {
    limit_ = count / 2;
    suspect_until_seq_ = first_seq + count - 1;
    return Verdict::kTryAgain;
  }
  limit_ = 1;
  if (suspect_until_seq_ < first_seq) suspect_until_seq_ = first_seq;
  if (alone_seq_ != first_seq) {
    alone_seq_ = first_seq;
    tries_alone_ = 0;
  }
  if (++tries_alone_ < kTriesAlone) return Verdict::kTryAgain;
  return in_a_row_.size() < kBuriedInARowMax ? Verdict::kBury : Verdict::kHold;
}

std::vector<EventPtr> Isolation::delivered(std::uint64_t last_seq) {
  if (last_seq >= suspect_until_seq_) limit_ = SIZE_MAX;
  auto in_a_row = std::exchange(in_a_row_, {});
  if (in_a_row.size() < kBuriedInARowMax) in_a_row.clear();
  return in_a_row;
}

void Isolation::buried(EventPtr event) {
  if (event->seq >= suspect_until_seq_) limit_ = SIZE_MAX;
  in_a_row_.push_back(std::move(event));
}

}  // namespace hookspool::agent

#include "agent/delivery/isolation.h"

#include <algorithm>

namespace hookspool::agent {
namespace {

using Blame = Isolation::Blame;

// Before a batch is believed to be what ends the connection: an outage is the more frequent reason.
constexpr unsigned kTimesLostTogether = 3;

// How often an event is tried alone before it is believed. What an outage or other sessions can cause as well is tried
// longer, and after pauses.
unsigned tries_alone_max(Blame blame) {
  switch (blame) {
    case Blame::kSetup:
      return 1;
    case Blame::kEvent:
    case Blame::kUnclear:
      return 2;
    case Blame::kLimit:
      return 3;
    case Blame::kLost:
      return 5;
    case Blame::kConflict:
      return 10;
  }
  return 2;
}

}  // namespace

bool Isolation::may_pass(Blame blame) {
  return blame == Blame::kLimit || blame == Blame::kConflict || blame == Blame::kLost;
}

// Numbers of one epoch say nothing of those of another.
void Isolation::enter(const Uuid& epoch) {
  if (epoch == epoch_) return;
  epoch_ = epoch;
  limit_ = SIZE_MAX;
  suspect_until_seq_ = alone_seq_ = lost_seq_ = proven_until_seq_ = proven_head_seq_ = 0;
  tries_alone_ = times_lost_ = 0;
  taken_since_ = false;
}

void Isolation::only_one(const Uuid& epoch, std::uint64_t first_seq) {
  enter(epoch);
  limit_ = 1;
  suspect_until_seq_ = std::max(suspect_until_seq_, first_seq);
}

std::size_t Isolation::in_a_row(bool again) const {
  return static_cast<std::size_t>(std::count_if(
      in_a_row_.begin(), in_a_row_.end(), [&](const Buried& event) { return event.requeued == again; }));
}

Isolation::Verdict Isolation::refused(const Uuid& epoch, std::uint64_t first_seq, std::size_t count,
                                      Blame blame, const std::string& sqlstate, bool again) {
  enter(epoch);
  if (blame == Blame::kLost) {
    if (lost_seq_ != first_seq) times_lost_ = 0;
    lost_seq_ = first_seq;
    times_lost_ += 1;
    if (count > 1 && times_lost_ < kTimesLostTogether) return Verdict::kTryAgain;
  }
  if (count > 1) {
    // Each crash of a server costs all its sessions, so there is no halving: the next is alone.
    limit_ = blame == Blame::kLost ? 1 : count / 2;
    suspect_until_seq_ = first_seq + count - 1;
    if (sqlstate != batch_sqlstate_) taken_since_ = false;
    batch_sqlstate_ = sqlstate;
    return Verdict::kTryAgain;
  }
  limit_ = 1;
  suspect_until_seq_ = std::max(suspect_until_seq_, first_seq);
  if (alone_seq_ != first_seq || alone_blame_ != blame) tries_alone_ = 0;
  alone_seq_ = first_seq;
  alone_blame_ = blame;
  tries_alone_ = std::min(tries_alone_ + 1, tries_alone_max(blame));
  if (tries_alone_ < tries_alone_max(blame)) return may_pass(blame) ? Verdict::kTryLater : Verdict::kTryAgain;
  if (blame == Blame::kSetup) return Verdict::kHold;
  // The server may have become slow after it took another event: what passes is proven for one event at a time.
  if (may_pass(blame)) return proven_head_seq_ == first_seq ? Verdict::kBury : Verdict::kProve;
  if (first_seq <= proven_until_seq_) return Verdict::kBury;
  if (blame == Blame::kEvent) return again || !may_be_the_table() ? Verdict::kBury : Verdict::kProve;
  // Refused with its batch, a part of which was taken then, and refused after that with the same words.
  return taken_since_ && sqlstate == batch_sqlstate_ ? Verdict::kBury : Verdict::kProve;
}

void Isolation::proven(std::uint64_t head_seq, std::uint64_t until_seq) {
  proven_head_seq_ = head_seq;
  proven_until_seq_ = std::max(proven_until_seq_, until_seq);
  in_a_row_.clear();
  held_ = false;
}

void Isolation::buried(std::uint64_t seq, const Buried& event) {
  // Up to the one that was taken all were tried and refused.
  if (seq >= suspect_until_seq_) limit_ = seq + 1 < proven_until_seq_ ? 1 : SIZE_MAX;
  taken_since_ = false;
  if (seq <= proven_until_seq_ || hold_after_ == 0) return;
  if (in_a_row(event.requeued) >= hold_after_) {
    in_a_row_.erase(std::find_if(in_a_row_.begin(), in_a_row_.end(),
                                 [&](const Buried& other) { return other.requeued == event.requeued; }));
  }
  in_a_row_.push_back(event);
}

std::vector<Uuid> Isolation::to_put_back() const {
  std::vector<Uuid> ids;
  if (!may_be_the_table()) return ids;
  for (const Buried& event : in_a_row_) {
    if (held_ || !event.requeued) ids.push_back(event.id);
  }
  return ids;
}

void Isolation::delivered(const Uuid& epoch, std::uint64_t last_seq) {
  enter(epoch);
  if (last_seq >= suspect_until_seq_) {
    limit_ = SIZE_MAX;
  } else {
    taken_since_ = true;
  }
  times_lost_ = 0;
  held_ = false;
  in_a_row_.clear();
}

void Isolation::restore(const std::vector<Uuid>& buried) {
  in_a_row_.clear();
  for (auto id = buried.rbegin(); id != buried.rend(); ++id) in_a_row_.push_back({*id, false});
}

}  // namespace hookspool::agent

#include "agent/delivery/proof_search.h"

#include <algorithm>

#include "agent/delivery/live_queue.h"
#include "agent/delivery/run_walker.h"

namespace hookspool::agent {
namespace {

// Events that are read for one step.
constexpr std::size_t kReadEventsMax = 16;
constexpr std::size_t kReadBytesMax = 1u << 20;
// Tried before the lane waits again, in as many steps as that takes.
constexpr std::size_t kTriedEventsMax = 10'000;
constexpr std::size_t kTriedBytesMax = 64u << 20;

}  // namespace

storage::JournalResult<std::vector<EventPtr>> ProofSearch::next(const storage::LaneRun& run,
                                                                std::uint64_t refused_seq, bool ask_again) {
  const auto runs = core_.journal().runs(core_.name());
  const auto at = [&](const Uuid& epoch) {
    return std::find_if(runs.begin(), runs.end(), [&](const auto& each) { return each.epoch == epoch; });
  };
  const auto own = at(run.epoch);
  auto from = at(epoch_);
  std::uint64_t seq = seq_;
  if (from == runs.end() || from < own || (from == own && seq < refused_seq)) {
    from = own;
    seq = refused_seq;
  }
  if (taken_ && ask_again) {
    const auto known = at(taken_->first);
    const bool behind =
        known != runs.end() && (known > own || (known == own && taken_->second > refused_seq));
    if (behind) {
      from = known;
      seq = taken_->second - 1;
      taken_.reset();
    }
  }
  for (; from != runs.end(); ++from, seq = 0) {
    RunWalker walker(core_.journal(), core_.name(), *from, seq + 1);
    if (walker.at_end()) continue;
    const RunWalker::Limits limits{kReadEventsMax, kReadBytesMax, kTriedEventsMax};
    auto read = walker.next(limits);
    if (read && read->damage) {
      if (walker.at_end()) continue;
      read = walker.next(limits);
    }
    if (!read) return fail(std::move(read).error());
    if (read->damage) return fail(std::move(read->damage->error));
    return std::move(read->events);
  }
  return std::vector<EventPtr>();
}

void ProofSearch::tried(const StoredEvent& event) {
  epoch_ = event.epoch;
  seq_ = event.seq;
  events_ += 1;
  bytes_ += event_bytes(event);
}

void ProofSearch::taken(const StoredEvent& event) {
  taken_ = {event.epoch, event.seq};
  restart();
}

bool ProofSearch::exhausted() const {
  return events_ >= kTriedEventsMax || bytes_ >= kTriedBytesMax;
}

}  // namespace hookspool::agent

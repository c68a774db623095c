#include "agent/delivery/run_walker.h"

#include <algorithm>
#include <utility>

namespace hookspool::agent {

RunWalker::RunWalker(const storage::Journal& journal, std::string lane, const storage::LaneRun& run,
                     std::uint64_t from_seq)
    : journal_(journal), lane_(std::move(lane)), run_(run), next_seq_(std::max(from_seq, run.first_seq)) {}

storage::JournalResult<RunWalker::Stretch> RunWalker::next(const Limits& limits) {
  auto events = journal_.read(lane_, run_.epoch, next_seq_, limits.events_max, limits.bytes_max);
  if (events) {
    next_seq_ = events->back()->seq + 1;
    return Stretch{std::move(*events), std::nullopt};
  }
  if (events.error().kind != storage::JournalError::Kind::kCorrupt) return fail(std::move(events).error());
  const auto readable = journal_.next_readable(lane_, run_.epoch, next_seq_, limits.numbers_max);
  if (!readable) return fail(readable.error());
  const std::uint64_t last_seq = std::min(*readable - 1, run_.last_seq);
  Damage damage{next_seq_, last_seq, std::move(events).error()};
  next_seq_ = last_seq + 1;
  return Stretch{{}, std::move(damage)};
}

std::string describe(const RunWalker::Damage& damage, const Uuid& epoch) {
  return "LOST: " + std::to_string(damage.count()) + " events, numbers " + std::to_string(damage.first_seq) +
         " to " + std::to_string(damage.last_seq) + " of epoch " + epoch.to_string() +
         ", cannot be read from the journal: " + damage.error.text;
}

}  // namespace hookspool::agent

// A delivery that begins while the journal syncs: the transaction, the watermark's lock, the rows and its move cost about
// as much time as the sync. Only COMMIT waits for the journal's word, and without it there is none.
#include <algorithm>

#include "agent/delivery/lane.h"

namespace hookspool::agent {
namespace {

using Next = Lane::Step::Next;

// A longer sync is not waited for with a connection and the watermark's lock in hand.
constexpr milliseconds kSyncLongest{50};
constexpr milliseconds kAfterInVain{1'000};
constexpr std::size_t kAheadBytesMax = 256u << 10;

}  // namespace

// The current run, if what is coming continues it and there is nothing else to be done or looked into.
std::optional<storage::LaneRun> Lane::run_of(const std::vector<EventPtr>& coming) const {
  if (check_due_ || repair_ || !suspect_.empty() || !live_.is_open()) return std::nullopt;
  if (isolation_.batch_limit() < SIZE_MAX || !isolation_.to_put_back().empty()) return std::nullopt;
  if (pace_.batch_events() < coming.size()) return std::nullopt;
  if (Clock::now() < ahead_from_ || next_run()) return std::nullopt;
  const auto runs = context_.journal.runs(name_);
  const auto run = std::find_if(runs.rbegin(), runs.rend(), [](const auto& each) { return each.current; });
  if (run == runs.rend() || run->confirmed.seq == 0 || run->confirmed.seq != run->last_seq)
    return std::nullopt;
  std::size_t bytes = 0;
  for (std::uint64_t seq = run->last_seq; const auto& event : coming) {
    bytes += event_bytes(*event);
    const bool next = event->epoch == run->epoch && event->seq == ++seq;
    // One that was put back is left to the step that looks its dead letter up.
    if (!next || !event->event.again.is_nil() || bytes > kAheadBytesMax) return std::nullopt;
  }
  return *run;
}

Lane::Step Lane::step_ahead(net::Connection& connection, const std::vector<EventPtr>& coming) {
  config_ = context_.config.get();
  pace_.set_most(config_->batch_events_max);
  isolation_.set_hold_after(config_->hold_after);
  auto run = run_of(coming);
  if (!run) return next_run() ? next_step(connection) : Step{};
  const auto began = Clock::now();
  auto transaction =
      net::DeliveryTransaction::begin_at(connection, config_->options, key_of(*run), run->confirmed, coming);
  // What is not as expected, or refused, is left to the step that comes with the events.
  const bool refused = !transaction && transaction.error().error_class != net::ErrorClass::kOutage;
  if (!transaction && transaction.error().connection_lost)
    return lost(*run, coming.front()->seq, coming.size(), coming.front()->id, transaction.error());
  if (!transaction && !refused) return failed(transaction.error());
  if (refused || !*transaction) return {};
  if (!durable_.wait_for(run->epoch, coming.back()->seq, kSyncLongest)) {
    ahead_from_ = Clock::now() + kAfterInVain;
    context_.figures.ahead_in_vain += 1;
    return {};
  }
  Batch batch;
  batch.first_seq = coming.front()->seq;
  live_.take(run->epoch, batch.first_seq, coming.size(), SIZE_MAX, batch.events);
  // The very same, for a number is given again after a group that failed.
  if (batch.events != coming) return {Next::kMore, {}, {}};
  batch.live = coming.size();
  batch.count_last_slice();
  batch.ahead = true;
  return commit(connection, std::move(**transaction), *run, batch, began);
}

}  // namespace hookspool::agent

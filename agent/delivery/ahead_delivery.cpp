#include "agent/delivery/ahead_delivery.h"

#include <algorithm>
#include <utility>

namespace hookspool::agent {
namespace {

// A longer sync is not waited for with a connection and the watermark's lock in hand.
constexpr milliseconds kSyncLongest{50};
constexpr milliseconds kAfterInVain{1'000};
constexpr std::size_t kAheadBytesMax = 256u << 10;

}  // namespace

std::optional<storage::LaneRun> AheadDelivery::run_for(const std::vector<EventPtr>& coming) const {
  if (!core_.live().is_open()) return std::nullopt;
  if (isolation_.batch_limit() < SIZE_MAX || !isolation_.to_put_back().empty()) return std::nullopt;
  if (pace_.batch_events() < coming.size() || core_.now() < not_before_) return std::nullopt;
  const auto runs = core_.journal().runs(core_.name());
  const auto run = std::find_if(runs.rbegin(), runs.rend(), [](const auto& each) { return each.current; });
  if (run == runs.rend() || run->confirmed.seq == 0 || run->confirmed.seq != run->last_seq)
    return std::nullopt;
  std::size_t bytes = 0;
  for (std::uint64_t seq = run->last_seq; const auto& event : coming) {
    bytes += event_bytes(*event);
    const bool next = event->epoch == run->epoch && event->seq == ++seq;
    // One that was put back is left to the step that looks its dead letter up.
    if (!next || !event->event.requeued_id.is_nil() || bytes > kAheadBytesMax) return std::nullopt;
  }
  return *run;
}

LaneStep AheadDelivery::deliver(net::Connection& connection, const storage::LaneRun& run,
                                const std::vector<EventPtr>& coming) {
  const auto began = core_.now();
  auto transaction = net::DeliveryTransaction::begin_at(connection, core_.config().options, core_.key_of(run),
                                                        run.confirmed, coming);
  if (!transaction) {
    const net::PgError& error = transaction.error();
    if (error.connection_lost)
      return refused_.connection_lost(run, coming.front()->seq, coming.size(), coming.front()->id, error);
    if (error.error_class == net::ErrorClass::kOutage) return core_.failed(error);
    return {};  // what is refused is left to the step that comes with the events
  }
  if (!*transaction) return {};  // so is a watermark that is not where it was left
  if (!durable_.wait_for(run.epoch, coming.back()->seq, kSyncLongest)) {
    not_before_ = core_.now() + kAfterInVain;
    core_.figures().ahead_in_vain += 1;
    return {};
  }
  DeliveryBatch batch;
  batch.first_seq = coming.front()->seq;
  core_.live().take(run.epoch, batch.first_seq, coming.size(), SIZE_MAX, batch.events);
  // The very same, for a number is given again after a group that failed.
  if (batch.events != coming) return LaneStep::more();
  batch.live = coming.size();
  batch.count_last_slice();
  batch.ahead = true;
  return delivery_.commit(connection, std::move(**transaction), run, batch, began);
}

}  // namespace hookspool::agent

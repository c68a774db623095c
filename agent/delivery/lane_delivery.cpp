#include "agent/delivery/lane_delivery.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace hookspool::agent {
namespace {

// What is in memory of a transaction at a time, and how long one may take what there is before it is committed.
constexpr std::size_t kSliceEventsMax = 1000;
constexpr std::size_t kSliceBytesMax = 256u << 10;
constexpr milliseconds kCopyLongest{500};
constexpr std::uint64_t kNearlyCaughtUpEvents = 1000;

}  // namespace

LaneStep LaneDelivery::send(net::Connection& connection, net::DeliveryTransaction transaction,
                            const storage::LaneRun& run) {
  const auto began = core_.now();
  if (refused_.wants_proof(run, transaction.position().seq + 1)) {
    { const auto rolled_back = std::move(transaction); }
    return refused_.prove(connection, run);
  }
  DeliveryBatch batch;
  const auto copied = copy(transaction, run, began, batch);
  if (batch.count == 0 && batch.unread) {
    if (batch.unread->kind != storage::JournalError::Kind::kCorrupt) return core_.failed(*batch.unread);
    return gaps_.skip_damaged(std::move(transaction), run);
  }
  if (!copied) {
    { const auto rolled_back = std::move(transaction); }
    return refused_.not_taken(connection, run, batch, copied.error());
  }
  if (const auto put = dead_letters_.put_back(connection); !put) return core_.failed(put.error());
  return commit(connection, std::move(transaction), run, batch, began);
}

// Slice by slice, so that a large transaction takes little memory, and PostgreSQL puts in one while the next is read.
net::PgResult<void> LaneDelivery::copy(net::DeliveryTransaction& transaction, const storage::LaneRun& run,
                                       TimePoint began, DeliveryBatch& batch) {
  const std::size_t events_max =
      std::min({core_.config().batch_events_max, isolation_.batch_limit(), pace_.batch_events()});
  batch.first_seq = transaction.position().seq + 1;
  while (transaction.position().seq < run.last_seq) {
    const bool enough = batch.count >= events_max || batch.bytes >= core_.config().batch_bytes_max ||
                        core_.now() - began >= kCopyLongest;
    if (batch.count > 0 && enough) break;
    const auto next = next_slice(run, transaction.position().seq + 1, events_max - batch.count, batch);
    if (!next) {
      batch.unread = next.error();
      break;
    }
    if (auto copied = transaction.copy_some(batch.events); !copied) return copied;
  }
  return transaction.finish_copy();
}

// At least one event, or why none can be had.
storage::JournalResult<void> LaneDelivery::next_slice(const storage::LaneRun& run, std::uint64_t from_seq,
                                                      std::size_t events_max, DeliveryBatch& batch) {
  events_max = std::min(events_max, kSliceEventsMax);
  const std::size_t bytes_max = std::min(core_.config().batch_bytes_max - batch.bytes, kSliceBytesMax);
  // Not two slices in memory at a time; but an event that was alone is needed should it be refused.
  if (batch.count > 1) batch.events.clear();
  LiveQueue& live = core_.live();
  std::vector<EventPtr> events;
  live.take(run.epoch, from_seq, events_max, bytes_max, events);
  batch.live += events.size();
  if (events.empty()) {
    // Nearly caught up: have new events handed over from here on, so that a busy lane gets back on the fast path.
    if (run.current && run.last_seq - from_seq < kNearlyCaughtUpEvents) live.open();
    auto read = core_.journal().read(core_.name(), run.epoch, from_seq, events_max, bytes_max);
    if (!read) return fail(std::move(read).error());
    events = std::move(*read);
  }
  batch.events = std::move(events);
  batch.count_last_slice();
  return {};
}

LaneStep LaneDelivery::commit(net::Connection& connection, net::DeliveryTransaction transaction,
                              const storage::LaneRun& run, const DeliveryBatch& batch, TimePoint began) {
  const auto committed = transaction.commit();
  if (!committed) {
    { const auto rolled_back = std::move(transaction); }
    if (batch.count == 0) return core_.failed(committed.error());
    return refused_.not_taken(connection, run, batch, committed.error());
  }
  core_.journal().confirm(core_.name(), run.epoch, transaction.position());
  core_.context().wake_ups.delivered(core_.key_of(run), transaction.position().seq);
  pace_.took(core_.now() - began);
  if (batch.count == 0) return LaneStep::more();
  account(batch, began);
  core_.report().count(transaction.counts());
  core_.report().succeeded(batch.live == batch.count);
  refused_.delivered(run, transaction.position().seq);
  return LaneStep::more();
}

void LaneDelivery::account(const DeliveryBatch& batch, TimePoint began) {
  auto& figures = core_.figures();
  figures.transaction.record(std::chrono::duration_cast<std::chrono::microseconds>(core_.now() - began));
  const std::int64_t now_us = core_.context().time.wall_clock_us();
  for (const auto received_at_us : batch.received_at_us)
    figures.accept_to_commit.record(std::chrono::microseconds(now_us - received_at_us));
  for (const auto& id : batch.put_back) {
    figures.put_back += 1;
    if (core_.context().on_returned) core_.context().on_returned(id);
  }
  figures.delivered_live += batch.live;
  figures.delivered_from_journal += batch.count - batch.live;
  figures.batches += 1;
  if (batch.ahead) figures.batches_ahead += 1;
}

}  // namespace hookspool::agent

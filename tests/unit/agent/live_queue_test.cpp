#include "agent/delivery/live_queue.h"

#include <gtest/gtest.h>

namespace hookspool::agent {
namespace {

Uuid epoch_of(std::uint8_t n) {
  Uuid epoch;
  epoch.bytes[0] = n;
  return epoch;
}

EventPtr event(std::uint8_t epoch, std::uint64_t seq, std::size_t body_bytes = 10) {
  auto stored = std::make_shared<StoredEvent>();
  stored->epoch = epoch_of(epoch);
  stored->seq = seq;
  stored->event.body.assign(body_bytes, 'x');
  return stored;
}

std::vector<std::uint64_t> taken(LiveQueue& queue, std::uint8_t epoch, std::uint64_t seq,
                                 std::size_t events_max = 100, std::size_t bytes_max = 1u << 20) {
  std::vector<EventPtr> out;
  queue.take(epoch_of(epoch), seq, events_max, bytes_max, out);
  std::vector<std::uint64_t> seqs;
  for (const auto& e : out) seqs.push_back(e->seq);
  return seqs;
}

TEST(LiveQueueTest, ClosedUntilOpened) {
  LiveBudget budget(1u << 20);
  LiveQueue queue(budget);
  queue.enqueue(event(1, 1));
  EXPECT_TRUE(taken(queue, 1, 1).empty());
  queue.open();
  queue.enqueue(event(1, 2));
  EXPECT_EQ(taken(queue, 1, 2), std::vector<std::uint64_t>{2});
}

TEST(LiveQueueTest, GivesOnlyAGapFreeRun) {
  LiveBudget budget(1u << 20);
  LiveQueue queue(budget);
  queue.open();
  for (const std::uint64_t seq : {3u, 4u, 5u, 7u, 8u}) queue.enqueue(event(1, seq));
  EXPECT_TRUE(taken(queue, 1, 1).empty()) << "1 and 2 are in the journal";
  EXPECT_EQ(taken(queue, 1, 4), (std::vector<std::uint64_t>{4, 5}));
  EXPECT_TRUE(taken(queue, 1, 6).empty());
  EXPECT_EQ(taken(queue, 1, 7), (std::vector<std::uint64_t>{7, 8}));
}

TEST(LiveQueueTest, ForgetsAnotherEpoch) {
  LiveBudget budget(1u << 20);
  LiveQueue queue(budget);
  queue.open();
  queue.enqueue(event(1, 9));
  queue.enqueue(event(2, 1));
  EXPECT_EQ(taken(queue, 2, 1), std::vector<std::uint64_t>{1});
}

TEST(LiveQueueTest, KeepsToTheLimitsButGivesOneAtLeast) {
  LiveBudget budget(1u << 20);
  LiveQueue queue(budget);
  queue.open();
  for (std::uint64_t seq = 1; seq <= 4; ++seq) queue.enqueue(event(1, seq, 1000));
  EXPECT_EQ(taken(queue, 1, 1, 100, 1), std::vector<std::uint64_t>{1});
  EXPECT_EQ(taken(queue, 1, 2, 2), (std::vector<std::uint64_t>{2, 3}));
}

TEST(LiveQueueTest, TheBudgetClosesItAndComesBack) {
  const std::size_t one = event_bytes(*event(1, 1, 1000));
  LiveBudget budget(2 * one);
  LiveQueue queue(budget);
  queue.open();
  for (std::uint64_t seq = 1; seq <= 3; ++seq) queue.enqueue(event(1, seq, 1000));
  EXPECT_FALSE(queue.is_open());
  queue.close();
  EXPECT_TRUE(budget.take(2 * one)) << "what was in the queue is given back";
}

}  // namespace
}  // namespace hookspool::agent

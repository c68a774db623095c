#include "agent/isolation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "agent/pace.h"

namespace hookspool::agent {
namespace {

EventPtr event(std::uint64_t seq) {
  auto stored = std::make_shared<StoredEvent>();
  stored->seq = seq;
  return stored;
}

struct Outcome {
  std::vector<std::uint64_t> delivered, buried, put_back;
  bool held = false;
  int transactions = 0;
};

// Plays a lane of `count` events against a table that refuses those in `poison`.
Outcome play(std::uint64_t count, const std::set<std::uint64_t>& poison, Isolation& isolation) {
  Outcome outcome;
  for (std::uint64_t next = 1; next <= count && !outcome.held;) {
    const auto size = std::min<std::uint64_t>({count - next + 1, 100, isolation.batch_limit()});
    outcome.transactions += 1;
    const auto bad = poison.lower_bound(next);
    if (bad == poison.end() || *bad >= next + size) {
      for (std::uint64_t i = 0; i < size; ++i) outcome.delivered.push_back(next + i);
      next += size;
      for (const auto& e : isolation.delivered(next - 1)) outcome.put_back.push_back(e->seq);
      continue;
    }
    switch (isolation.refused(next, size)) {
      case Isolation::Verdict::kTryAgain:
        break;
      case Isolation::Verdict::kHold:
        outcome.held = true;
        break;
      case Isolation::Verdict::kBury:
        isolation.buried(event(next));
        outcome.buried.push_back(next++);
        break;
    }
  }
  return outcome;
}

TEST(IsolationTest, BuriesExactlyThePoisonAndDeliversTheRestInOrder) {
  const std::set<std::uint64_t> poison{1, 57, 58, 200, 777, 1000};
  Isolation isolation;
  const auto outcome = play(1000, poison, isolation);
  EXPECT_EQ(outcome.buried, std::vector<std::uint64_t>(poison.begin(), poison.end()));
  EXPECT_EQ(outcome.delivered.size(), 994u);
  EXPECT_TRUE(std::is_sorted(outcome.delivered.begin(), outcome.delivered.end()));
  EXPECT_FALSE(outcome.held);
  EXPECT_LT(outcome.transactions, 150) << "about twice the logarithm of a batch for each";
  EXPECT_EQ(isolation.batch_limit(), SIZE_MAX);
}

TEST(IsolationTest, HoldsWhenEverythingIsRefused) {
  std::set<std::uint64_t> all;
  for (std::uint64_t i = 1; i <= 500; ++i) all.insert(i);
  Isolation isolation;
  const auto outcome = play(500, all, isolation);
  EXPECT_TRUE(outcome.held);
  EXPECT_EQ(outcome.buried.size(), Isolation::kBuriedInARowMax);
}

TEST(IsolationTest, PutsBackWhatWasBuriedOnceTheTableIsMended) {
  std::set<std::uint64_t> all;
  for (std::uint64_t i = 1; i <= 500; ++i) all.insert(i);
  Isolation isolation;
  ASSERT_TRUE(play(500, all, isolation).held);
  EXPECT_EQ(isolation.delivered(21).size(), Isolation::kBuriedInARowMax);
  EXPECT_TRUE(isolation.delivered(22).empty()) << "once";
}

TEST(IsolationTest, AFewInARowStayBuried) {
  Isolation isolation;
  const auto outcome = play(100, {10, 11, 12}, isolation);
  EXPECT_EQ(outcome.buried.size(), 3u);
  EXPECT_TRUE(outcome.put_back.empty());
}

TEST(PaceTest, StartsSmallAndDoublesWhileCommitsAreQuick) {
  Pace pace(1000);
  EXPECT_EQ(pace.batch_events(), 1000u);
  pace.line_came_up();
  EXPECT_EQ(pace.batch_events(), 64u);
  for (int i = 0; i < 10; ++i) pace.took(std::chrono::milliseconds(5));
  EXPECT_EQ(pace.batch_events(), 1000u);
  for (int i = 0; i < 20; ++i) pace.took(std::chrono::seconds(3));
  EXPECT_EQ(pace.batch_events(), 1u);
}

}  // namespace
}  // namespace hookspool::agent

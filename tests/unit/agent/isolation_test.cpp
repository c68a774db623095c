#include "agent/delivery/isolation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <set>

namespace hookspool::agent {
namespace {

using Blame = Isolation::Blame;
using Verdict = Isolation::Verdict;

const Uuid kEpoch = *Uuid::parse("11111111-2222-4333-8444-555555555555");
const Uuid kNextEpoch = *Uuid::parse("21111111-2222-4333-8444-555555555555");

Uuid id_of(std::uint64_t seq) {
  char text[37];
  std::snprintf(text, sizeof text, "11111111-2222-4333-8444-%012llu", static_cast<unsigned long long>(seq));
  return *Uuid::parse(text);
}

struct Outcome {
  std::vector<std::uint64_t> delivered, buried;
  std::vector<Uuid> put_back;
  bool held = false;
  int transactions = 0;
};

// Plays a lane of `count` events against a table that refuses those in `poison`; where a proof is wanted, the next that
// is not refused is one.
Outcome play(std::uint64_t count, const std::set<std::uint64_t>& poison, Isolation& isolation,
             Blame blame = Blame::kEvent, std::uint64_t next = 1) {
  Outcome outcome;
  const auto bury = [&] {
    isolation.buried(next, {id_of(next)});
    outcome.buried.push_back(next++);
  };
  while (next <= count && !outcome.held) {
    const auto size = std::min<std::uint64_t>({count - next + 1, 100, isolation.batch_limit()});
    outcome.transactions += 1;
    const auto bad = poison.lower_bound(next);
    if (bad == poison.end() || *bad >= next + size) {
      for (std::uint64_t i = 0; i < size; ++i) outcome.delivered.push_back(next + i);
      next += size;
      for (const auto& id : isolation.to_put_back()) outcome.put_back.push_back(id);
      isolation.delivered(kEpoch, next - 1);
      continue;
    }
    switch (isolation.refused(kEpoch, next, size, blame, "22001")) {
      case Verdict::kTryAgain:
      case Verdict::kTryLater:
        break;
      case Verdict::kHold:
        outcome.held = true;
        break;
      case Verdict::kProve: {
        std::uint64_t good = next;
        while (good <= count && poison.contains(good)) ++good;
        outcome.held = good > count;
        if (outcome.held) {
          isolation.unproven();
        } else {
          isolation.proven(next, good);
          bury();
        }
        break;
      }
      case Verdict::kBury:
        bury();
        break;
    }
  }
  return outcome;
}

std::set<std::uint64_t> all_of(std::uint64_t first, std::uint64_t last) {
  std::set<std::uint64_t> all;
  for (std::uint64_t i = first; i <= last; ++i) all.insert(i);
  return all;
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
  Isolation isolation;
  const auto outcome = play(500, all_of(1, 500), isolation);
  EXPECT_TRUE(outcome.held);
  EXPECT_EQ(outcome.buried.size(), Isolation::kHoldAfter);
}

TEST(IsolationTest, AnyNumberInARowIsBuriedOnceALaterOneIsTaken) {
  Isolation isolation;
  const auto outcome = play(2'200, all_of(10, 2'109), isolation);
  EXPECT_FALSE(outcome.held);
  EXPECT_EQ(outcome.buried.size(), 2'100u);
  EXPECT_EQ(outcome.delivered.size(), 100u);
  EXPECT_TRUE(outcome.put_back.empty()) << "they are proven";
  EXPECT_LT(outcome.transactions, 3 * 2'100);
}

TEST(IsolationTest, WithoutALimitNothingIsHeld) {
  Isolation isolation(0);
  const auto outcome = play(100, all_of(1, 100), isolation);
  EXPECT_FALSE(outcome.held);
  EXPECT_EQ(outcome.buried.size(), 100u);
}

TEST(IsolationTest, WhatIsUnclearIsBuriedOnlyWithAProof) {
  Isolation alone;
  EXPECT_TRUE(play(1, {1}, alone, Blame::kUnclear).held);
  Isolation together;
  const auto outcome = play(3, {2}, together, Blame::kUnclear);
  EXPECT_FALSE(outcome.held);
  EXPECT_EQ(outcome.buried, std::vector<std::uint64_t>{2});
  Isolation last;
  EXPECT_FALSE(play(3, {3}, last, Blame::kUnclear).held)
      << "refused, others of its batch taken, refused again";
  Isolation everything;
  const auto none = play(50, all_of(1, 50), everything, Blame::kUnclear);
  EXPECT_TRUE(none.held);
  EXPECT_TRUE(none.buried.empty());
}

TEST(IsolationTest, WhatAnOutageCausesAsWellIsProvenForEachEvent) {
  for (const Blame blame : {Blame::kLimit, Blame::kConflict, Blame::kLost}) {
    Isolation isolation;
    Verdict verdict = Verdict::kTryLater;
    int tries = 0;
    while (verdict == Verdict::kTryLater) {
      verdict = isolation.refused(kEpoch, 1, 1, blame, "");
      tries += 1;
    }
    EXPECT_GE(tries, 3);
    EXPECT_EQ(verdict, Verdict::kProve);
    isolation.proven(1, 100);
    EXPECT_EQ(isolation.refused(kEpoch, 1, 1, blame, ""), Verdict::kBury);
    isolation.buried(1, {id_of(1)});
    while ((verdict = isolation.refused(kEpoch, 2, 1, blame, "")) == Verdict::kTryLater) {
    }
    EXPECT_EQ(verdict, Verdict::kProve) << "the server may have become slow since";
  }
}

TEST(IsolationTest, ABatchIsNotSuspectedForOneLostConnection) {
  Isolation isolation;
  EXPECT_EQ(isolation.refused(kEpoch, 1, 100, Blame::kLost, ""), Verdict::kTryAgain);
  EXPECT_EQ(isolation.batch_limit(), SIZE_MAX);
  isolation.refused(kEpoch, 1, 100, Blame::kLost, "");
  isolation.refused(kEpoch, 1, 100, Blame::kLost, "");
  EXPECT_EQ(isolation.batch_limit(), 1u);
}

TEST(IsolationTest, ASetupIsHeldAndNothingIsBuried) {
  Isolation isolation;
  const auto outcome = play(50, {30}, isolation, Blame::kSetup);
  EXPECT_TRUE(outcome.held);
  EXPECT_TRUE(outcome.buried.empty());
  EXPECT_EQ(outcome.delivered.size(), 29u);
}

TEST(IsolationTest, PutsBackWhatWasBuriedOnceTheTableIsMended) {
  Isolation isolation;
  ASSERT_TRUE(play(500, all_of(1, 500), isolation).held);
  EXPECT_EQ(isolation.to_put_back().size(), Isolation::kHoldAfter);
  isolation.delivered(kEpoch, 21);
  EXPECT_TRUE(isolation.to_put_back().empty()) << "once";
}

TEST(IsolationTest, WhatWasPutBackIsNotPutBackForEver) {
  Isolation isolation;
  for (std::uint64_t seq = 1; seq <= Isolation::kHoldAfter; ++seq) isolation.buried(seq, {id_of(seq), true});
  EXPECT_TRUE(isolation.to_put_back().empty());
  for (std::uint64_t seq = 21; seq <= 2 * Isolation::kHoldAfter; ++seq) isolation.buried(seq, {id_of(seq)});
  EXPECT_EQ(isolation.to_put_back().size(), Isolation::kHoldAfter);
  isolation.unproven();
  EXPECT_EQ(isolation.to_put_back().size(), 2 * Isolation::kHoldAfter) << "the table did change once more";
}

TEST(IsolationTest, WhatWasPutBackDoesNotCount) {
  Isolation isolation;
  for (std::uint64_t seq = 1; seq <= 3 * Isolation::kHoldAfter; ++seq) {
    while (isolation.refused(kEpoch, seq, 1, Blame::kEvent, "22001", true) == Verdict::kTryAgain) {
    }
    ASSERT_EQ(isolation.refused(kEpoch, seq, 1, Blame::kEvent, "22001", true), Verdict::kBury);
    isolation.buried(seq, {id_of(seq), true});
  }
  EXPECT_TRUE(play(100, all_of(61, 100), isolation, Blame::kEvent, 61).held) << "the others do";
}

TEST(IsolationTest, WhatAnEarlierLifeBuriedInARowCounts) {
  std::vector<Uuid> earlier;
  for (std::uint64_t seq = Isolation::kHoldAfter; seq > 0; --seq) earlier.push_back(id_of(seq));
  Isolation isolation;
  isolation.restore(earlier);
  const auto outcome = play(100, all_of(21, 100), isolation, Blame::kEvent, 21);
  EXPECT_TRUE(outcome.held);
  EXPECT_TRUE(outcome.buried.empty()) << "not twenty more with each life";
  EXPECT_EQ(isolation.to_put_back().size(), Isolation::kHoldAfter);
}

TEST(IsolationTest, AFewInARowStayBuried) {
  Isolation isolation;
  const auto outcome = play(100, {10, 11, 12}, isolation);
  EXPECT_EQ(outcome.buried.size(), 3u);
  EXPECT_TRUE(outcome.put_back.empty());
}

TEST(IsolationTest, NumbersOfAnotherEpochAreOthers) {
  Isolation isolation;
  isolation.refused(kEpoch, 9'000, 1, Blame::kEvent, "22001");
  EXPECT_EQ(isolation.batch_limit(), 1u);
  isolation.delivered(kNextEpoch, 5);
  EXPECT_EQ(isolation.batch_limit(), SIZE_MAX) << "not one by one up to number 9000";
}

}  // namespace
}  // namespace hookspool::agent

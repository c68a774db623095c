// Each row of "what PostgreSQL says" against "what the journal holds", as a decision.
#include "agent/delivery/plan.h"

#include <gtest/gtest.h>

namespace hookspool::agent {
namespace {

using Action = Plan::Action;

Uuid id_of(std::uint8_t n) {
  Uuid id;
  id.bytes[15] = n;
  return id;
}

// A run that holds 1..10 and whose first five are confirmed.
PlanFacts facts() {
  PlanFacts facts;
  facts.watermark = Position{5, id_of(5)};
  facts.confirmed = Position{5, id_of(5)};
  facts.first_seq = 1;
  facts.last_seq = 10;
  return facts;
}

TEST(PlanTest, SameAsMineGoesOn) {
  EXPECT_EQ(make_plan(facts()).action, Action::kSend);
  EXPECT_FALSE(make_plan(facts()).create);
}

TEST(PlanTest, FreshRunOnAFreshDatabase) {
  auto f = facts();
  f.watermark.reset();
  f.confirmed = {};
  EXPECT_FALSE(needs_rows_above(f));
  EXPECT_EQ(make_plan(f).action, Action::kSend);
  EXPECT_TRUE(make_plan(f).create);
}

TEST(PlanTest, AheadAndMineMovesTheCursor) {
  auto f = facts();
  f.watermark = Position{8, id_of(8)};
  f.own_id_at_watermark = id_of(8);
  EXPECT_EQ(make_plan(f).action, Action::kMoveCursor);
}

TEST(PlanTest, AheadAfterALostCursorMovesTheCursor) {
  auto f = facts();
  f.confirmed = {};
  f.watermark = Position{10, id_of(10)};
  f.own_id_at_watermark = id_of(10);
  EXPECT_EQ(make_plan(f).action, Action::kMoveCursor);
}

TEST(PlanTest, AheadButNotMineIsReconciled) {
  auto f = facts();
  f.watermark = Position{8, id_of(99)};
  f.own_id_at_watermark = id_of(8);
  EXPECT_EQ(make_plan(f).action, Action::kReconcile);
  f.own_id_at_watermark.reset();
  EXPECT_EQ(make_plan(f).action, Action::kReconcile);
}

TEST(PlanTest, BeyondMyLastIsReconciled) {
  auto f = facts();
  f.watermark = Position{11, id_of(11)};
  EXPECT_EQ(make_plan(f).action, Action::kReconcile);
}

TEST(PlanTest, SameNumberAnotherEventIsReconciled) {
  auto f = facts();
  f.watermark = Position{5, id_of(99)};
  EXPECT_EQ(make_plan(f).action, Action::kReconcile);
}

TEST(PlanTest, BehindWithoutRowsGoesBack) {
  auto f = facts();
  f.watermark = Position{3, id_of(3)};
  EXPECT_TRUE(needs_rows_above(f));
  const auto plan = make_plan(f);
  EXPECT_EQ(plan.action, Action::kGoBack);
  EXPECT_EQ(plan.count, 2u);
}

TEST(PlanTest, BehindWithRowsHolds) {
  auto f = facts();
  f.watermark = Position{3, id_of(3)};
  f.rows_above_watermark = true;
  EXPECT_EQ(make_plan(f).action, Action::kHold);
}

TEST(PlanTest, BehindWhatIsRetainedSkipsTheGap) {
  auto f = facts();
  f.watermark = Position{3, id_of(3)};
  f.first_seq = 5;
  EXPECT_EQ(make_plan(f).action, Action::kSkipGap);
  EXPECT_EQ(make_plan(f).count, 1u);
}

TEST(PlanTest, AbsentAfterConfirmations) {
  auto f = facts();
  f.watermark.reset();
  EXPECT_TRUE(needs_rows_above(f));
  EXPECT_EQ(make_plan(f).action, Action::kGoBack);
  EXPECT_TRUE(make_plan(f).create);
  EXPECT_EQ(make_plan(f).count, 5u);
  f.rows_above_watermark = true;
  EXPECT_EQ(make_plan(f).action, Action::kHold);
  f.rows_above_watermark = false;
  f.first_seq = 3;
  EXPECT_EQ(make_plan(f).action, Action::kSkipGap);
  EXPECT_TRUE(make_plan(f).create);
  EXPECT_EQ(make_plan(f).count, 2u);
}

TEST(PlanTest, AHoleInTheJournalIsSkippedAndRecorded) {
  auto f = facts();
  f.first_seq = 8;
  EXPECT_EQ(make_plan(f).action, Action::kSkipGap);
  EXPECT_EQ(make_plan(f).count, 2u);
}

}  // namespace
}  // namespace hookspool::agent

// The ladder, step by step: numbers in, an answer out.
#include "storage/journal/budget.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace hookspool::storage {
namespace {

constexpr std::uint64_t kMax = 1'000'000;
constexpr std::uint64_t kFreeMin = 100'000;
constexpr std::uint64_t kAmple = 1ull << 40;

// "shop" sends again, "code" does not; both may hold half.
JournalOptions two_lanes() {
  JournalOptions options;
  options.folder = "/journal";
  options.bytes_max = kMax;
  options.free_bytes_min = kFreeMin;
  options.lane_quotas["shop"] = {kMax / 2, true};
  options.lane_quotas["code"] = {kMax / 2, false};
  return options;
}

enum class Answer { kTaken, kLaneFull, kFull };

Answer answer_of(const std::optional<JournalError>& refusal) {
  if (!refusal) return Answer::kTaken;
  EXPECT_FALSE(refusal->text.empty());
  EXPECT_TRUE(refusal->kind == JournalError::Kind::kFull || refusal->kind == JournalError::Kind::kLaneFull);
  return refusal->kind == JournalError::Kind::kFull ? Answer::kFull : Answer::kLaneFull;
}

struct Row {
  const char* what;
  std::uint64_t bytes, free_bytes, reserve_missing, held_bytes, more;
  Answer shop, code;
};

constexpr auto kTaken = Answer::kTaken, kLaneFull = Answer::kLaneFull, kFull = Answer::kFull;
constexpr std::array kRows{
    Row{"an empty journal", 0, kAmple, 0, 0, 1, kTaken, kTaken},
    Row{"just at the ceiling", 500'000, kAmple, 0, 499'999, 1, kTaken, kTaken},
    Row{"one byte over the ceiling", 500'000, kAmple, 0, 500'000, 1, kLaneFull, kLaneFull},
    Row{"one event larger than the ceiling", 0, kAmple, 0, 0, 500'001, kLaneFull, kLaneFull},
    Row{"just before the last stretch", 899'999, kAmple, 0, 0, 1, kTaken, kTaken},
    Row{"in the last stretch", 900'000, kAmple, 0, 0, 1, kLaneFull, kTaken},
    Row{"just at the end", 999'999, kAmple, 0, 0, 1, kLaneFull, kTaken},
    Row{"at the end", 1'000'000, kAmple, 0, 0, 1, kFull, kFull},
    Row{"one event larger than what is left", 950'000, kAmple, 0, 0, 50'001, kFull, kFull},
    Row{"the disk, before the last stretch", 0, 110'001, 0, 0, 1, kTaken, kTaken},
    Row{"the disk, in the last stretch", 0, 109'999, 0, 0, 1, kLaneFull, kTaken},
    Row{"the disk, just at the end", 0, 100'000, 0, 0, 1, kLaneFull, kTaken},
    Row{"the disk, at the end", 0, 99'999, 0, 0, 1, kFull, kFull},
    Row{"the reserve's room is for no lane", 0, 149'999, 50'000, 0, 1, kFull, kFull},
    Row{"the reserve's room and enough besides", 0, 160'000, 50'000, 0, 1, kTaken, kTaken},
};

TEST(Budget, TheLadderFromStepToStep) {
  const JournalOptions options = two_lanes();
  const Budget budget(options);
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.what);
    const SpaceFacts facts{row.bytes, row.free_bytes, row.reserve_missing, true};
    EXPECT_EQ(answer_of(budget.refuse("shop", row.held_bytes, row.more, facts)), row.shop);
    EXPECT_EQ(answer_of(budget.refuse("code", row.held_bytes, row.more, facts)), row.code);
  }
}

TEST(Budget, TheLastStretchIsKeptForNobodyWhereAllAreAlike) {
  for (const bool retries : {true, false}) {
    JournalOptions options = two_lanes();
    for (auto& [lane, room] : options.lane_quotas) room.sender_retries = retries;
    const Budget budget(options);
    EXPECT_EQ(answer_of(budget.refuse("shop", 0, 1, {950'000, kAmple, 0, true})), kTaken);
  }
}

TEST(Budget, TheCeilingOfUnnamedLanesCountsOnlyWhileThereAreOthers) {
  JournalOptions options;
  options.bytes_max = kMax;
  options.free_bytes_min = 0;
  options.other_quota.bytes_max = 500'000;
  const Budget budget(options);
  EXPECT_EQ(answer_of(budget.refuse("any", 600'000, 1, {600'000, kAmple, 0, false})), kTaken);
  EXPECT_EQ(answer_of(budget.refuse("any", 600'000, 1, {600'000, kAmple, 0, true})), kLaneFull);
}

TEST(Budget, ARefusalNamesTheLaneTheNumbersAndTheRemedy) {
  const JournalOptions options = two_lanes();
  const Budget budget(options);
  const auto has = [](const std::optional<JournalError>& refusal, const std::string& part) {
    return refusal && refusal->text.find(part) != std::string::npos;
  };
  const auto ceiling = budget.refuse("shop", 500'000, 1, {0, kAmple, 0, true});
  EXPECT_TRUE(has(ceiling, "lane 'shop'") && has(ceiling, "500000") && has(ceiling, "PostgreSQL"));
  const auto stretch = budget.refuse("shop", 0, 1, {950'000, kAmple, 0, true});
  EXPECT_TRUE(has(stretch, "950000") && has(stretch, "1000000") &&
              has(stretch, "senders that do not send again"));
  const auto disk = budget.refuse("code", 0, 1, {0, 7, 5, true});
  EXPECT_TRUE(has(disk, "only 7 bytes") && has(disk, "100005") && has(disk, "/journal"));
}

TEST(Budget, NumbersAtTheirEndsDoNotWrap) {
  JournalOptions options = two_lanes();
  options.free_bytes_min = UINT64_MAX;
  const Budget budget(options);
  EXPECT_EQ(answer_of(budget.refuse("code", 0, 1, {0, kAmple, 1 << 20, true})), kFull);
  EXPECT_TRUE(budget.is_short(1, {0, kAmple, 1 << 20, true}));
}

TEST(Budget, HistoryIsShortOfRoomBeforeAnybodyIsRefused) {
  const JournalOptions options = two_lanes();
  const Budget budget(options);
  EXPECT_FALSE(budget.is_short(0, {850'000, kAmple, 0, true}));
  EXPECT_TRUE(budget.is_short(1, {850'000, kAmple, 0, true}));
  EXPECT_TRUE(budget.is_short(0, {0, 124'999, 0, true}));
  EXPECT_FALSE(budget.in_last_stretch(0, {900'000, kAmple, 0, true}));
  EXPECT_TRUE(budget.in_last_stretch(1, {900'000, kAmple, 0, true}));
}

}  // namespace
}  // namespace hookspool::storage

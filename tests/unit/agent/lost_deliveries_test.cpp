#include "agent/intake/lost_deliveries.h"

#include <gtest/gtest.h>

#include <string>

namespace hookspool::agent {
namespace {

Uuid id_at(std::uint64_t number, std::uint8_t last) {
  Uuid id;
  for (std::size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<std::uint8_t>(number >> (8 * (7 - i)));
  id.bytes[15] = last;
  return id;
}

Uuid id_of(std::uint8_t last) {
  Uuid id;
  id.bytes[15] = last;
  return id;
}

TEST(LostDeliveries, RangesAreExclusiveJoinedAndKeptAsText) {
  LostDeliveries lost;
  EXPECT_TRUE(lost.add({"a", id_of(10), id_of(20)}));
  EXPECT_FALSE(lost.add({"a", id_of(12), id_of(20)})) << "nothing new";
  EXPECT_FALSE(lost.add({"a", id_of(30), id_of(30)})) << "empty";
  EXPECT_TRUE(lost.add({"a", id_of(15), id_of(25)}));
  EXPECT_EQ(lost.size(), 1u);
  EXPECT_TRUE(lost.add({"b with a space", id_of(1), id_of(3)}));
  const LostDeliveries read = LostDeliveries::parse("no range\n" + lost.text());
  EXPECT_EQ(read.text(), lost.text());
  EXPECT_EQ(read.size(), 2u);
  EXPECT_FALSE(read.contains("a", id_of(10)));
  EXPECT_TRUE(read.contains("a", id_of(11)));
  EXPECT_TRUE(read.contains("a", id_of(24)));
  EXPECT_FALSE(read.contains("a", id_of(25)));
  EXPECT_FALSE(read.contains("b", id_of(2)));
  EXPECT_TRUE(read.contains("b with a space", id_of(2)));
}

// A repeat too many is better than an event too few: what does not fit is not forgotten, but kept less exactly.
TEST(LostDeliveries, BeyondALimitTheOldestNeighboursBecomeOne) {
  LostDeliveries lost;
  for (std::uint64_t i = 1; i <= LostDeliveries::kRangesMax + 5; ++i)
    ASSERT_TRUE(lost.add({i % 3 == 0 ? "few" : "many", id_at(i, 1), id_at(i, 9)}));
  EXPECT_EQ(lost.size(), LostDeliveries::kRangesMax);
  for (std::uint64_t i = 1; i <= LostDeliveries::kRangesMax + 5; ++i)
    EXPECT_TRUE(lost.contains(i % 3 == 0 ? "few" : "many", id_at(i, 5))) << i;
  EXPECT_FALSE(lost.contains("few", id_at(3, 20))) << "only the lane that has most is kept less exactly";
}

TEST(LostDeliveries, ThereIsALimitInBytes) {
  LostDeliveries lost;
  for (std::uint64_t i = 1; i <= LostDeliveries::kRangesMax; ++i) {
    const std::string lane(1'000, static_cast<char>('a' + i % 2));
    ASSERT_TRUE(lost.add({lane, id_at(i, 1), id_at(i, 9)}));
  }
  EXPECT_LE(lost.text().size(), LostDeliveries::kTextBytesMax);
  EXPECT_LT(lost.size(), LostDeliveries::kRangesMax);
  EXPECT_TRUE(lost.contains(std::string(1'000, 'b'), id_at(1, 5)));
  EXPECT_EQ(LostDeliveries::parse(lost.text()).text(), lost.text());
}

TEST(LostDeliveries, WhereNothingCanBecomeOneTheOldestGoes) {
  LostDeliveries lost;
  for (std::uint64_t i = 1; i <= LostDeliveries::kRangesMax + 1; ++i)
    ASSERT_TRUE(lost.add({"lane " + std::to_string(i), id_at(i, 1), id_at(i, 9)}));
  EXPECT_EQ(lost.size(), LostDeliveries::kRangesMax);
  EXPECT_FALSE(lost.contains("lane 1", id_at(1, 5)));
  EXPECT_TRUE(lost.contains("lane 2", id_at(2, 5)));
}

}  // namespace
}  // namespace hookspool::agent

#include "storage/model/uuid.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/storage/journal_fixture.h"

namespace hookspool {
namespace {

using storage::test_random_bytes;

TEST(Uuid, TextFormGoesBothWays) {
  const std::string text = "018bcfe5-6800-7abc-9def-0123456789ab";
  const auto uuid = Uuid::parse(text);
  ASSERT_TRUE(uuid.has_value());
  EXPECT_EQ(uuid->to_string(), text);
  EXPECT_EQ(uuid->bytes[0], 0x01);
  EXPECT_EQ(uuid->bytes[15], 0xab);
  EXPECT_FALSE(uuid->is_nil());
  EXPECT_TRUE(Uuid{}.is_nil());
}

TEST(Uuid, OtherFormsAreRefused) {
  for (const char* text :
       {"", "018bcfe5", "018bcfe5-6800-7abc-9def-0123456789a", "018bcfe5-6800-7abc-9def-0123456789abc",
        "018bcfe5_6800-7abc-9def-0123456789ab", "018BCFE5-6800-7abc-9def-0123456789ab",
        "018bcfe5-6800-7abc-9def-0123456789ag", "{18bcfe5-6800-7abc-9def-0123456789a}"}) {
    EXPECT_FALSE(Uuid::parse(text).has_value()) << text;
  }
}

TEST(Uuid, RandomOnesAreVersion4AndDiffer) {
  const RandomBytes random = test_random_bytes();
  std::set<Uuid> seen;
  for (int i = 0; i < 1000; ++i) {
    const Uuid uuid = random_uuid(random);
    EXPECT_EQ(uuid.bytes[6] >> 4, 4);
    EXPECT_EQ(uuid.bytes[8] >> 6, 2);
    EXPECT_TRUE(seen.insert(uuid).second);
  }
}

TEST(UuidV7Source, CarriesTheTimeAndTheVersion) {
  UuidV7Source source(test_random_bytes(), Uuid{});
  const Uuid uuid = source.next(0x018bcfe56800);
  EXPECT_EQ(uuid.to_string().substr(0, 13), "018bcfe5-6800");
  EXPECT_EQ(uuid.bytes[6] >> 4, 7);
  EXPECT_EQ(uuid.bytes[8] >> 6, 2);
}

TEST(UuidV7Source, GrowsWhateverTheClockDoes) {
  UuidV7Source source(test_random_bytes(), Uuid{});
  Uuid last;
  std::int64_t clock_ms = 1'700'000'000'000;
  const std::vector<std::int64_t> steps = {
      1, 0, -1, 1000, -86'400'000, 5, -1'700'000'000'000, -1, 0, 1'800'000'000'000};
  for (const std::int64_t step : steps) {
    clock_ms += step;
    for (int i = 0; i < 1000; ++i) {
      const Uuid next = source.next(clock_ms);
      ASSERT_GT(next, last) << "after a step of " << step << " ms";
      last = next;
    }
  }
}

TEST(UuidV7Source, GoesOnAfterTheGreatestId) {
  UuidV7Source before(test_random_bytes(), Uuid{});
  Uuid last;
  for (int i = 0; i < 10; ++i) last = before.next(2'000);
  UuidV7Source after(test_random_bytes(), last);
  EXPECT_GT(after.next(1'000), last);
}

TEST(UuidV7Source, AFullCounterBorrowsTheNextMillisecond) {
  // All counter bits set: the next id of the same millisecond does not fit.
  const Uuid full = *Uuid::parse("00000000-07d0-7fff-bfff-ffffffffffff");
  UuidV7Source source(test_random_bytes(), full);
  const Uuid next = source.next(2'000);
  EXPECT_GT(next, full);
  EXPECT_EQ(next.to_string().substr(0, 13), "00000000-07d1");
}

}  // namespace
}  // namespace hookspool

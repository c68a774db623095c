// Moments as an administrator writes them.
#include "agent/base/instant.h"

#include <gtest/gtest.h>

namespace hookspool::agent {
namespace {

constexpr std::int64_t kNowUs = 1'700'000'000'000'000;  // 2023-11-14T22:13:20Z

TEST(Instant, IsReadAsRfc3339OrAsHowLongAgo) {
  EXPECT_EQ(parse_instant("2023-11-14T22:13:20Z", 0), kNowUs);
  EXPECT_EQ(parse_instant("2023-11-14T22:13:20.5Z", 0), kNowUs + 500'000);
  EXPECT_EQ(parse_instant("2023-11-14T23:13:20+01:00", 0), kNowUs);
  EXPECT_EQ(parse_instant("2023-11-14 17:43:20-04:30", 0), kNowUs);
  EXPECT_EQ(parse_instant("1970-01-01T00:00:00Z", kNowUs), 0);
  EXPECT_EQ(parse_instant("2h", kNowUs), kNowUs - 7'200'000'000);
}

TEST(Instant, RefusesWhatIsNone) {
  for (const char* text :
       {"", "yesterday", "2023-11-14", "2023-11-14T22:13:20", "2023-02-30T00:00:00Z", "2023-11-14T25:00:00Z",
        "2023-11-14T22:13:20.Z", "2023-11-14T22:13:20Zx", "2023-11-14T22:13:20+1:00", "2 hours"}) {
    EXPECT_FALSE(parse_instant(text, kNowUs)) << text;
  }
}

TEST(Instant, IsWrittenAsItIsRead) {
  EXPECT_EQ(format_instant(kNowUs + 42), "2023-11-14T22:13:20.000042Z");
  for (const std::int64_t us : {std::int64_t{0}, kNowUs, kNowUs + 999'999}) {
    EXPECT_EQ(parse_instant(format_instant(us), 0), us);
  }
}

}  // namespace
}  // namespace hookspool::agent

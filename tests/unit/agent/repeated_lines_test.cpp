// Which lines of the log are written and which are counted.
#include "agent/base/repeated_lines.h"

#include <gtest/gtest.h>

namespace hookspool::agent {
namespace {

using std::chrono::seconds;

constexpr RepeatedLines::Kind kind(std::string_view key) {
  return {.key = key, .one = "thing", .many = "things"};
}

TEST(RepeatedLines, OneOfAKindForEachInterval) {
  RepeatedLines lines("test");
  const RepeatedLines::Clock::time_point start(seconds(100));
  EXPECT_TRUE(lines.take(kind("a"), start));
  EXPECT_FALSE(lines.take(kind("a"), start + seconds(9)));
  EXPECT_TRUE(lines.take(kind("b"), start + seconds(9))) << "counted apart";
  EXPECT_TRUE(lines.take(kind("a"), start + seconds(10)));
  EXPECT_FALSE(lines.take(kind("a"), start + seconds(11)));
  lines.close(start + seconds(20));  // its count is a line
  EXPECT_FALSE(lines.take(kind("a"), start + seconds(21)));
}

TEST(RepeatedLines, KindsBeyondTheLimitShareACount) {
  RepeatedLines lines("test", 2);
  const RepeatedLines::Clock::time_point start(seconds(100));
  EXPECT_TRUE(lines.take(kind("a"), start));
  EXPECT_TRUE(lines.take(kind("b"), start));
  EXPECT_TRUE(lines.take(kind("c"), start));
  EXPECT_FALSE(lines.take(kind("d"), start));
  EXPECT_FALSE(lines.take(kind("a"), start)) << "a count of its own";
}

}  // namespace
}  // namespace hookspool::agent

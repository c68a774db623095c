#include "agent/base/units.h"

#include <gtest/gtest.h>

namespace hookspool::agent {
namespace {

using std::chrono::milliseconds;

TEST(Units, DurationsAsPeopleWriteThem) {
  EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("30s"), milliseconds(30'000));
  EXPECT_EQ(parse_duration("5m"), milliseconds(300'000));
  EXPECT_EQ(parse_duration("24h"), milliseconds(86'400'000));
  EXPECT_EQ(parse_duration("7 d"), milliseconds(604'800'000));
}

TEST(Units, RefusesWhatIsNoDuration) {
  for (const char* text :
       {"", "s", "30", "-1s", "1.5s", "30 sec", "30S", "99999999999999999999s", "9999999d"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Units, SizesAsPeopleWriteThem) {
  EXPECT_EQ(parse_bytes("4096"), 4096u);
  EXPECT_EQ(parse_bytes("256KiB"), 262'144u);
  EXPECT_EQ(parse_bytes("1MiB"), 1'048'576u);
  EXPECT_EQ(parse_bytes("2 GiB"), 2'147'483'648u);
  EXPECT_EQ(parse_bytes("1MB"), 1'000'000u);
}

TEST(Units, RefusesWhatIsNoSize) {
  for (const char* text : {"", "MiB", "-1", "1.5MiB", "1mib", "99999999TiB", "18446744073709551616"}) {
    EXPECT_EQ(parse_bytes(text), std::nullopt) << text;
  }
}

TEST(Units, PrintsBoth) {
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(1536 * 1024), "1.5 MiB");
  EXPECT_EQ(format_duration(milliseconds(3'200)), "3.2 s");
  EXPECT_EQ(format_duration(milliseconds(125'000)), "2 min 5 s");
  EXPECT_EQ(format_duration(milliseconds(7'500'000)), "2 h 5 min");
}

}  // namespace
}  // namespace hookspool::agent

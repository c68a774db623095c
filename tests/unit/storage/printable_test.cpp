#include "storage/model/printable.h"

#include <gtest/gtest.h>

#include <random>

namespace hookspool {
namespace {

TEST(Printable, LeavesTextAlone) {
  for (const char* text : {"", "plain", "a\\x1b \\ b", "Grüße, 世界 🎉", "\"quoted\" & 'so'"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, EscapesWhatActsOnATerminalOrHides) {
  EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(printable("a\rb\nc\td"), "a\\rb\\nc\\td");
  EXPECT_EQ(printable(std::string_view("\0\x07\x7f", 3)), "\\x00\\x07\\x7f");
  EXPECT_EQ(printable("\u009b31m\u0080"), "\\u009b31m\\u0080");  // C1, as UTF-8
  EXPECT_EQ(printable("\x9b"), "\\x9b");                         // and as Latin-1
  for (const char* hidden : {"\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069", "\u2028", "\u2029",
                             "\u061c", "\u200b", "\ufeff", "\u00ad", "\U000e0041"}) {
    EXPECT_EQ(printable(hidden).front(), '\\') << printable(hidden);
  }
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80\xf5"), "\\xc0\\xaf\\xed\\xa0\\x80\\xf5");  // no UTF-8
  EXPECT_EQ(printable_lines("a\n\tb\x1b", 100), "a\n\tb\\x1b");
}

TEST(Printable, IsBoundedAndNeverCutsACharacter) {
  EXPECT_EQ(printable(std::string(1'000, 'x')), std::string(200, 'x') + "...");
  EXPECT_EQ(printable("äää", 5), "ää...");
  EXPECT_EQ(printable("\x1b\x1b", 5), "\\x1b...");
}

TEST(Printable, OfAnyBytesTwiceIsOnceAndHoldsNoControl) {
  std::mt19937 random(20261127);
  for (int round = 0; round < 2'000; ++round) {
    std::string bytes;
    for (std::size_t i = random() % 60; i > 0; --i) {
      // Leads of two and three bytes often, so that there is UTF-8 in it.
      bytes += static_cast<char>(random() % 3 == 0 ? 0xc2 + random() % 0x22 : random() % 256);
    }
    const std::string once = printable(bytes, 150);
    EXPECT_EQ(printable(once, 1'000), once);
    EXPECT_LE(once.size(), 153u);
    for (std::size_t i = 0; i < once.size(); ++i) {
      const auto byte = static_cast<unsigned char>(once[i]);
      EXPECT_TRUE(byte >= 0x20 && byte != 0x7f);
      if (byte == 0xc2) {
        EXPECT_GE(static_cast<unsigned char>(once.at(i + 1)), 0xa0) << "a C1 control";
      }
    }
  }
}

}  // namespace
}  // namespace hookspool

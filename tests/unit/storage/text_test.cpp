// What every layer uses: digits, blanks, UTF-8, the owner of a descriptor.
#include "storage/base/text.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "storage/base/fd.h"
#include "storage/base/hex.h"

namespace hookspool {
namespace {

using std::string_literals::operator""s;

TEST(Text, Utf8IsWhatRfc3629SaysItIs) {
  for (const std::string& text :
       {""s, "abc"s, "\0"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s, "\xee\x80\x80"s,
        "\xef\xbf\xbf"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s})
    EXPECT_TRUE(is_utf8(text)) << encode_hex(text);
  for (const std::string& text : {"\x80"s, "\xc1\x80"s, "\xc2"s, "\xc2\x41"s, "\xe0\x9f\xbf"s, "\xe0\xa0"s,
                                  "\xe1\x80\x41"s, "\xed\xa0\x80"s, "\xf0\x8f\xbf\xbf"s, "\xf0\x90\x80"s,
                                  "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xff"s, "a\xe2\x82"s})
    EXPECT_FALSE(is_utf8(text)) << encode_hex(text);
}

TEST(Text, HexGoesThereAndBack) {
  EXPECT_EQ(encode_hex("\0\x9f\xff"s), "009fff");
  EXPECT_EQ(decode_hex("009fFF"), "\0\x9f\xff"s);
  EXPECT_EQ(decode_hex("0"), std::nullopt);
  EXPECT_EQ(decode_hex("0g"), std::nullopt);
  EXPECT_EQ(decode_hex(""), "");
}

TEST(Text, BlanksGoFromTheEndsOnly) {
  EXPECT_EQ(trimmed(" \ta b\t "), "a b");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed("\ta ", " "), "\ta");
}

TEST(Fd, ClosesWhatItOwnsOnce) {
  Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = fd.get();
  ASSERT_TRUE(fd.is_open());
  Fd other = std::move(fd);
  EXPECT_FALSE(fd.is_open());  // NOLINT: that is what is tested
  EXPECT_EQ(::fcntl(number, F_GETFD), FD_CLOEXEC);
  other.reset();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

}  // namespace
}  // namespace hookspool

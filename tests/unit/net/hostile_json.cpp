#include "tests/unit/net/hostile_json.h"

#include <array>
#include <string_view>

namespace hookspool::testing {
namespace {

constexpr int kDepth = 5;  // of what is not meant to be deep

std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace

std::string HostileJson::body() {
  tame_ = !one_in(3);
  if (one_in(60)) return deep();
  std::string body = blanks() + value(0) + blanks();
  if (one_in(12)) body.insert(0, "\xef\xbb\xbf");
  if (one_in(5)) damage(body);
  return body;
}

std::vector<std::string> HostileJson::pointer() {
  static constexpr std::array<std::string_view, 12> kTokens{
      "a", "b", "id", "", "0", "1", "2", "a/b", "~", "\xc3\xa9", "\"", "\xef\xbf\xbd"};
  std::vector<std::string> tokens;
  const std::size_t count = below(4);
  for (std::size_t i = 0; i < count; ++i)
    tokens.emplace_back(kTokens.at(one_in(2) ? below(2) : below(kTokens.size())));
  return tokens;
}

std::string HostileJson::blanks() {
  static constexpr std::array<std::string_view, 5> kBlanks{" ", "\n", "\t", "\r\n", "   "};
  return one_in(4) ? std::string(kBlanks.at(below(kBlanks.size()))) : std::string();
}

std::string HostileJson::key(std::size_t place) {
  static constexpr std::array<std::string_view, 20> kKeys{R"("a")",
                                                          R"("b")",
                                                          R"("id")",
                                                          R"("")",
                                                          R"("0")",
                                                          R"("1")",
                                                          R"("a\/b")",
                                                          R"("a/b")",
                                                          R"("~")",
                                                          "\"\xc3\xa9\"",
                                                          R"("\u00e9")",
                                                          R"("\"")",
                                                          R"("\u0022")",
                                                          R"("\u0061")",
                                                          R"("\u0000")",
                                                          R"("\ud800")",
                                                          R"("\uDFFF")",
                                                          R"("\ufffd")",
                                                          "\"\xf0\x9f\x9a\x80\"",
                                                          R"("\ud83d\uDE80")"};
  static constexpr std::size_t kPlain = 6;
  if (tame_ && place < kPlain) return std::string(kKeys.at(place));
  if (tame_)
    return "\"k" + std::to_string(place) + "_" + std::to_string(below(1'000'000)) +
           (one_in(3) ? "\\n\"" : "\"");
  if (one_in(10)) return "\"" + repeat(one_in(2) ? "long" : "lang", 1 + below(20)) + "\"";
  return std::string(kKeys.at(one_in(2) ? below(2) : below(kKeys.size())));
}

std::string HostileJson::number() {
  static constexpr std::array<std::string_view, 37> kNumbers{"0",
                                                             "-0",
                                                             "-0.0",
                                                             "-0e7",
                                                             "0e0",
                                                             "1E400",
                                                             "-1e-400",
                                                             "1e131071",
                                                             "1e131072",
                                                             "1e-16383",
                                                             "1e-16384",
                                                             "0.1e131072",
                                                             "0.1e131073",
                                                             "0e1073741822",
                                                             "0e1073741824",
                                                             "9007199254740993",
                                                             "1.0",
                                                             "1.00",
                                                             "1e2",
                                                             "100e-2",
                                                             "-1.50E+3",
                                                             "18446744073709551616",
                                                             "-9223372036854775809",
                                                             "0.1e1",
                                                             "1.7976931348623159e308",
                                                             "5e-325",
                                                             "12345678901234567890.123456789",
                                                             "01",
                                                             "-",
                                                             "+1",
                                                             ".5",
                                                             "1.",
                                                             "1e",
                                                             "NaN",
                                                             "-Infinity",
                                                             "0x10",
                                                             "1_000"};
  static constexpr std::size_t kSound = 27;
  if (!tame_ && one_in(2))
    return std::string(kNumbers.at(one_in(20) ? below(kNumbers.size()) : below(kSound)));
  std::string text = one_in(3) ? "-" : "";
  text += std::to_string(1 + below(1'000'000));
  if (one_in(3)) text += "." + std::to_string(below(100'000)) + std::string(below(4), '0');
  if (one_in(5)) text += (one_in(2) ? "e" : "E+") + std::to_string(below(40));
  if (one_in(40)) text = std::string(below(200) + 1, '7') + text.substr(text[0] == '-' ? 1 : 0);
  return text;
}

std::string HostileJson::string() {
  static constexpr std::array<std::string_view, 15> kSound{"x",
                                                           "plain text of some length",
                                                           "\\n",
                                                           "\\\"",
                                                           "\\\\",
                                                           "\\/",
                                                           "\\u00e9",
                                                           "\xc3\xa9",
                                                           "\xe2\x82\xac",
                                                           "\xf0\x9f\x9a\x80",
                                                           "\\ud83d\\ude80",
                                                           "\\uFFFF",
                                                           "\\u0001",
                                                           "\x7f",
                                                           "\\\\u0000"};
  static constexpr std::array<std::string_view, 6> kUnfit{"\\u0000",        "\\ud800",        "\\udc00",
                                                          "\\ud83d\\ud83d", "\\ude80\\ud83d", "\\uD83Dx"};
  static constexpr std::array<std::string_view, 9> kBroken{
      "\xff", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80", "\n", "\\x", "\\u12", "\\", "\x01"};
  std::string text = "\"";
  const std::size_t count = below(5);
  for (std::size_t i = 0; i < count; ++i) {
    if (!tame_ && one_in(15)) {
      text += kUnfit.at(below(kUnfit.size()));
    } else if (!tame_ && one_in(150)) {
      text += kBroken.at(below(kBroken.size()));
    } else {
      text += kSound.at(below(kSound.size()));
    }
  }
  return text + "\"";
}

std::string HostileJson::value(int depth) {
  std::size_t kind = depth == 0 ? 5 + below(5) : below(depth >= kDepth ? 5 : 10);
  if (depth == 1 && !tame_ && one_in(2)) kind = 5;  // duplicates that a pointer has to go through
  if (kind < 2) return number();
  if (kind < 4) return string();
  if (kind == 4) return one_in(3) ? "null" : one_in(2) ? "true" : "false";
  const bool object = kind < 8;
  std::string text = object ? "{" : "[";
  // Now and then so many keys that duplicates are looked for in another way.
  const std::size_t count = one_in(20) ? 15 + below(60) : below(6);
  for (std::size_t i = 0; i < count; ++i) {
    text += (i > 0 ? "," : "") + blanks();
    if (object) text += key(i) + blanks() + ":" + blanks();
    text += value(count > 6 ? kDepth : depth + 1) + blanks();
  }
  return text + (object ? "}" : "]");
}

std::string HostileJson::deep() {
  const std::size_t depth = one_in(3) ? 513 + below(100) : 500 + below(13);
  const bool objects = one_in(2);
  const std::string inner = one_in(3) ? R"({"a":1,"a":2})" : "1";
  // The innermost object is a level of its own.
  return repeat(objects ? "{\"a\":" : "[", depth - 1) + inner + repeat(objects ? "}" : "]", depth - 1);
}

void HostileJson::damage(std::string& body) {
  using namespace std::string_view_literals;
  static constexpr std::string_view kBytes = "{}[]\",:\\u0dDeE8+-. \n\0\x80\xc3\xff\xef\xbb\xbf"sv;
  const std::size_t damages = 1 + below(2);
  for (std::size_t i = 0; i < damages && !body.empty(); ++i) {
    const std::size_t at = below(body.size());
    switch (below(4)) {
      case 0:
        body.erase(at, 1);
        break;
      case 1:
        body[at] = kBytes[below(kBytes.size())];
        break;
      case 2:
        body.insert(at, 1, kBytes[below(kBytes.size())]);
        break;
      default:
        body.resize(at);
    }
  }
}

}  // namespace hookspool::testing

// Conditions: what they say of a body and its headers, what is wrong with a text, and both against a second reader of
// random conditions.
#include "net/condition/condition.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "net/condition/decimal.h"

namespace hookspool::net {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

bool holds(const Condition& condition, const std::string& body, const Headers& headers = {}) {
  std::vector<std::optional<JsonValue>> values;
  for (const JsonPlace& place : condition.places())
    values.push_back(find_json(body, JsonPointer(place.tokens)));
  std::vector<std::optional<std::string>> found;
  for (const std::string& name : condition.headers()) {
    found.emplace_back();
    for (const auto& [each, value] : headers) {
      if (each == name) found.back() = value;
    }
  }
  return condition.holds({values, found});
}

bool holds(const std::string& text, const std::string& body, const Headers& headers = {}) {
  const auto condition = Condition::parse(text);
  EXPECT_TRUE(condition) << text << ": " << (condition ? "" : condition.error());
  return condition && holds(*condition, body, headers);
}

constexpr const char* kBody =
    R"({"action":"opened","n":10,"price":12.50,"ok":true,"off":false,"none":null,"list":[1],"object":{"a b":"x"},
        "quote":"it's \"so\"","escaped":"\u00e9"})";

TEST(Condition, WhatHolds) {
  for (const char* text : {
           R"(/action = "opened")",
           R"(/action='opened')",
           R"(/action in ["opened", "closed"] and not header:x-test exists)",
           R"(/action not in ["closed"])",
           R"(/action != 5)",
           R"(/n = 10)",
           R"(/n = 1e1 and /n=10.0 and /price = 12.5)",
           R"(/n > 9.999999999999999999999999999999 and /n >= 10 and /n<10.000000000000000000000000001)",
           R"(/ok = true and /off = false and /none = null and /none exists)",
           R"(not /absent exists and not /absent = "x")",
           R"(/list exists and /list/0 = 1 and /object != "x")",
           R"(`/object/a b` = "x")",
           R"(/quote = "it's \"so\"" and /escaped = "é" and /escaped = "\u00e9")",
           R"(/action starts_with "open" and not /action starts_with "closed")",
           R"(header:X-Kind = "a, b" and header:x-kind starts_with 'a')",
           R"(/absent exists or /n = 10 and /ok = true)",
           R"((/n = 1 or /n = 10) and (not (/ok = false)))",
       }) {
    EXPECT_TRUE(holds(text, kBody, {{"x-kind", "a, b"}})) << text;
  }
}

TEST(Condition, WhatIsNotThereIsFalseAndNoError) {
  for (const char* text :
       {R"(/absent = "x")", R"(/absent != "x")", R"(/absent in ["x"])", R"(/absent not in ["x"])",
        "/absent exists", "/absent < 5", "/absent >= 5", R"(/absent starts_with "")", "/absent = null",
        "header:x-none exists", R"(header:x-none != "x")", R"(/n = "10")", R"(/action < 5)", "/n > 10",
        "/n < 10", R"(/n starts_with "1")", R"(/list = "x")", R"(header:x-kind = 5)"}) {
    EXPECT_FALSE(holds(text, kBody, {{"x-kind", "5"}})) << text;
  }
  EXPECT_FALSE(holds("/a exists", "no json"));
}

TEST(Condition, FaultsSayWhereAndWhatToWrite) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "at character 1: needs a JSON pointer"},
      {"action = 1", "at character 1: \"action\" is not a JSON pointer (/action)"},
      {"/a", "at character 3: needs exists, ="},
      {"/a is 5", "at character 4: needs exists, ="},
      {"/a = ", "at character 6: needs a string in quotes, a number"},
      {"/a = opened", "at character 6: needs a string in quotes"},
      {"/a = \"open", "at character 6: has a \" that is not closed"},
      {"/a = \"\\x\"", "at character 6: is no string as JSON"},
      {"/a = [1]", "at character 6: needs a string"},
      {"/a = 01", "at character 6: needs a string"},
      {"/a in 5", "at character 7: needs a list"},
      {"/a in [\"x\" \"y\"]", "at character 12: needs a comma"},
      {"/a not = 5", "at character 4: needs exists"},
      {"/a < \"x\"", "at character 4: < compares numbers"},
      {"header:x > 5", "at character 10: > compares numbers"},
      {"/a starts_with 5", "at character 4: starts_with needs a string"},
      {"(/a exists", "at character 11: needs and, or, or the ) that closes"},
      {"/a exists)", "at character 10: needs and, or, or the end"},
      {"/a exists /b exists", "at character 11: needs and, or, or the end"},
      {"/a exists and", "at character 14: needs a JSON pointer"},
      {"header: exists", "at character 1: needs a header's name"},
      {"/a~ exists", "at character 1: \"/a~\" is no JSON pointer"},
      {"`/a exists", "at character 1: has a ` that is not closed"},
      {std::string(33, '(') + "/a exists" + std::string(33, ')'), "is nested more than 32"},
      {std::string(4097, ' '), "is longer than 4096 bytes"},
  };
  for (const auto& [text, fault] : cases) {
    const auto condition = Condition::parse(text);
    ASSERT_FALSE(condition) << text;
    EXPECT_NE(condition.error().find(fault), std::string::npos) << text << ": " << condition.error();
  }
  EXPECT_TRUE(Condition::parse(std::string(32, '(') + "/a exists" + std::string(32, ')')));
}

TEST(Condition, NumbersAreComparedToTheLastDigit) {
  const std::vector<std::vector<std::string>> ordered{
      {"-1e400"},
      {"-12345678901234567890.2"},
      {"-12345678901234567890.1"},
      {"-0.1", "-1e-1", "-0.10"},
      {"0", "-0", "0.000", "0e99", "-0e-5"},
      {"1e-400"},
      {"0.1", "10e-2", "0.0001e3"},
      {"9007199254740992"},
      {"9007199254740993", "9007199254740993.0", "9.007199254740993e15"},
      {"1e400", "0.1e401", "1" + std::string(400, '0')},
      {"1e99999999999999999999"}};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      for (const std::string& a : ordered[i]) {
        for (const std::string& b : ordered[j]) EXPECT_EQ(compare_decimals(a, b), i <=> j) << a << " " << b;
      }
    }
  }
}

// A condition that was made together with what it must say of a body whose members a to d are 0 to 3 or are not there.
struct Made {
  std::string text;
  bool holds = false;
};

class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {
    body_ = "{";
    for (std::size_t i = 0; i < 4; ++i) {
      values_[i] = static_cast<int>(below(5)) - 1;
      if (values_[i] < 0) continue;
      body_ += (body_.size() > 1 ? ",\"" : "\"") + std::string(1, static_cast<char>('a' + i)) +
               "\":" + std::to_string(values_[i]);
    }
    body_ += "}";
  }
  const std::string& body() const { return body_; }
  std::size_t below(std::size_t end) { return random_() % end; }
  std::string blanks() { return std::string(1 + below(2), ' '); }

  Made any(int depth) { return list(depth, "or", &Maker::all, false); }

 private:
  Made all(int depth) { return list(depth, "and", &Maker::one, true); }
  Made list(int depth, const char* word, Made (Maker::*part)(int), bool is_all) {
    Made made = (this->*part)(depth);
    for (std::size_t more = below(3); more > 0; --more) {
      const Made next = (this->*part)(depth);
      made.text += blanks() + word + blanks() + next.text;
      made.holds = is_all ? made.holds && next.holds : made.holds || next.holds;
    }
    return made;
  }
  Made one(int depth) {
    if (depth == 0 || below(2) == 0) return test();
    const Made inner = below(2) == 0 ? one(depth - 1) : any(depth - 1);
    if (below(2) == 0) return {"(" + any_blanks() + inner.text + any_blanks() + ")", inner.holds};
    return {"not (" + inner.text + ")", !inner.holds};
  }
  std::string any_blanks() { return std::string(below(2), ' '); }
  Made test() {
    const std::size_t member = below(4);
    const int value = values_[member], with = static_cast<int>(below(4));
    const std::string subject = "/" + std::string(1, static_cast<char>('a' + member)),
                      number = std::to_string(with);
    const bool there = value >= 0;
    switch (below(8)) {
      case 0:
        return {subject + " exists", there};
      case 1:
        return {subject + " = " + number, there && value == with};
      case 2:
        return {subject + "!=" + number, there && value != with};
      case 3:
        return {subject + " < " + number, there && value < with};
      case 4:
        return {subject + ">=" + number + ".0", there && value >= with};
      case 5:
        return {subject + " in [7, " + number + "]", there && value == with};
      case 6:
        return {subject + " not in [" + number + ",\"x\"]", there && value != with};
      default:
        return {subject + " = \"" + number + "\"", false};
    }
  }

  std::mt19937_64 random_;
  std::array<int, 4> values_{};
  std::string body_;
};

// Each random condition says what it was made to say; what is left of it when a character is taken out, put in or changed is
// read or refused with a place, and never anything else.
TEST(Condition, AgreesWithASecondReaderAndTakesAnyText) {
  const std::uint64_t first = std::random_device{}();
  std::size_t refused = 0, held = 0;
  for (std::uint64_t seed = first; seed < first + 4'000; ++seed) {
    Maker maker(seed);
    const Made made = maker.any(4);
    if (made.text.size() > kConditionBytesMax) continue;
    const auto condition = Condition::parse(made.text);
    ASSERT_TRUE(condition) << seed << ": " << made.text << ": " << condition.error();
    EXPECT_EQ(holds(*condition, maker.body()), made.holds)
        << seed << ": " << made.text << " of " << maker.body();
    held += made.holds ? 1 : 0;
    constexpr std::string_view kAny = "/.~`'\"()[]=!<>,ax0 -e\\\x80";
    for (int i = 0; i < 20; ++i) {
      std::string text = made.text;
      const std::size_t at = maker.below(text.size());
      const char c = kAny[maker.below(kAny.size())];
      const std::size_t how = maker.below(3);
      how == 0 ? text.erase(at, 1) : how == 1 ? text.insert(at, 1, c) : (text[at] = c, text);
      const auto broken = Condition::parse(text);
      if (broken) (void)holds(*broken, maker.body());
      if (broken) continue;
      ++refused;
      EXPECT_TRUE(broken.error().starts_with("at character ")) << text << ": " << broken.error();
    }
  }
  std::cout << "seed " << first << ": " << held << " of 4000 hold, " << refused
            << " of 80000 broken ones refused\n";
  EXPECT_GT(held, 400u);
  EXPECT_LT(held, 3'600u);
  EXPECT_GT(refused, 8'000u);
}

}  // namespace
}  // namespace hookspool::net

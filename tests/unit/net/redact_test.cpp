// What is redacted is gone, whatever the body is, and the rest is as it was sent.
//
// One seed again: HOOKSPOOL_SEED=17 build/release/tests/unit/net/net_redact_test --gtest_filter='*HostileTexts*'
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "net/form/form_json.h"
#include "net/json/json.h"
#include "net/redact/redaction.h"
#include "tests/unit/net/hostile_json.h"

namespace hookspool::net {
namespace {

const std::string kMark(kByteOrderMark);
constexpr const char* kJson = "application/json";
constexpr const char* kUrlencoded = "application/x-www-form-urlencoded";
constexpr const char* kMultipart = "multipart/form-data; boundary=XX";

Redaction at(const std::vector<std::string>& pointers) {
  Redaction redaction;
  for (const std::string& pointer : pointers) redaction.pointers.push_back(*JsonPointer::parse(pointer));
  return redaction;
}

std::string redacted(std::string body, const std::vector<std::string>& pointers,
                     const std::string& type = kJson, const FormRules* form = nullptr) {
  Event event;
  event.content_type = type;
  event.body = std::move(body);
  redact(event, at(pointers), form);
  const std::string once = event.body;
  redact(event, at(pointers), form);
  EXPECT_EQ(event.body, once) << "redacting twice is redacting once";
  return once;
}

TEST(Redact, AValueIsReplacedAndEveryOtherByteStays) {
  EXPECT_EQ(redacted(R"( { "a" : 1.50, "card":{"number" : "4111", "x":[ 1 ]} } )", {"/card/number"}),
            R"( { "a" : 1.50, "card":{"number" : "[redacted]", "x":[ 1 ]} } )");
  EXPECT_EQ(redacted(R"({"card":{"number":"4111"},"b":2})", {"/card", "/b"}),
            R"({"card":"[redacted]","b":"[redacted]"})");
  EXPECT_EQ(redacted(R"({"card":{"number":"4111"}})", {"/card/number", "/card"}), R"({"card":"[redacted]"})");
  EXPECT_EQ(redacted(R"({"a":null,"b":[]})", {"/a", "/b"}), R"({"a":"[redacted]","b":"[redacted]"})");
  for (const char* same : {R"({"card":"x"})", R"({"card":[{"number":"x"}]})", "[]", "7", "\"x\"", "{}"})
    EXPECT_EQ(redacted(same, {"/card/number"}), same) << "there is nothing at that place";
}

TEST(Redact, EveryMemberOfOneNameHoweverItIsWritten) {
  EXPECT_EQ(redacted(R"({"k":1,"\u006b":2,"k":3})", {"/k"}),
            R"({"k":"[redacted]","\u006b":"[redacted]","k":"[redacted]"})");
  EXPECT_EQ(redacted(R"({"c":{"k":1},"c":5,"c":{"k":[2],"k":3}})", {"/c/k"}),
            R"({"c":{"k":"[redacted]"},"c":5,"c":{"k":"[redacted]","k":"[redacted]"}})");
  EXPECT_EQ(redacted(R"({"a\/b":1,"~":2})", {"/a~1b", "/~0"}), R"({"a\/b":"[redacted]","~":"[redacted]"})");
  EXPECT_EQ(redacted(R"({"\ud800":1})", {"/\xef\xbf\xbd"}), R"({"\ud800":"[redacted]"})")
      << "as jsonb has it";
  EXPECT_EQ(redacted(R"({"":{"":"4111"}})", {"//"}), R"({"":{"":"[redacted]"}})");
}

TEST(Redact, ElementsByNumberOrAll) {
  EXPECT_EQ(redacted(R"([1,[2,3],4])", {"/1/0", "/2", "/01", "/-"}), R"([1,["[redacted]",3],"[redacted]"])");
  EXPECT_EQ(redacted(R"({"c":[{"n":1,"m":2},5,{"n":[3]}]})", {"/c/*/n"}),
            R"({"c":[{"n":"[redacted]","m":2},5,{"n":"[redacted]"}]})");
  EXPECT_EQ(redacted(R"({"c":{"a":{"n":1},"b":{"n":2}}})", {"/*/*/n"}),
            R"({"c":{"a":{"n":"[redacted]"},"b":{"n":"[redacted]"}}})")
      << "members as well";
}

TEST(Redact, WhatCannotBeReadGoesWhole) {
  for (const std::string& body :
       {std::string("{\"card\":4111"), std::string("card=4111"), std::string("\xff"),
        std::string("{'card':4111}"), std::string(600, '[') + "4111" + std::string(600, ']'),
        std::string("\xff\xfe{\0}\0", 6)})
    EXPECT_EQ(redacted(body, {"/card"}), "[redacted]") << body;
  EXPECT_EQ(redacted("", {"/card"}), "");
  EXPECT_EQ(redacted("no JSON", {}), "no JSON") << "nothing is redacted of bodies";
  EXPECT_EQ(redacted(kMark + R"({"a":1})", {"/a"}), kMark + R"({"a":"[redacted]"})");
  EXPECT_EQ(redacted(R"({"a":1e999999,"b":2})", {"/b"}), R"({"a":1e999999,"b":"[redacted]"})")
      << "JSON, although jsonb has no such number";
  EXPECT_EQ(redacted(R"({"a":"\u0000\ud800","b":2})", {"/b"}), R"({"a":"\u0000\ud800","b":"[redacted]"})");
}

TEST(Redact, ABodyThatWouldGrowTooMuchGoesWhole) {
  std::string numbers = "[1";
  for (int i = 0; i < 5'000; ++i) numbers += ",1";
  EXPECT_EQ(redacted(numbers + "]", {"/*"}), "[redacted]") << "13 bytes for each of two";
  EXPECT_TRUE(redacted(numbers + "," + std::string(100'000, ' ') + "1]", {"/*"}).starts_with("[\"[red"));
}

TEST(Redact, Headers) {
  Event event;
  event.headers = R"({"a":"1","x-api-key":["k1","k2"],"x-forwarded-for":"1.2.3.4"})";
  event.remote_addr = "1.2.3.4";
  event.body = "no JSON";
  Redaction redaction;
  redaction.headers = {"x-api-key", "x-none"};
  redact(event, redaction, nullptr);
  EXPECT_EQ(event.headers, R"({"a":"1","x-api-key":"[redacted]","x-forwarded-for":"1.2.3.4"})");
  EXPECT_EQ(event.body, "no JSON");
  EXPECT_EQ(event.remote_addr, "1.2.3.4");
  redaction.headers = {"x-forwarded-for"};
  redact(event, redaction, nullptr);
  EXPECT_EQ(event.remote_addr, "");
  event.headers = "{broken";
  redact(event, redaction, nullptr);
  EXPECT_EQ(event.headers, "{}");
}

TEST(Redact, FieldsOfAForm) {
  const FormRules rules{.json = {"payload"}, .lists = {}};
  const auto form = [&](const std::string& body, const std::vector<std::string>& pointers) {
    return redacted(body, pointers, kUrlencoded, &rules);
  };
  EXPECT_EQ(form("a=1&card=4111+1&&%63ard=2&b", {"/card"}),
            "a=1&card=%5bredacted%5d&&%63ard=%5bredacted%5d&b");
  EXPECT_EQ(form("card&x=1", {"/card"}), "card=%5bredacted%5d&x=1");
  EXPECT_EQ(form("to=a&to=b&to=c", {"/to/1"}), "to=a&to=%5bredacted%5d&to=c");
  EXPECT_EQ(form("to=a", {"/to/*"}), "to=%5bredacted%5d") << "a list of one is no list";
  EXPECT_EQ(form("a=1&b=2", {"/*"}), "a=%5bredacted%5d&b=%5bredacted%5d");
  EXPECT_EQ(form("payload=%7B%22u%22%3A%7B%22n%22%3A4111%7D%2C%22x%22%3A1%7D", {"/payload/u/n"}),
            "payload=%7b%22u%22%3a%7b%22n%22%3a%22%5bredacted%5d%22%7d%2c%22x%22%3a1%7d");
  EXPECT_EQ(form("payload={\"n\":1}&payload={\"n\":2}", {"/payload/n"}).find(":1"), std::string::npos)
      << "the field twice does not hide it";
  EXPECT_EQ(form("payload={broken4111", {"/payload/n"}), "payload=%5bredacted%5d");
  EXPECT_EQ(form("x={broken4111", {"/x/n"}), "x={broken4111") << "a text has no members";
  std::string many;
  for (std::size_t i = 0; i <= kFormFieldsMax; ++i) many += "a=&";
  EXPECT_EQ(form(many, {"/b"}), "[redacted]");
  EXPECT_EQ(redacted("card=4111", {"/card"}, std::string(kUrlencoded) + "; charset=utf-16", &rules),
            "[redacted]");
  EXPECT_EQ(redacted("card=4111", {"/card"}, kUrlencoded, nullptr), "[redacted]") << "forms are not read";
  EXPECT_EQ(form("card=\xff&b=\xff", {"/card"}), "card=%5bredacted%5d&b=\xff") << "jsonb takes none of it";
}

TEST(Redact, FieldsAndFilesOfMultipart) {
  const FormRules rules{.json = {"payload"}, .lists = {}, .multipart = true};
  const auto part = [](const std::string& head, const std::string& content) {
    return "--XX\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + content + "\r\n";
  };
  const auto form = [&](const std::string& body, const std::vector<std::string>& pointers) {
    return redacted(body, pointers, kMultipart, &rules);
  };
  const std::string a = part("name=\"a\"", "1"), end = "--XX--\r\n";
  EXPECT_EQ(form(a + part("name=card", "4111") + end, {"/card"}), a + part("name=card", "[redacted]") + end);
  EXPECT_EQ(form(a + part("name=\"c\"; filename=\"secret.txt\"\r\nContent-Type: text/plain", "4111") + end,
                 {"/c/bytes"}),
            a + part("name=\"c\"", "[redacted]") + end)
      << "a file goes whole, with its name";
  EXPECT_EQ(form(part("name=\"payload\"", "{\"n\":4111}") + end, {"/payload/n"}),
            part("name=\"payload\"", "{\"n\":\"[redacted]\"}") + end);
  EXPECT_EQ(form(a + part("name=card", "4111"), {"/card"}), "[redacted]") << "it does not end";
  const FormRules none;
  EXPECT_EQ(redacted(a + end, {"/card"}, kMultipart, &none), "[redacted]") << "multipart is not read";
}

std::uint64_t seed() {
  if (const char* given = std::getenv("HOOKSPOOL_SEED")) return std::strtoull(given, nullptr, 10);
  return std::random_device{}();
}

// Hostile texts, with pointers of their own members and others.
TEST(Redact, HostileTextsAreWithoutIt) {
  const std::uint64_t from = seed();
  std::cout << "HOOKSPOOL_SEED=" << from << "\n";
  testing::HostileJson hostile(from);
  std::size_t changed = 0;
  for (int i = 0; i < 3'000; ++i) {
    const std::string body = hostile.body();
    std::vector<JsonPointer> pointers;
    for (int n = 0; n < 3; ++n) {
      std::vector<std::string> tokens = hostile.pointer();
      if (!tokens.empty()) pointers.emplace_back(std::move(tokens));
    }
    if (pointers.empty() || body.empty()) continue;
    Event event;
    event.content_type = kJson;
    event.body = body;
    redact(event, {pointers, {}}, nullptr);
    if (!read_json(body).is_json) {
      EXPECT_EQ(event.body, kRedacted);
      continue;
    }
    if (event.body != body) ++changed;
    ASSERT_TRUE(read_json(event.body).is_json || event.body == kRedacted) << body << "\n" << event.body;
    for (const auto& found : find_json(event.body, pointers)) {
      if (!found) continue;
      EXPECT_EQ(found->raw, "\"[redacted]\"") << body << "\n" << event.body;
    }
    Event again = event;
    redact(again, {pointers, {}}, nullptr);
    EXPECT_EQ(again.body, event.body);
  }
  EXPECT_GT(changed, 100u) << "the pointers find something";
}

}  // namespace
}  // namespace hookspool::net

// Forms as JSON.
#include <gtest/gtest.h>

#include <random>

#include "net/form/form_json.h"
#include "net/json/json.h"

namespace hookspool::net {
namespace {

constexpr const char* kForm = "application/x-www-form-urlencoded";

std::string json(std::string_view body, const FormRules& rules = {}, const std::string& type = kForm) {
  const auto reading = read_form(type, body, rules);
  if (!reading) return "no form";
  return reading->refusal.empty() ? reading->json : "refused: " + std::string(reading->refusal);
}

TEST(Form, ValuesAreStringsAndKeysAsTheyAreSent) {
  EXPECT_EQ(json("From=%2B4912&n=007&b=true&empty=&alone&a%5Bb%5D=c&sp=a+b%20c"),
            R"({"From":"+4912","n":"007","b":"true","empty":"","alone":"","a[b]":"c","sp":"a b c"})");
  EXPECT_EQ(json(""), "{}");
  EXPECT_EQ(json("&&a=1&"), R"({"a":"1"})");
  EXPECT_EQ(json("a=b=c&=x"), R"({"a":"b=c","":"x"})");
  EXPECT_EQ(json("p=100%&q=%zz&r=%4"), R"({"p":"100%","q":"%zz","r":"%4"})");
  EXPECT_EQ(json("q=%22%5C%0a%00\xc3\xa9"), "{\"q\":\"\\\"\\\\\\u000a\\u0000\xc3\xa9\"}");
}

TEST(Form, WhatComesTwiceIsAList) {
  EXPECT_EQ(json("to=a&x=1&to=b"), R"({"to":["a","b"],"x":"1"})");
  EXPECT_EQ(json("to[]=a&cc=b", {.lists = {"cc"}}), R"({"to[]":["a"],"cc":["b"]})");
}

TEST(Form, FieldsThatHoldJsonStandAsThat) {
  const FormRules rules{.json = {"payload"}};
  EXPECT_EQ(json("payload=%7B%22user%22%3A%7B%22id%22%3A%22U1%22%7D%7D&token=x", rules),
            R"({"payload":{"user":{"id":"U1"}},"token":"x"})");
  EXPECT_EQ(json("payload=%7Bbroken", rules), R"({"payload":"{broken"})");
  EXPECT_EQ(json("payload=1e999999", rules), R"({"payload":"1e999999"})")
      << "jsonb would take none of the form";
  EXPECT_EQ(json("payload=[1]&payload=2", rules), R"({"payload":[[1],2]})");
}

TEST(Form, OnlyFormsInUtf8) {
  EXPECT_EQ(json("a=1", {}, "Application/X-WWW-Form-Urlencoded; charset=UTF-8"), R"({"a":"1"})");
  EXPECT_EQ(json("a=1", {}, "application/x-www-form-urlencoded;charset=\"iso-8859-1\""), "refused: encoding");
  EXPECT_EQ(json("a=%ff"), "refused: utf8");
  EXPECT_EQ(json("%ff=a"), "refused: utf8");
  for (const char* type : {"application/json", "multipart/form-data; boundary=x", ""})
    EXPECT_EQ(json("a=1", {}, type), "no form") << type;
}

TEST(Form, HasAThousandFieldsAtMost) {
  std::string body;
  for (std::size_t i = 0; i < kFormFieldsMax; ++i) body += "a=&";
  EXPECT_TRUE(json(body).starts_with("{\"a\":[\"\",")) << json(body);
  EXPECT_EQ(json(body + "a="), "refused: too_many");
  EXPECT_EQ(json("a=" + std::string(6u << 20, '\x01')), "refused: too_large") << "six bytes for each";
}

// Whatever the bytes are: JSON that is read, or a reason.
TEST(Form, AnyBytesAreJsonOrRefused) {
  std::mt19937 random(std::random_device{}());
  constexpr std::string_view kAny = "a=b&%%%2+[]\"{}:,1\\\x80\xc3\xa9\x01 ";
  for (int i = 0; i < 20'000; ++i) {
    std::string body;
    for (std::size_t length = random() % 40; length > 0; --length) body += kAny[random() % kAny.size()];
    const auto reading = read_form(kForm, body, {.json = {"a", "b", ""}});
    ASSERT_TRUE(reading);
    if (!reading->refusal.empty()) continue;
    EXPECT_TRUE(read_json(reading->json).is_json) << body << " -> " << reading->json;
  }
}

}  // namespace
}  // namespace hookspool::net

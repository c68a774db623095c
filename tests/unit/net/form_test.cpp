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

constexpr const char* kMultipart = "multipart/form-data; boundary=\"a b\"";

std::string part(const std::string& head, const std::string& content) {
  return "--a b\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + content + "\r\n";
}

std::string multipart(const std::string& parts, const FormRules& rules = {.multipart = true}) {
  return json(parts + "--a b--\r\n", rules, kMultipart);
}

TEST(Multipart, FieldsAreStringsAndFilesStayInTheBody) {
  EXPECT_EQ(json(part("name=a", "1") + "--a b--", {}, kMultipart), "no form") << "only where it is asked for";
  EXPECT_EQ(
      multipart(part("name=\"to\"", "+49 %20") + part("name=to", "b\r\n--a\r\n") + part("name=\"e\"", "") +
                part("name=\"x[]\"\r\nContent-Type: text/plain; charset=UTF-8", "\xc3\xa9")),
      "{\"to\":[\"+49 %20\",\"b\\u000d\\u000a--a\\u000d\\u000a\"],\"e\":\"\",\"x[]\":[\"\xc3\xa9\"]}");
  EXPECT_EQ(multipart(part("filename=\"C:\\a;b\\\"c.png\"; name=\"f\"\r\ncontent-type: image/png",
                           std::string("\0\xff", 2)) +
                      part("name=g; filename*=UTF-8''x", "")),
            R"({"f":{"filename":"C:\\a;b\"c.png","content_type":"image/png","bytes":2},)"
            R"("g":{"filename":"UTF-8''x","content_type":"","bytes":0}})");
  EXPECT_EQ(multipart(part("name=payload", "{\"a\":1}") + part("name=to", "x"),
                      {.json = {"payload"}, .lists = {"to"}, .multipart = true}),
            R"({"payload":{"a":1},"to":["x"]})");
  EXPECT_EQ(multipart(""), "{}") << "as a browser sends a form without fields";
  EXPECT_EQ(json("a=1", {.multipart = true}), R"({"a":"1"})");
}

TEST(Multipart, WhatCouldBeReadInTwoWaysIsRefused) {
  for (const char* head :
       {"name=a; name=b", "filename=x", "name=\"a", "name=a\r\nContent-Disposition: form-data; name=b",
        "name=a\r\n folded: x", "name=a\r\nno colon", "name=a\nX: y", "name", "name=\"a\"b"})
    EXPECT_EQ(multipart(part(head, "1")), "refused: malformed") << head;
  const std::string good = part("name=a", "1");
  EXPECT_EQ(multipart(good), R"({"a":"1"})");
  for (const std::string& body : std::vector<std::string>{
           std::string(), good, "preamble\r\n" + good + "--a b--", good + "--a b--x", good + "--a b-\r\n",
           "\r\n" + good + "--a b--", good + "--a bc\r\n\r\n\r\n--a b--", "--a b\r\n\r\n1\r\n--a b--",
           "--a b\r\n--a b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--a b--",
           "--a b\nContent-Disposition: form-data; name=a\n\n1\n--a b--",
           "--a b\r\nX: " + std::string(9'000, 'x') +
               "\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--a b--"})
    EXPECT_EQ(json(body, {.multipart = true}, kMultipart), "refused: malformed") << body;
  for (const char* type :
       {"multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a\xff\"",
        "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary=\"a b"})
    EXPECT_EQ(json(good + "--a b--", {.multipart = true}, type), "refused: malformed") << type;
  EXPECT_EQ(json(good + "--a b--", {.multipart = true}, "multipart/mixed; boundary=\"a b\""), "no form");
  EXPECT_EQ(json(good, {.multipart = true}, "multipart/form-data; boundary=" + std::string(71, 'a')),
            "refused: malformed");
}

TEST(Multipart, OnlyUtf8AndAThousandParts) {
  EXPECT_EQ(multipart(part("name=a", "\xff")), "refused: utf8");
  EXPECT_EQ(multipart(part("name=\"\xff\"", "a")), "refused: utf8");
  EXPECT_EQ(multipart(part("name=a; filename=\"\xff\"", "a")), "refused: utf8");
  EXPECT_EQ(multipart(part("name=a\r\nContent-Type: text/plain; charset=iso-8859-1", "a")),
            "refused: encoding");
  EXPECT_EQ(multipart(part("name=a\r\nContent-Transfer-Encoding: base64", "YQ==")), "refused: encoding");
  EXPECT_EQ(multipart(part("name=a; filename=b\r\nContent-Transfer-Encoding: base64", "YQ==")),
            R"({"a":{"filename":"b","content_type":"","bytes":4}})");
  std::string many;
  for (std::size_t i = 0; i < kFormFieldsMax; ++i) many += part("name=a", "");
  EXPECT_TRUE(multipart(many).starts_with("{\"a\":[\"\",")) << multipart(many);
  EXPECT_EQ(multipart(many + part("name=a", "")), "refused: too_many");
}

// Damaged forms: JSON that is read, or a reason.
TEST(Multipart, AnyBytesAreJsonOrRefused) {
  std::mt19937 random(std::random_device{}());
  const std::string whole =
      part("name=\"a\"", "1") + part("name=b; filename=\"f\"\r\nContent-Type: t/p", "{}") + "--a b--\r\n";
  constexpr std::string_view kAny = "\r\n-ab \"=;:\\\x80x";
  std::size_t read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string body = whole;
    for (std::size_t edits = random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % body.size();
      const std::size_t kind = random() % 3;
      if (kind == 0) body[at] = kAny[random() % kAny.size()];
      if (kind == 1) body.insert(at, 1, kAny[random() % kAny.size()]);
      if (kind == 2) body.erase(at, 1 + random() % 3);
    }
    const auto reading = read_form(kMultipart, body, {.json = {"a"}, .lists = {}, .multipart = true});
    ASSERT_TRUE(reading);
    if (!reading->refusal.empty()) continue;
    ++read;
    EXPECT_TRUE(read_json(reading->json).is_json) << body << " -> " << reading->json;
  }
  EXPECT_GT(read, 1'000u);
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

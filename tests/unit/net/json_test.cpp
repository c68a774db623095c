// The reader of senders' JSON: one rule for duplicates, byte order marks, pointers and strings. Against PostgreSQL's own
// jsonb: pg_jsonb_test.cpp.
#include "net/json/json.h"

#include <gtest/gtest.h>

#include <string>

namespace hookspool::net {
namespace {

const std::string kMark(kByteOrderMark);

std::string at(std::string_view body, std::string_view pointer) {
  const auto value = find_json(body, *JsonPointer::parse(pointer));
  return value ? std::string(value->raw) : "nothing";
}

TEST(FindJson, TheLastMemberOfAKeyCountsOnEveryLevel) {
  EXPECT_EQ(at(R"({"id":1,"id":"two"})", "/id"), "\"two\"");
  EXPECT_EQ(at(R"({"a":{"b":1},"a":{"b":2}})", "/a/b"), "2");
  EXPECT_EQ(at(R"({"a":{"b":1},"a":{"c":2}})", "/a/b"), "nothing") << "only the last object is looked into";
  EXPECT_EQ(at(R"({"a":{"b":1},"a":null})", "/a/b"), "nothing");
  EXPECT_EQ(at(R"({"a":{"b":1},"a":[]})", "/a/b"), "nothing");
  EXPECT_EQ(at(R"({"a":[{"b":1,"b":2},3],"x":0})", "/a/0/b"), "2");
  EXPECT_EQ(at(R"({"a":1,"\u0061":2})", "/a"), "2") << "keys are compared unescaped";
  EXPECT_EQ(at(R"({"a":{"b":[1]},"a":{"b":[7,8]}})", "/a/b/1"), "8");
}

TEST(FindJson, AValueIsGivenAsItWasSentWithItsKind) {
  const std::string body =
      R"({ "s" : "a\u00e9\"" , "n":1.50E+2,"i":-0,"t":true,"f":false,"z":null,"l":[ 1, 2 ] ,"o":{ } })";
  const auto value = [&](std::string_view pointer) {
    return find_json(body, *JsonPointer::parse(pointer)).value();
  };
  EXPECT_EQ(value("/s"), (JsonValue{JsonKind::kString, R"("a\u00e9\"")"}));
  EXPECT_EQ(value("/s").characters(), "a\xc3\xa9\"");
  EXPECT_EQ(value("/n"), (JsonValue{JsonKind::kNumber, "1.50E+2"}));
  EXPECT_EQ(value("/n").characters(), "1.50E+2");
  EXPECT_EQ(value("/i"), (JsonValue{JsonKind::kNumber, "-0"}));
  EXPECT_EQ(value("/t"), (JsonValue{JsonKind::kTrue, "true"}));
  EXPECT_EQ(value("/f"), (JsonValue{JsonKind::kFalse, "false"}));
  EXPECT_EQ(value("/z"), (JsonValue{JsonKind::kNull, "null"}));
  EXPECT_EQ(value("/l"), (JsonValue{JsonKind::kArray, "[ 1, 2 ]"}));
  EXPECT_EQ(value("/o"), (JsonValue{JsonKind::kObject, "{ }"}));
  EXPECT_EQ(value(""), (JsonValue{JsonKind::kObject, body}));
  EXPECT_EQ(find_json("  7 \n", *JsonPointer::parse("")), (JsonValue{JsonKind::kNumber, "7"}));
}

TEST(FindJson, SeveralPointersInOnePass) {
  std::vector<JsonPointer> pointers;
  for (const char* each : {"/a", "/a/b", "/a/b/0", "/x", "/a/b/1/c", "", "/a"})
    pointers.push_back(*JsonPointer::parse(each));
  const auto found = find_json(R"({"a":{"b":[1,{"c":2}]}})", pointers);
  ASSERT_EQ(found.size(), pointers.size());
  EXPECT_EQ(found[0]->raw, R"({"b":[1,{"c":2}]})");
  EXPECT_EQ(found[1]->raw, R"([1,{"c":2}])");
  EXPECT_EQ(found[2]->raw, "1");
  EXPECT_FALSE(found[3]);
  EXPECT_EQ(found[4]->raw, "2");
  EXPECT_EQ(found[5]->raw, R"({"a":{"b":[1,{"c":2}]}})");
  EXPECT_EQ(found[6], found[0]);
}

TEST(FindJson, IndexesAreThoseOfRfc6901) {
  const std::string body =
      R"({"l":[10,11,12,13,14,15,16,17,18,19,20],"o":{"0":"zero","01":"one","-":"dash"}})";
  EXPECT_EQ(at(body, "/l/0"), "10");
  EXPECT_EQ(at(body, "/l/10"), "20");
  for (const char* none : {"/l/11", "/l/-", "/l/-1", "/l/01", "/l/+1", "/l/ 1", "/l/1x", "/l/", "/l/*",
                           "/l/18446744073709551616", "/l/18446744073709551615"})
    EXPECT_EQ(at(body, none), "nothing") << none;
  EXPECT_EQ(at(body, "/o/0"), "\"zero\"");
  EXPECT_EQ(at(body, "/o/01"), "\"one\"");
  EXPECT_EQ(at(body, "/o/-"), "\"dash\"");
}

TEST(FindJson, NothingInWhatIsNoJsonToItsEnd) {
  for (const std::string body : {"", "{", R"({"a":1)", R"({"a":1}x)", R"({"a":1,"b":"\xff"})", R"({"a":1,})",
                                 "a=1", "{\"a\":1,\"b\":\"\xff\"}"})
    EXPECT_EQ(at(body, "/a"), "nothing") << body;
  EXPECT_EQ(at(R"({"a":1,"n":1e999999})", "/a"), "1") << "what numeric cannot hold is JSON all the same";
}

TEST(ReadJson, AByteOrderMarkIsNoPartOfTheText) {
  EXPECT_EQ(at(kMark + R"({"a":1})", "/a"), "1");
  EXPECT_EQ(at(kMark + R"( {"a":1})", ""), R"({"a":1})");
  const std::string body = kMark + "{}";
  const JsonReading reading = read_json(body);
  EXPECT_TRUE(reading.bom && reading.fits_jsonb());
  EXPECT_EQ(reading.text, "{}");
  for (const std::string& none :
       {kMark, kMark + kMark + "{}", " " + kMark + "{}", "{}" + kMark, std::string("\xef\xbb{}")})
    EXPECT_FALSE(read_json(none).is_json);
}

// RFC 8259 section 8.1: JSON that is exchanged is UTF-8.
TEST(ReadJson, Utf16AndUtf32AreNoJson) {
  using namespace std::string_literals;
  for (const std::string& body : {"\xff\xfe{\0}\0"s, "\xfe\xff\0{\0}"s, "{\0}\0"s, "\0{\0}"s,
                                  "\xff\xfe\0\0{\0\0\0}\0\0\0"s, "\0\0\xfe\xff\0\0\0{\0\0\0}"s}) {
    const JsonReading reading = read_json(body);
    EXPECT_EQ(reading.refusal, "not_json");
    EXPECT_FALSE(reading.is_json);
  }
}

TEST(ReadJson, DuplicateKeysAreFoundInEveryObjectOnce) {
  const auto twice = [](std::string_view body) {
    const JsonReading reading = read_json(body);
    EXPECT_TRUE(reading.fits_jsonb()) << body;
    return reading.duplicate_key;
  };
  for (const char* body :
       {R"({"level":"WARNING","level":"Warning"})", R"({"a":1,"a":1})", R"([{"x":{"a":1,"b":2,"a":3}}])",
        R"({"a":1,"\u0061":2})", R"({"\ud83d\ude80":1,"🚀":2})", R"({"":1,"":2})", R"({"a":{"b":1},"a":2})",
        R"({"\"":1,"\u0022":1})", R"({"\u0000":1,"\ud800":2})"})  // both become U+FFFD
    EXPECT_TRUE(twice(body)) << body;
  for (const char* body :
       {R"({"a":{"a":{"a":1}},"b":{"a":1}})", R"([{"a":1},{"a":2}])", R"({"a":1,"A":2,"a ":3})",
        R"({"a":"b","b":"a"})", R"({"\\":1,"\\\\":2,"\"":3})", "{}", "1"})
    EXPECT_FALSE(twice(body)) << body;
}

// The ways of looking change with the number of keys; each must find the only pair, wherever it stands.
TEST(ReadJson, DuplicateKeysAreFoundAmongAnyNumber) {
  for (const int count : {2, 3, 11, 12, 13, 40, 200, 2'048, 2'049, 5'000}) {
    const auto object = [&](int first, int second) {
      std::string body = "{";
      for (int i = 0; i < count; ++i) {
        // The other spelling of the first key.
        body += (i > 0 ? "," : "") + (i == second ? "\"\\u006b" : std::string("\"k")) +
                std::to_string(i == second ? first : i) + "\":0";
      }
      return body + "}";
    };
    EXPECT_FALSE(read_json(object(-1, -1)).duplicate_key) << count;
    EXPECT_TRUE(read_json(object(0, count - 1)).duplicate_key) << count;
    EXPECT_TRUE(read_json(object(count / 2 - 1, count / 2)).duplicate_key) << count;
  }
}

TEST(ReadJson, TheSignOfZeroIsLostInNumeric) {
  for (const char* body : {"-0", "[-0.0]", "{\"a\":-0e5}", "-0.000E-3"})
    EXPECT_TRUE(read_json(body).negative_zero) << body;
  for (const char* body : {"0", "-1", "-0.1", "[0.0,-10]", "-1e-5", "\"-0\""})
    EXPECT_FALSE(read_json(body).negative_zero) << body;
}

TEST(ReadJson, LongerTextsThanJsonbTakesAreNotRead) {
  const std::string body = "\"" + std::string(kJsonBytesMax, 'x') + "\"";
  EXPECT_EQ(read_json(body).refusal, "too_large");
  EXPECT_EQ(at(body, ""), "nothing");
}

TEST(JsonCharacters, WhatPostgresCannotHoldIsReplacedOrKept) {
  const auto both = [](std::string_view raw) {
    const JsonValue value{JsonKind::kString, raw};
    return std::pair(value.characters(Unfit::kReplace), value.characters(Unfit::kKeep));
  };
  using namespace std::string_literals;
  EXPECT_EQ(both(R"("x\u0000y")"), std::pair("x\xef\xbf\xbdy"s, "x\0y"s));
  EXPECT_EQ(both(R"("\ud800")"), std::pair("\xef\xbf\xbd"s, "\xed\xa0\x80"s));
  EXPECT_EQ(both(R"("\udc00\ud800\u0041")"),
            std::pair("\xef\xbf\xbd\xef\xbf\xbd\x41"s, "\xed\xb0\x80\xed\xa0\x80\x41"s));
  EXPECT_EQ(both(R"("\ud83d\ude80 \b\f\n\r\t\/\\\" \u00E9\u20ac")"),
            std::pair("\xf0\x9f\x9a\x80 \b\f\n\r\t/\\\" \xc3\xa9\xe2\x82\xac"s,
                      "\xf0\x9f\x9a\x80 \b\f\n\r\t/\\\" \xc3\xa9\xe2\x82\xac"s));
  EXPECT_EQ(with_unfit_replaced(R"(["\\u0000\u0000\ud83d\ude80\ud83d",1])"),
            R"(["\\u0000\ufffd\ud83d\ude80\ufffd",1])");
}

TEST(EachElement, GivesTheElementsOfAnArray) {
  const auto elements = [](std::string_view raw) {
    std::string all;
    each_element({JsonKind::kArray, raw}, [&](const JsonValue& element) {
      all += std::string(element.raw) + "|";
      return all.size() < 30;
    });
    return all;
  };
  EXPECT_EQ(elements("[]"), "");
  EXPECT_EQ(elements("[ ]"), "");
  EXPECT_EQ(elements(R"([ 1 , "a,]" ,[2,[3]], {"b":[4]},null])"), R"(1|"a,]"|[2,[3]]|{"b":[4]}|null|)");
  EXPECT_EQ(elements("[1111111111,2222222222,3333333333,4]"), "1111111111|2222222222|3333333333|");
}

}  // namespace
}  // namespace hookspool::net

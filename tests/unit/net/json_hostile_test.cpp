// Bodies made to cost: large ones, with members, keys or levels without end. A reader that were
// quadratic in any of them would take hours and end at the test's time limit.
#include <gtest/gtest.h>

#include <string>

#include "net/json/json.h"

namespace hookspool::net {
namespace {

constexpr std::size_t kBytes = 8u << 20;

std::string object_of(const auto& member) {
  std::string body = "{";
  body.reserve(kBytes + 100);
  for (std::size_t i = 0; body.size() < kBytes; ++i) body += (i > 0 ? "," : "") + member(i);
  return body + "}";
}

std::string number_of_eight(std::size_t i) {
  const std::string digits = std::to_string(i);
  return std::string(8 - digits.size(), '0') + digits;
}

// Alike in their length and in most of their bytes.
std::string alike(std::size_t i) {
  return "\"begins--" + number_of_eight(i) + "--middle--" + number_of_eight(i) + "----ends\":0";
}

TEST(HostileJson, MembersWithoutEnd) {
  const auto distinct = object_of([](std::size_t i) { return "\"" + std::to_string(i) + "\":0"; });
  EXPECT_FALSE(read_json(distinct).duplicate_key);
  EXPECT_TRUE(read_json(object_of([](std::size_t) { return std::string("\"\":0"); })).duplicate_key);
  EXPECT_TRUE(read_json(object_of([](std::size_t) { return std::string("\"\\u0061\":0"); })).duplicate_key);
  EXPECT_EQ(find_json(distinct, *JsonPointer::parse("/10000"))->raw, "0");
}

TEST(HostileJson, KeysThatAreNearlyAlike) {
  std::string body = object_of(alike);
  EXPECT_FALSE(read_json(body).duplicate_key);
  body.back() = ',';
  body += alike(7) + "}";
  EXPECT_TRUE(read_json(body).duplicate_key);
}

TEST(HostileJson, ManyObjectsOnManyLevels) {
  // 500 levels, and on each of them as many members before the next one begins as there is room for.
  std::string body;
  while (body.size() < kBytes) {
    body += body.empty() ? "[" : ",";
    for (int level = 0; level < 500; ++level) {
      body += "{";
      for (int member = 0; member < 60; ++member) body += "\"" + std::to_string(member) + "\":0,";
      body += "\"next\":";
    }
    body += "0" + std::string(500, '}');
  }
  body += "]";
  const JsonReading reading = read_json(body);
  EXPECT_TRUE(reading.fits_jsonb());
  EXPECT_FALSE(reading.duplicate_key);
  EXPECT_EQ(find_json(body, *JsonPointer::parse("/1/next/next/7"))->raw, "0");
}

TEST(HostileJson, ValuesAndPointersWithoutEnd) {
  std::vector<JsonPointer> pointers;
  for (int i = 0; i < 200; ++i) pointers.push_back(*JsonPointer::parse("/a/" + std::to_string(i)));
  std::string body = "{\"a\":[";
  while (body.size() < kBytes) body += "[],";
  body += "[]]}";
  const auto found = find_json(body, pointers);
  for (const auto& each : found) EXPECT_EQ(each.value().raw, "[]");
}

TEST(HostileJson, OpenBracketsAndEscapesWithoutEnd) {
  EXPECT_EQ(read_json(std::string(kBytes, '[')).refusal, "too_deep");
  std::string body = "\"";
  while (body.size() < kBytes) body += "\\u0000\\ud800";
  body += "\"";
  const JsonReading reading = read_json(body);
  EXPECT_TRUE(reading.nul && reading.surrogate && reading.fits_jsonb());
  const std::string replaced = with_unfit_replaced(body);
  EXPECT_EQ(replaced.size(), body.size());
  EXPECT_EQ(replaced.find("\\u0000"), std::string::npos);
  EXPECT_EQ(find_json(body, JsonPointer({}))->characters().size(), (body.size() - 2) / 2);
}

}  // namespace
}  // namespace hookspool::net

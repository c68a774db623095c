// A line of the log as text and as JSON.
#include "agent/base/log_line.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace hookspool::agent {
namespace {

TEST(LogLine, TextHasTheKeysAtItsEnd) {
  EXPECT_EQ(text_line("stopping", {}), "stopping");
  EXPECT_EQ(text_line("source a: refused", {{"request_id", "00ff"}}), "source a: refused request_id=00ff");
  EXPECT_EQ(text_line("x", {{"a", "two words"}, {"b", "\"q\""}, {"c", ""}}),
            "x a=\"two words\" b=\"\\\"q\\\"\" c=\"\"");
}

TEST(LogLine, JsonIsOneObjectWhateverTheTextIs) {
  const std::string line =
      json_line("2026-11-28T04:00:00.000001Z", "warning", printable("a \"b\" \\ \n\x01 é"), {{"k", "\\"}});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json.at("time"), "2026-11-28T04:00:00.000001Z");
  EXPECT_EQ(json.at("level"), "warning");
  EXPECT_EQ(json.at("message"), printable("a \"b\" \\ \n\x01 é"));
  EXPECT_EQ(json.at("k"), "\\");
}

TEST(LogLine, ASourceOrALaneIsAKey) {
  const auto of = [](std::string_view text) {
    return nlohmann::json::parse(json_line("t", "info", text, {}));
  };
  EXPECT_EQ(of("source shop: refused a webhook").at("source"), "shop");
  EXPECT_EQ(of("lane a.b-c_1: held").at("lane"), "a.b-c_1");
  EXPECT_FALSE(of("source of all evil").contains("source"));
  EXPECT_FALSE(of("sources: none is left").contains("source"));
  EXPECT_FALSE(of("source shop").contains("source")) << "the whole line is no subject";
  EXPECT_EQ(nlohmann::json::parse(json_line("t", "info", "lane a: x", {{"lane", "b"}})).at("lane"), "b");
}

}  // namespace
}  // namespace hookspool::agent

// What comes of a body in a row: of the events table, and of a table of the user's own.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/pg/tables/mapping.h"
#include "net/pg/tables/payload.h"
#include "tests/unit/net/hostile_json.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

const std::string kMark = "\xef\xbb\xbf";

class PgBodyTest : public PgTest {
 protected:
  PgBodyTest() {
    make_schema();
    connection_ = connect();
  }
  // The row of one event: payload|payload_issue|body as text.
  std::string row(const std::string& body) {
    Lane lane;
    lane.add(body);
    const auto sent = deliver(*connection_, options(), lane, 1);
    if (!sent) return "ERROR " + sent.error().text;
    return value(*connection_,
                 "SELECT concat_ws('|', coalesce(payload::text, 'NULL'), coalesce(payload_issue, 'NULL'), "
                 "coalesce(encode(body, 'escape'), 'NULL')) FROM " +
                     table("events") + " WHERE id = '" + lane.last().id.to_string() + "'");
  }

  std::unique_ptr<Connection> connection_;
};

TEST_F(PgBodyTest, WhatJsonbDoesNotShowIsSaidAndKept) {
  EXPECT_EQ(row(R"({"a":1,"b":[1.50,"x"]})"), R"({"a": 1, "b": [1.50, "x"]}|NULL|NULL)");
  EXPECT_EQ(row(R"({"level":"WARNING","level":"Warning"})"),
            R"({"level": "Warning"}|duplicate_key|{"level":"WARNING","level":"Warning"})");
  EXPECT_EQ(row(R"({"o":[{"a":1,"b":2,"\u0061":3}]})"),
            R"({"o": [{"a": 3, "b": 2}]}|duplicate_key|{"o":[{"a":1,"b":2,"\\u0061":3}]})");
  EXPECT_EQ(row(kMark + R"({"a":1})"), R"({"a": 1}|bom|\357\273\277{"a":1})");
  EXPECT_EQ(row(R"({"at":-0.0})"), R"({"at": 0.0}|negative_zero|{"at":-0.0})");
  EXPECT_EQ(row(kMark + R"({"a":1,"a":-0,"b":"\u0000\ud800"})"),
            "{\"a\": 0, \"b\": \"\xef\xbf\xbd\xef\xbf\xbd\"}|bom,duplicate_key,negative_zero,nul,surrogate|"
            R"(\357\273\277{"a":1,"a":-0,"b":"\\u0000\\ud800"})");
}

TEST_F(PgBodyTest, WithoutAPayloadThereIsOneReason) {
  EXPECT_EQ(row(kMark + "{\"a\":1"), "NULL|not_json|\\357\\273\\277{\"a\":1");
  EXPECT_EQ(row("{\"a\":1,\"a\":\"\xff\"}"), "NULL|utf8|{\"a\":1,\"a\":\"\\377\"}");
  EXPECT_EQ(row(R"({"a":1,"a":1e999999})"), R"(NULL|number|{"a":1,"a":1e999999})");
  EXPECT_EQ(row(std::string("\xff\xfe{\0}\0", 6)), R"(NULL|not_json|\377\376{\000}\000)");
}

TEST_F(PgBodyTest, AnOwnTableReadsTheSame) {
  TableMapping mapping;
  mapping.schema = schema_;
  mapping.table = "mine";
  for (const auto& [column, spec] : std::vector<std::pair<std::string, std::string>>{
           {"id", "/id"}, {"inner_id", "/o/id"}, {"big", "/big"}, {"whole", "@payload"}}) {
    mapping.columns.push_back({column, parse_column_source(spec).value()});
  }
  ASSERT_TRUE(connection_->query(
      "CREATE TABLE " + table("mine") + " (id text, inner_id text, big text, whole jsonb)", soon()));
  auto tables = std::make_shared<LaneTables>();
  tables->by_lane.emplace("github", mapping);
  auto mapped = options();
  mapped.tables = std::move(tables);
  Lane lane;
  lane.add(kMark + R"({"id":"bom"})");
  lane.add(R"({"id":"first","o":{"id":1},"i\u0064":"last","o":{"id":2}})");
  lane.add(R"({"id":"gone","o":{"id":1},"o":{}})");
  lane.add(R"({"id":"number","big":1e999999})");  // JSON, and no jsonb
  lane.add(R"({"id":"cut")");
  const auto sent = deliver(*connection_, mapped, lane, 10);
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(
      value(
          *connection_,
          "SELECT string_agg(concat_ws(',', coalesce(id, '-'), coalesce(inner_id, '-'), coalesce(big, '-'), "
          "coalesce(whole::text, '-')), '|') FROM " +
              table("mine")),
      R"(bom,-,-,{"id": "bom"}|last,2,-,{"o": {"id": 2}, "id": "last"}|gone,-,-,{"o": {}, "id": "gone"}|)"
      "number,-,1e999999,-|-,-,-,-");
}

TEST_F(PgBodyTest, AHeaderThatLooksLikeAListStaysAText) {
  TableMapping mapping;
  mapping.schema = schema_;
  mapping.table = "mine";
  for (const char* column : {"tags", "several", "short"})
    mapping.columns.push_back({column, parse_column_source("header:" + std::string(column)).value()});
  ASSERT_TRUE(
      connection_->query("CREATE TABLE " + table("mine") + " (tags text, several text, short text)", soon()));
  auto tables = std::make_shared<LaneTables>();
  tables->by_lane.emplace("github", mapping);
  auto mapped = options();
  mapped.tables = std::move(tables);
  Lane lane;
  lane.add("{}");
  auto event = std::make_shared<StoredEvent>(*lane.events.back());
  event->event.headers = R"({"tags":"[\"a\", 1]","several":["a","b, c"],"short":"x"})";
  lane.events.back() = event;
  const auto sent = deliver(*connection_, mapped, lane, 1);
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(value(*connection_, "SELECT concat_ws('|', tags, several, short) FROM " + table("mine")),
            R"(["a", 1]|a, b, c|x)");
}

// The same hostile bodies into the events table and into one of the user's own: what a column holds is what the payload has.
TEST_F(PgBodyTest, AnOwnTableHasWhatThePayloadHas) {
  testing::HostileJson hostile(11);
  Lane plain("plain");
  Lane own("own");
  while (plain.events.size() < 400) {
    const std::string body = hostile.body();
    if (!to_payload(body).is_json) continue;
    plain.add(body);
    own.add(body);
  }
  TableMapping mapping;
  mapping.schema = schema_;
  mapping.table = "mine";
  for (const auto& [column, spec] : std::vector<std::pair<std::string, std::string>>{{"n", "@seq"},
                                                                                     {"whole", "@payload"},
                                                                                     {"a", "/a"},
                                                                                     {"a_json", "/a"},
                                                                                     {"ab", "/a/b"},
                                                                                     {"one", "/1"}}) {
    mapping.columns.push_back({column, parse_column_source(spec).value()});
  }
  ASSERT_TRUE(connection_->query(
      "CREATE TABLE " + table("mine") + " (n bigint, whole jsonb, a text, a_json jsonb, ab jsonb, one jsonb)",
      soon()));
  auto tables = std::make_shared<LaneTables>();
  tables->by_lane.emplace("own", mapping);
  auto mapped = options();
  mapped.tables = std::move(tables);
  for (const Lane* lane : {&plain, &own}) {
    const auto sent = deliver(*connection_, mapped, *lane, 1'000);
    ASSERT_TRUE(sent) << sent.error().text;
  }
  // JSON's null is a column's NULL.
  const std::string same =
      "whole IS NOT DISTINCT FROM nullif(payload, 'null') AND a_json IS NOT DISTINCT FROM nullif(payload #> "
      "'{a}', 'null') "
      "AND ab IS NOT DISTINCT FROM nullif(payload #> '{a,b}', 'null') AND one IS NOT DISTINCT FROM "
      "nullif(payload #> '{1}', "
      "'null') AND CASE WHEN jsonb_typeof(payload #> '{a}') = 'string' THEN a = payload #>> '{a}' ELSE "
      "a::jsonb IS NOT "
      "DISTINCT FROM nullif(payload #> '{a}', 'null') END";
  EXPECT_EQ(value(*connection_, "SELECT string_agg(payload::text || ' <> ' || mine::text, E'\n') FROM " +
                                    table("mine") + " mine JOIN " + table("events") +
                                    " ON seq = n WHERE NOT (" + same + ")"),
            "NULL");
  EXPECT_EQ(value(*connection_, "SELECT count(*) FROM " + table("mine")), "400");
  EXPECT_NE(value(*connection_, "SELECT count(ab) FROM " + table("mine")), "0");
}

}  // namespace
}  // namespace hookspool::net

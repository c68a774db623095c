// One webhook, many rows: for_each, several tables of one lane, and the events table beside them.
#include <array>

#include "net/pg/tables/mapping.h"
#include "net/pg/tables/mapping_advice.h"
#include "net/pg/tables/target_check.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

using Columns = std::vector<std::pair<std::string, std::string>>;

class ItemsTest : public PgTest {
 protected:
  ItemsTest() {
    make_schema();
    connection_ = connect();
    messages_ = mapping("mine", "/entry/*/messaging/*",
                        {{"event_id", "@id"},
                         {"item", "@item"},
                         {"page", "../id"},
                         {"who", "./sender/id"},
                         {"sent_at", "./timestamp | unix_ms"},
                         {"object", "/object"}});
  }
  TableMapping mapping(const std::string& name, const std::string& for_each, const Columns& columns) const {
    TableMapping made;
    made.schema = schema_;
    made.table = name;
    if (!for_each.empty()) made.for_each = ItemPath::parse(for_each).value();
    for (const auto& [column, spec] : columns)
      made.columns.push_back({column, parse_column_source(spec).value()});
    return made;
  }
  void create(const std::string& name, const std::string& columns) {
    const auto made = connection_->query("CREATE TABLE " + table(name) + " (" + columns + ")", soon());
    ASSERT_TRUE(made) << made.error().text;
  }
  void create_messages() {
    create("mine",
           "event_id uuid, item int, page text, who text NOT NULL, sent_at timestamptz, object text,"
           " PRIMARY KEY (event_id, item)");
  }
  PgOptions mapped(LaneMapping lane) const {
    PgOptions with = options();
    auto tables = std::make_shared<LaneTables>();
    tables->by_lane.emplace("github", std::move(lane));
    with.tables = std::move(tables);
    return with;
  }
  PgResult<Position> send(const LaneMapping& lane) {
    return deliver(*connection_, mapped(lane), lane_, 1000);
  }
  std::string all(const std::string& name, const std::string& expression, const std::string& order) {
    return value(*connection_,
                 "SELECT string_agg(" + expression + ", ' ' ORDER BY " + order + ") FROM " + table(name));
  }
  std::string rows(const std::string& name) {
    return value(*connection_, "SELECT count(*) FROM " + table(name));
  }
  std::string report() {
    const auto found = look_at_target(*connection_, mapped(messages_), messages_);
    if (!found) return "ERROR " + found.error().text;
    std::string all;
    for (const auto* list : {&found->refused, &found->faults, &found->warnings}) {
      for (const auto& each : *list) all += each + "\n";
    }
    return all;
  }

  std::unique_ptr<Connection> connection_;
  TableMapping messages_;
  Lane lane_;
};

constexpr const char* kBatch =
    R"({"object":"page","entry":[
      {"id":"p1","messaging":[{"sender":{"id":"a"},"timestamp":1700000000001},{"sender":{"id":"b"}}]},
      {"id":"p2","messaging":[]},
      {"id":"p3","messaging":[{"sender":{"id":"c"},"timestamp":1700000000003}]}]})";

TEST_F(ItemsTest, EachElementIsARowThatSeesWhatIsAroundIt) {
  create_messages();
  EXPECT_EQ(report(), "");
  lane_.add(kBatch);
  lane_.add(R"({"object":"page","entry":[{"id":"p4","messaging":[{"sender":{"id":"d"}}]}]})");
  const auto sent = send(messages_);
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(all("mine", "concat_ws(',', item, page, who, object, extract(epoch FROM sent_at)::numeric)",
                "event_id, item"),
            "0,p1,a,page,1700000000.001000 1,p1,b,page 2,p3,c,page,1700000000.003000 0,p4,d,page");
}

TEST_F(ItemsTest, ScalarsAreElementsAndTheBodyMayBeTheList) {
  create("mine", "item int, v text, raw jsonb");
  lane_.add(R"([1, "two", {"three": 3}, null, [4]])");
  const auto sent = send(mapping("mine", "/*", {{"item", "@item"}, {"v", "."}, {"raw", "."}}));
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(all("mine", "item || '=' || coalesce(v, '-') || '/' || coalesce(raw::text, '-')", "item"),
            R"(0=1/1 1=two/"two" 2={"three": 3}/{"three": 3} 3=-/- 4=[4]/[4])");
}

TEST_F(ItemsTest, NothingToDoMovesTheWatermarkAndIsCounted) {
  create_messages();
  lane_.add(R"({"entry":[]})");
  lane_.add(R"({"other":1})");
  lane_.add("no json");
  lane_.add(R"({"entry":[{"id":"p1"},{"id":"p2","messaging":[{"sender":{"id":"a"}}]}]})");
  lane_.add(R"({"entry":{"messaging":[{"sender":{"id":"x"}}]}})");
  auto transaction = DeliveryTransaction::begin(*connection_, mapped(messages_), lane_.key(), true);
  ASSERT_TRUE(transaction);
  const auto copied = transaction->copy(lane_.events);
  ASSERT_TRUE(copied) << copied.error().text;
  EXPECT_EQ(transaction->counts(), (RowCounts{4, 4}));
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(all("mine", "who", "item"), "a");
  EXPECT_EQ(value(*connection_, "SELECT seq FROM " + table("watermarks")), "5");
}

TEST_F(ItemsTest, WhatIsMissingIsTheEventsFaultWhereThatIsAsked) {
  create_messages();
  messages_.missing_is_refused = true;
  lane_.add(R"({"entry":[]})");
  lane_.add(R"({"entry":[{"messaging":[{"sender":{"id":"a"}}]},{"id":"p2"}]})");
  ASSERT_TRUE(deliver(*connection_, mapped(messages_), lane_, 1)) << "an empty list is none that is missing";
  const auto sent = send(messages_);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().error_class, ErrorClass::kEvent);
  EXPECT_NE(sent.error().text.find("/entry/1/messaging: for_each"), std::string::npos) << sent.error().text;
  EXPECT_EQ(rows("mine"), "0");
}

TEST_F(ItemsTest, MoreElementsThanMayBeAreTheEventsFault) {
  create("mine", "v int");
  auto numbers = mapping("mine", "/a/*/b/*", {{"v", "."}});
  numbers.items_max = 3;
  lane_.add(R"({"a":[{"b":[1,2]},{"b":[3]}]})");
  ASSERT_TRUE(send(numbers));
  EXPECT_EQ(rows("mine"), "3");
  for (const char* many : {R"({"a":[{"b":[1,2]},{"b":[3,4]}]})", R"({"a":[1,2,3,4]})"}) {
    lane_.add(many);
    const auto sent = send(numbers);
    ASSERT_FALSE(sent) << many;
    EXPECT_EQ(sent.error().error_class, ErrorClass::kEvent);
    EXPECT_NE(sent.error().text.find("more than max_items (3)"), std::string::npos) << sent.error().text;
    lane_.events.pop_back();
  }
  EXPECT_EQ(rows("mine"), "3");
}

TEST_F(ItemsTest, ARefusedElementIsNamedWithItsColumn) {
  create("mine", "n int CHECK (n < 100), short varchar(3), cut name, CONSTRAINT once UNIQUE (n)");
  auto table = mapping("mine", "/e/*/m/*", {{"n", "./n"}, {"short", "./s"}, {"cut", "./c"}});
  const std::string good = R"({"n":1},{"n":2},{"n":3})";
  const std::array<std::array<std::string, 3>, 5> cases{{
      {R"({"n":"x"})", "/e/1/m/1, column n: ", "22P02"},
      {R"({"s":"long"})", "/e/1/m/1, column short: ", "22001"},
      {R"({"n":100})", "/e/1/m/1: ", "23514"},
      {R"({"n":2})", "/e/1/m/1: ", "23505"},
      {R"({"c":")" + std::string(64, 'x') + "\"}", "/e/1/m/1, column cut: ", "22001"},
  }};
  for (const auto& [bad, place, sqlstate] : cases) {
    lane_.add(R"({"e":[{"m":[)" + good + R"(]},{"m":[{"n":4},)" + bad + R"(,{"n":5}]}]})");
    const auto sent = send(table);
    ASSERT_FALSE(sent) << bad;
    EXPECT_EQ(sent.error().error_class, ErrorClass::kEvent);
    EXPECT_EQ(sent.error().sqlstate, sqlstate);
    EXPECT_TRUE(sent.error().text.starts_with("inserting rows: " + place)) << sent.error().text;
    lane_.events.pop_back();
  }
  EXPECT_EQ(rows("mine"), "0");
  lane_.add(R"({"e":[{"m":[)" + good + R"(]}]})");
  ASSERT_TRUE(send(table)) << "the same connection goes on";
  EXPECT_EQ(rows("mine"), "3");
}

TEST_F(ItemsTest, OneKeyTwiceInOneWebhook) {
  create("mine", "k text PRIMARY KEY, v text");
  auto table = mapping("mine", "/*", {{"k", "./k"}, {"v", "./v"}});
  lane_.add(R"([{"k":"a","v":"1"},{"k":"b","v":"2"},{"k":"a","v":"3"}])");
  const auto refused = send(table);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sqlstate, "23505");
  EXPECT_EQ(refused.error().error_class, ErrorClass::kEvent);
  table.on_conflict = OnConflict::kIgnore;
  ASSERT_TRUE(send(table));
  EXPECT_EQ(all("mine", "k || v", "k"), "a1 b2");
  table.on_conflict = OnConflict::kUpdate;
  table.conflict_keys = {"k"};
  lane_.add(R"([{"k":"a","v":"4"},{"k":"b","v":"5"},{"k":"a","v":"6"},{"k":"c","v":"7"}])");
  const auto updated = send(table);
  ASSERT_TRUE(updated) << updated.error().text;
  EXPECT_EQ(all("mine", "k || v", "k"), "a6 b5 c7");
}

// Each statement takes some 256 KiB, so these rows are many statements, and one of the last is refused.
TEST_F(ItemsTest, ManyLargeElementsAreAllOrNone) {
  create("mine", "event_id uuid, item int, n int, filler text, PRIMARY KEY (event_id, item)");
  const auto table =
      mapping("mine", "/*", {{"event_id", "@id"}, {"item", "@item"}, {"n", "./n"}, {"filler", "./f"}});
  const auto body = [](const std::string& last) {
    std::string list = "[";
    for (int i = 0; i < 1000; ++i)
      list +=
          "{\"n\":" + (i == 999 ? last : std::to_string(i)) + ",\"f\":\"" + std::string(2000, 'x') + "\"},";
    list.back() = ']';
    return list;
  };
  lane_.add(body("\"bad\""));
  const auto refused = send(table);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().text.starts_with("inserting rows: /999, column n: ")) << refused.error().text;
  EXPECT_EQ(rows("mine"), "0");
  lane_.events.pop_back();
  lane_.add(body("999"));
  const auto sent = send(table);
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(value(*connection_, "SELECT count(*) || ' ' || sum(n) FROM " + this->table("mine")),
            "1000 499500");
}

TEST_F(ItemsTest, WhatIsPartlyThereIsCompleted) {
  create_messages();
  lane_.add(kBatch);
  lane_.add(kBatch);
  lane_.add(R"({"entry":[]})");
  ASSERT_TRUE(send(messages_));
  EXPECT_EQ(rows("mine"), "6");
  ASSERT_TRUE(connection_->query("DELETE FROM " + table("mine") + " WHERE item = 1", soon()));
  ASSERT_TRUE(connection_->query(
      "DELETE FROM " + table("mine") + " WHERE event_id = '" + lane_.events[1]->id.to_string() + "'",
      soon()));
  auto transaction = DeliveryTransaction::begin(*connection_, mapped(messages_), lane_.key(), true);
  ASSERT_TRUE(transaction);
  EXPECT_TRUE(transaction->comparable());
  const auto put = transaction->reconcile(lane_.events, UINT64_MAX);
  ASSERT_TRUE(put) << put.error().text;
  EXPECT_EQ(*put, 2u) << "events, not rows";
  const auto again = transaction->reconcile(lane_.events, UINT64_MAX);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, 0u);
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(all("mine", "item || who", "event_id, item"), "0a 1b 2c 0a 1b 2c");
}

TEST_F(ItemsTest, WithoutTheElementsNumberNothingIsCompared) {
  create("mine", "event_id uuid, who text");
  const auto table = mapping("mine", "/*", {{"event_id", "@id"}, {"who", "."}});
  lane_.add("[1,2]");
  auto transaction = DeliveryTransaction::begin(*connection_, mapped(table), lane_.key(), true);
  ASSERT_TRUE(transaction);
  EXPECT_FALSE(transaction->comparable());
  const auto refused = transaction->reconcile(lane_.events, UINT64_MAX);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().hint.find("item = \"@item\""), std::string::npos) << refused.error().hint;
}

TEST_F(ItemsTest, SeveralTablesAndTheRawWebhookAllOrNone) {
  create("messages", "event_id uuid, item int, body text NOT NULL, PRIMARY KEY (event_id, item)");
  create("statuses", "event_id uuid, item int, status int, PRIMARY KEY (event_id, item)");
  LaneMapping lane(mapping("messages", "/entry/*/messages/*",
                           {{"event_id", "@id"}, {"item", "@item"}, {"body", "./text"}}));
  lane.tables.push_back(mapping("statuses", "/entry/*/statuses/*",
                                {{"event_id", "@id"}, {"item", "@item"}, {"status", "./s"}}));
  lane.also_events = true;
  lane_.add(R"({"entry":[{"messages":[{"text":"a"},{"text":"b"}],"statuses":[{"s":1}]}]})");
  lane_.add(R"({"entry":[{"statuses":[{"s":2},{"s":3}]}]})");
  auto sent = send(lane);
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(all("messages", "body", "item"), "a b");
  EXPECT_EQ(all("statuses", "status::text", "status"), "1 2 3");
  EXPECT_EQ(rows("events"), "2");
  lane_.add(R"({"entry":[{"messages":[{"text":"c"}],"statuses":[{"s":4},{"s":"x"}]}]})");
  sent = send(lane);
  ASSERT_FALSE(sent);
  EXPECT_TRUE(sent.error().text.starts_with("inserting rows: /entry/0/statuses/1, column status: "))
      << sent.error().text;
  EXPECT_EQ(rows("messages") + rows("statuses") + rows("events"), "232");
  lane_.events.pop_back();

  for (const char* name : {"messages", "events"}) {
    ASSERT_TRUE(connection_->query("DELETE FROM " + table(name), soon()));
  }
  auto transaction = DeliveryTransaction::begin(*connection_, mapped(lane), lane_.key(), true);
  ASSERT_TRUE(transaction);
  const auto put = transaction->reconcile(lane_.events, UINT64_MAX);
  ASSERT_TRUE(put) << put.error().text;
  EXPECT_EQ(*put, 2u);
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(rows("messages") + rows("statuses") + rows("events"), "232");
}

TEST_F(ItemsTest, WhereDecidesAboutEachRow) {
  create_messages();
  messages_.where =
      Condition::parse("../id != \"p3\" and ./sender/id in ['a', 'c'] or header:content-type = 'x'").value();
  lane_.add(kBatch);
  auto transaction = DeliveryTransaction::begin(*connection_, mapped(messages_), lane_.key(), true);
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(transaction->copy(lane_.events));
  EXPECT_EQ(transaction->counts().rows_filtered, 2u);
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(all("mine", "item || who", "item"), "0a") << "an element keeps its number";
  auto again = DeliveryTransaction::begin(*connection_, mapped(messages_), lane_.key(), true);
  ASSERT_TRUE(again);
  const auto put = again->reconcile(lane_.events, UINT64_MAX);
  ASSERT_TRUE(put) << put.error().text;
  EXPECT_EQ(*put, 0u);
}

TEST_F(ItemsTest, AFormIsReadAsJsonEverywhere) {
  LaneMapping lane(mapping("mine", "",
                           {{"sender", "/From"},
                            {"media", "/Media"},
                            {"user_id", "/payload/user/id"},
                            {"raw", "@payload"},
                            {"bytes", "@body"}}));
  create("mine", "sender text, media text[], user_id text, raw jsonb, bytes bytea");
  lane.also_events = true;
  const std::string body =
      "From=%2B4912&Media=a&Media=b&payload=%7B%22user%22%3A%7B%22id%22%3A%22U1%22%7D%7D";
  auto form = std::make_shared<StoredEvent>(*lane_.add(body));
  form->event.content_type = "application/x-www-form-urlencoded";
  lane_.events.back() = form;
  lane_.add(R"({"From": "json"})");
  auto broken = std::make_shared<StoredEvent>(*lane_.add("From=%ff"));
  broken->event.content_type = form->event.content_type;
  lane_.events.back() = broken;
  PgOptions with = mapped(lane);
  auto tables = std::make_shared<LaneTables>(*with.tables);
  tables->bodies.emplace("github", BodyRules{.form = FormRules{.json = {"payload"}}});
  with.tables = tables;
  const auto sent = deliver(*connection_, with, lane_, 1000);
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(
      all("mine",
          "concat_ws(',', sender, media, user_id, raw ->> 'From', convert_from(bytes, 'UTF8') LIKE 'From=%')",
          "sender NULLS LAST"),
      "+4912,{a,b},U1,+4912,t json,json,f t");
  EXPECT_EQ(value(*connection_,
                  "SELECT string_agg(concat_ws(',', payload ->> 'From', payload #>> '{payload,user,id}',"
                  " payload_issue, length(body)), ' ' ORDER BY seq) FROM " +
                      table("events")),
            "+4912,U1," + std::to_string(body.size()) + " json utf8,8");
}

TEST_F(ItemsTest, DoctorAsksForTheKey) {
  create("mine", "event_id uuid, item int, page text, who text, sent_at timestamptz, object text");
  EXPECT_NE(report().find("ADD PRIMARY KEY (\"event_id\", \"item\")"), std::string::npos) << report();
  ASSERT_TRUE(connection_->query("CREATE UNIQUE INDEX ON " + table("mine") + " (item, event_id)", soon()));
  EXPECT_EQ(report(), "");
}

TEST(MappingAdvice, FixedIndexesAndRowsWithoutAKey) {
  TableMapping mapping;
  mapping.columns = {{"user_id", parse_column_source("/entry/0/messaging/0/sender/id").value()},
                     {"text", parse_column_source("/entry/0/messaging/0/message/text").value()}};
  auto advice = advice_on(mapping);
  ASSERT_EQ(advice.size(), 1u);
  EXPECT_NE(advice[0].find("for_each = \"/entry/*/messaging/*\" and user_id = \"./sender/id\""),
            std::string::npos)
      << advice[0];
  mapping.columns = {{"a", parse_column_source("/a0/b").value()}};
  EXPECT_TRUE(advice_on(mapping).empty());
  mapping.for_each = ItemPath::parse("/a/*").value();
  advice = advice_on(mapping);
  ASSERT_EQ(advice.size(), 1u);
  EXPECT_NE(advice[0].find("PRIMARY KEY (event_id, item)"), std::string::npos) << advice[0];
  mapping.on_conflict = OnConflict::kIgnore;
  EXPECT_TRUE(advice_on(mapping).empty());
}

TEST(ItemPath, IsAPointerThatEndsInAStar) {
  for (const char* good : {"/*", "/entry/*/messaging/*", "/a/b/*", "/*/*"})
    EXPECT_TRUE(ItemPath::parse(good)) << good;
  for (const char* bad : {"", "*", "/entry", "/entry/*/x", "entry/*", "/a~/*", "/*/*/*/*/*/*/*/*/*"})
    EXPECT_FALSE(ItemPath::parse(bad)) << bad;
  const auto path = ItemPath::parse("/entry/*/messaging/*");
  const std::vector<std::size_t> indexes{1, 0};
  EXPECT_EQ(path->shown(indexes), "/entry/1/messaging/0");
  EXPECT_EQ(path->shown(std::span(indexes).first(1)), "/entry/1/messaging");
}

TEST(JsonPlace, BeginsAtTheRootAtTheElementOrAroundIt) {
  const auto up = [](const char* text) {
    const auto place = JsonPlace::parse(text);
    return place ? static_cast<int>(place->is_relative() ? place->up : 100) * 10 +
                       static_cast<int>(place->tokens.size())
                 : -1;
  };
  EXPECT_EQ(up("/a/b"), 1002);
  EXPECT_EQ(up("."), 0);
  EXPECT_EQ(up("./a"), 1);
  EXPECT_EQ(up(".."), 10);
  EXPECT_EQ(up("../a/b"), 12);
  EXPECT_EQ(up("../../a"), 21);
  for (const char* bad : {"", "a", ".a", "..a", "./a~", "...", ".../a"}) EXPECT_EQ(up(bad), -1) << bad;
}

}  // namespace
}  // namespace hookspool::net

// A table of the user's own: what fills a column, how PostgreSQL converts it, what happens to a key that is there.

#include "net/pg/tables/mapping.h"
#include "net/pg/tables/mapping_json.h"
#include "net/pg/tables/target_check.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

std::string at(const std::string& json, const std::string& pointer) {
  const auto source = parse_column_source(pointer);
  return source ? JsonText(json).at(source->place.tokens).value_or("NULL") : source.error();
}

TEST(JsonPointer, FindsWhatWasSentToTheDigit) {
  const std::string json =
      R"( {"a": [1, {"b": 12345678901234567890.10, "c/d": true, "e~f": null}], "s": "x\"\u00e9\n",
                               "o": { "k" : [ ] }, "twice": 1, "twice": 2, "": "empty", "esc\u0061ped": "found"} )";
  EXPECT_EQ(at(json, "/a/0"), "1");
  EXPECT_EQ(at(json, "/a/1/b"), "12345678901234567890.10");
  EXPECT_EQ(at(json, "/a/1/c~1d"), "true");
  EXPECT_EQ(at(json, "/a/1/e~0f"), "NULL");
  EXPECT_EQ(at(json, "/s"), "x\"\xc3\xa9\n");
  EXPECT_EQ(at(json, "/o"), "{ \"k\" : [ ] }");
  EXPECT_EQ(at(json, "/o/k"), "[ ]");
  EXPECT_EQ(at(json, "/o/k/0"), "NULL");
  EXPECT_EQ(at(json, "/twice"), "2");
  EXPECT_EQ(at(json, "/"), "empty");
  EXPECT_EQ(at(json, "/escaped"), "found");
  for (const char* nowhere : {"/a/2", "/a/-", "/a/x", "/a/0/b", "/b", "/s/0"})
    EXPECT_EQ(at(json, nowhere), "NULL") << nowhere;
}

TEST(JsonPointer, OfWhatIsNoJsonIsNothing) {
  for (const char* body : {"", "a=b&c=d", "{\"a\":1", "{\"a\":\"\xff\"}", "<a/>"})
    EXPECT_EQ(at(body, "/a"), "NULL") << body;
  EXPECT_EQ(at("{\"a\":\"x\\u0000y\\ud800\"}", "/a"), "x\xef\xbf\xbdy\xef\xbf\xbd");
}

TEST(ColumnSource, FaultsSayWhatToWrite) {
  for (const char* good :
       {"/", "/a/b", "header:X-GitHub-Event", "@id", "/t | unix_ms", "header:date | unix_s"}) {
    EXPECT_TRUE(parse_column_source(good)) << good;
  }
  for (const char* bad :
       {"", "a/b", "/a~", "/a~2", "header:", "header:a b", "@idd", "/t | unix", "@id | unix_s"}) {
    EXPECT_FALSE(parse_column_source(bad)) << bad;
  }
  EXPECT_EQ(parse_column_source("header:X-GitHub-Event")->header, "x-github-event");
}

class OwnTableTest : public PgTest {
 protected:
  OwnTableTest() {
    make_schema();
    connection_ = connect();
    mapping_.schema = schema_;
    mapping_.table = "mine";
  }
  void map(const std::string& column, const std::string& spec) {
    auto source = parse_column_source(spec);
    ASSERT_TRUE(source) << source.error();
    mapping_.columns.push_back({column, std::move(*source)});
  }
  void create(const std::string& columns) {
    ASSERT_TRUE(connection_->query("CREATE TABLE " + table("mine") + " (" + columns + ")", soon()));
  }
  PgOptions mapped() const {
    PgOptions with = options();
    auto tables = std::make_shared<LaneTables>();
    tables->by_lane.emplace("github", mapping_);
    with.tables = std::move(tables);
    return with;
  }
  PgResult<Position> send(std::size_t count = 1000) { return deliver(*connection_, mapped(), lane_, count); }
  std::string faults() {
    const auto found = look_at_target(*connection_, mapped(), mapping_);
    if (!found) return "ERROR " + found.error().text;
    std::string all;
    for (const auto& each : found->refused) all += each + "\n";
    for (const auto& each : found->faults) all += each + "\n";
    return all;
  }
  std::string all(const std::string& expression, const std::string& order = "1") {
    return value(*connection_,
                 "SELECT string_agg(" + expression + ", ' ' ORDER BY " + order + ") FROM " + table("mine"));
  }

  std::unique_ptr<Connection> connection_;
  TableMapping mapping_;
  Lane lane_;
};

TEST_F(OwnTableTest, PostgresqlConverts) {
  create(
      "who bigint, price numeric(10,2), at timestamptz, ok boolean, raw jsonb, sent timestamptz, event uuid, "
      "n bigint, "
      "body bytea, kind text, tags text[], ip inet, gone text, short varchar(3), fixed char(4)");
  for (const auto& [column, spec] :
       std::vector<std::pair<std::string, std::string>>{{"who", "/who"},
                                                        {"price", "/price"},
                                                        {"at", "/at"},
                                                        {"ok", "/ok"},
                                                        {"raw", "@payload"},
                                                        {"sent", "/ms | unix_ms"},
                                                        {"event", "@id"},
                                                        {"n", "@seq"},
                                                        {"body", "@body"},
                                                        {"kind", "header:Content-Type"},
                                                        {"tags", "/tags"},
                                                        {"ip", "@remote_addr"},
                                                        {"gone", "/not/there"},
                                                        {"short", "/short"},
                                                        {"fixed", "/fixed"}}) {
    map(column, spec);
  }
  EXPECT_EQ(faults(), "");
  lane_.add(R"({"who": "9007199254740993", "price": 12.345, "at": "2026-11-23T13:00:00+01:00", "ok": true,
               "ms": 1700000000123, "tags": "{a,b}", "short": "abc", "fixed": "ab"})");
  const auto sent = send();
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(all("concat_ws(',', who, price, at AT TIME ZONE 'UTC', ok, raw ->> 'who', sent AT TIME ZONE "
                "'UTC', n, tags[2], "
                "gone IS NULL, short, fixed, kind)"),
            "9007199254740993,12.35,2026-11-23 12:00:00,t,9007199254740993,2023-11-14 "
            "22:13:20.123,1,b,t,abc,ab  ,application/json");
  EXPECT_EQ(all("event::text"), lane_.last().id.to_string());
  EXPECT_EQ(value(*connection_, "SELECT count(*) FROM " + table("events")), "0");
}

TEST_F(OwnTableTest, AValueThatDoesNotFitIsTheEventsFaultAndNothingIsCut) {
  create("short varchar(3)");
  map("short", "/short");
  lane_.add(R"({"short": "four"})");
  const auto sent = send();
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().sqlstate, "22001");
  EXPECT_EQ(sent.error().error_class, ErrorClass::kEvent);
  EXPECT_EQ(value(*connection_, "SELECT count(*) FROM " + table("mine")), "0");
}

TEST_F(OwnTableTest, AKeyThatIsThereIsTheEventsFaultByDefault) {
  create("k text PRIMARY KEY");
  map("k", "/k");
  lane_.add(R"({"k": "a"})");
  ASSERT_TRUE(send());
  lane_.add(R"({"k": "a"})");
  const auto sent = send();
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().sqlstate, "23505");
  EXPECT_EQ(sent.error().error_class, ErrorClass::kEvent);
}

TEST_F(OwnTableTest, UpdateTakesTheLastOfABatch) {
  create("k text, part int, v text, UNIQUE (k, part)");
  map("k", "/k");
  map("part", "/part");
  map("v", "/v");
  mapping_.on_conflict = OnConflict::kUpdate;
  mapping_.conflict_keys = {"part", "k"};
  EXPECT_EQ(faults(), "");
  for (int i = 1; i <= 9; ++i) {
    lane_.add("{\"k\": \"" + std::string(i % 2 == 0 ? "even" : "odd") + "\", \"part\": 1, \"v\": \"" +
              std::to_string(i) + "\"}");
  }
  // A key with a NULL equals no other.
  lane_.add(R"({"part": 1, "v": "n1"})");
  lane_.add(R"({"part": 1, "v": "n2"})");
  auto sent = send();
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(all("coalesce(k, '-') || '=' || v", "v"), "even=8 odd=9 -=n1 -=n2");
  lane_.add(R"({"k": "even", "part": 1, "v": "10"})");
  sent = send();
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(all("coalesce(k, '-') || '=' || v", "v"), "even=10 odd=9 -=n1 -=n2");
}

TEST_F(OwnTableTest, KeysThatOnlyTheColumnsTypeMakesOneAreOne) {
  create("k numeric(5, 0) PRIMARY KEY, v text");
  map("k", "/k");
  map("v", "/v");
  mapping_.on_conflict = OnConflict::kUpdate;
  mapping_.conflict_keys = {"k"};
  lane_.add(R"({"k": 1.1, "v": "first"})");
  lane_.add(R"({"k": 1.2, "v": "second"})");
  const auto sent = send();
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(all("k || '=' || v"), "1=second");
}

TEST_F(OwnTableTest, KeysThatATriggerMakesOneAreSeparatedByIsolation) {
  create("k text PRIMARY KEY, v text");
  ASSERT_TRUE(connection_->query(
      "CREATE FUNCTION " + table("low") +
          "() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.k = lower(NEW.k); RETURN NEW; END';"
          "CREATE TRIGGER t BEFORE INSERT ON " +
          table("mine") + " FOR EACH ROW EXECUTE FUNCTION " + table("low") + "()",
      soon()));
  map("k", "/k");
  map("v", "/v");
  mapping_.on_conflict = OnConflict::kUpdate;
  mapping_.conflict_keys = {"k"};
  lane_.add(R"({"k": "A", "v": "first"})");
  lane_.add(R"({"k": "a", "v": "second"})");
  const auto together = send();
  ASSERT_FALSE(together);
  EXPECT_EQ(together.error().error_class, ErrorClass::kEvent) << "so that the batch is halved, which helps";
  ASSERT_TRUE(send(1));
  ASSERT_TRUE(send(1));
  EXPECT_EQ(all("k || '=' || v"), "a=second");
}

TEST_F(OwnTableTest, IgnoreKeepsTheFirst) {
  create("k text PRIMARY KEY, v text");
  map("k", "/k");
  map("v", "/v");
  mapping_.on_conflict = OnConflict::kIgnore;
  for (const char* v : {"1", "2", "3"}) lane_.add(std::string(R"({"k": "a", "v": ")") + v + "\"}");
  const auto sent = send();
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(all("k || '=' || v"), "a=1");
}

TEST_F(OwnTableTest, WhatDoesNotFitIsNamedAllAtOnce) {
  create(
      "a text, need text NOT NULL, made int GENERATED ALWAYS AS (1) STORED, has_default text NOT NULL "
      "DEFAULT 'x'");
  map("a", "/a");
  map("messge", "/m");
  map("made", "/made");
  const std::string found = faults();
  EXPECT_NE(found.find("there is no column messge; it has a, need, made, has_default"), std::string::npos)
      << found;
  EXPECT_NE(found.find("column made is generated"), std::string::npos) << found;
  EXPECT_NE(found.find("column need is NOT NULL"), std::string::npos) << found;
  EXPECT_EQ(found.find("has_default is NOT NULL"), std::string::npos) << found;
  mapping_.table = "absent";
  EXPECT_NE(faults().find("no such table"), std::string::npos);
}

TEST_F(OwnTableTest, KeysNeedAUniqueIndexOnExactlyThem) {
  create("k text, v text, w text");
  map("k", "/k");
  map("v", "/v");
  mapping_.on_conflict = OnConflict::kUpdate;
  mapping_.conflict_keys = {"k"};
  EXPECT_NE(faults().find("CREATE UNIQUE INDEX"), std::string::npos);
  ASSERT_TRUE(connection_->query("CREATE UNIQUE INDEX ON " + table("mine") + " (k, v)", soon()));
  EXPECT_NE(faults().find("CREATE UNIQUE INDEX"), std::string::npos) << "(k, v) does not do for (k)";
  ASSERT_TRUE(connection_->query("CREATE UNIQUE INDEX ON " + table("mine") + " (k) INCLUDE (w)", soon()));
  EXPECT_EQ(faults(), "");
}

TEST_F(OwnTableTest, RightsAreNamed) {
  create("k text PRIMARY KEY, v text");
  map("k", "/k");
  map("v", "/v");
  mapping_.on_conflict = OnConflict::kUpdate;
  mapping_.conflict_keys = {"k"};
  cluster().query("ALTER TABLE " + table("mine") + " OWNER TO postgres");
  std::string found = faults();
  for (const char* right : {"GRANT INSERT", "GRANT UPDATE", "GRANT SELECT"}) {
    EXPECT_NE(found.find(right), std::string::npos) << right << "\n" << found;
  }
  cluster().query("GRANT INSERT (k, v), UPDATE (v), SELECT (k, v) ON " + table("mine") + " TO hookspool");
  EXPECT_EQ(faults(), "") << "rights on the columns do";
  lane_.add(R"({"k": "a", "v": "1"})");
  const auto sent = send();
  ASSERT_TRUE(sent) << sent.error().text;
}

TEST_F(OwnTableTest, ATypeThatNothingConvertsToIsNamedBeforeTheFirstEvent) {
  create("k int");
  map("k", "@id");
  EXPECT_NE(faults().find("column \"k\" is of type integer but expression is of type uuid"),
            std::string::npos)
      << faults();
}

TEST_F(OwnTableTest, AColumnThatIsGoneIsExplainedWhereItHappens) {
  create("a text, b text");
  map("a", "/a");
  map("b", "/b");
  lane_.add("{}");
  ASSERT_TRUE(send());
  ASSERT_TRUE(connection_->query("ALTER TABLE " + table("mine") + " RENAME b TO c", soon()));
  lane_.add("{}");
  const auto sent = send();
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().error_class, ErrorClass::kSetup);
  EXPECT_EQ(sent.error().sqlstate, "42703");
  EXPECT_NE(sent.error().text.find("there is no column b; it has a, c"), std::string::npos)
      << sent.error().text;
  ASSERT_TRUE(connection_->query("ALTER TABLE " + table("mine") + " RENAME c TO b", soon()));
  ASSERT_TRUE(send());
}

TEST_F(OwnTableTest, RowsAreComparedOnlyByTheEventsId) {
  create("a text, event uuid");
  map("a", "/a");
  for (int i = 0; i < 3; ++i) lane_.add("{\"a\": " + std::to_string(i) + "}");
  {
    auto transaction = DeliveryTransaction::begin(*connection_, mapped(), lane_.key(), true);
    ASSERT_TRUE(transaction);
    EXPECT_FALSE(transaction->comparable());
    const auto refused = transaction->reconcile(lane_.events, UINT64_MAX);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error_class, ErrorClass::kSetup);
    EXPECT_NE(refused.error().hint.find("@id"), std::string::npos);
  }
  map("event", "@id");
  ASSERT_TRUE(send(2));
  auto transaction = DeliveryTransaction::begin(*connection_, mapped(), lane_.key(), true);
  ASSERT_TRUE(transaction);
  EXPECT_TRUE(transaction->comparable());
  const auto missing = transaction->reconcile(lane_.events, UINT64_MAX);
  ASSERT_TRUE(missing) << missing.error().text;
  EXPECT_EQ(*missing, 1u);
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(all("a"), "0 1 2");
}

}  // namespace
}  // namespace hookspool::net

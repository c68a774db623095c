// What lies inside a value for a table of the user's own: members of composite types, bounds of ranges, keys of hstore; and
// what a table calls behind views and in partitions. Nothing is cut there either, and no session's zone decides.
#include "tests/unit/net/pg_own_types.h"

namespace hookspool::net {
namespace {

TEST_F(OwnTypes, HstoreTakesAnObject) {
  run("CREATE DOMAIN labels AS extras.hstore");
  const std::vector<Case> cases{
      {"extras.hstore", R"({"a": "1", "b": null, "c": "x=>\"y\", z"})",
       R"("a"=>"1", "b"=>NULL, "c"=>"x=>\"y\", z")"},
      {"extras.hstore", R"({"n": 1.50, "t": true, "o": {"k": [1]}, "l": [1, "b"]})",
       R"("l"=>"[1, \"b\"]", "n"=>"1.50", "o"=>"{\"k\": [1]}", "t"=>"true")"},
      {"extras.hstore", R"({"a": "first", "a": "last"})", R"("a"=>"last")"},
      {"extras.hstore", "{}", ""},
      {"extras.hstore", R"("a=>1, b=>NULL")", R"("a"=>"1", "b"=>NULL)"},
      {"labels", R"({"a": "1"})", R"("a"=>"1")"},
      {"extras.hstore", "5", "22P02"},
      {"extras.hstore", "true", "22P02"},
      {"extras.hstore", R"(["a", "1"])", "22P02"},
      {"extras.hstore", "null", "NULL"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(into(each.type, each.json), each.expected) << each.type << " of " << each.json;
    EXPECT_EQ(findings(), "") << each.type;
  }
  EXPECT_EQ(into("extras.hstore", "1", "@headers", "(v -> 'content-type')"), "application/json");
}

TEST_F(OwnTypes, NothingIsCutInsideAComposite) {
  run("CREATE TYPE inner_one AS (n name, c \"char\"); CREATE DOMAIN named AS name;"
      "CREATE TYPE outer_one AS (id int, who named, parts inner_one[]); CREATE DOMAIN outer_domain AS "
      "outer_one");
  const std::string name(63, 'x'), long_name(64, 'x');
  const std::vector<Case> cases{
      {"inner_one", "{\"n\": \"" + name + "\", \"c\": \"a\"}", "(" + name + ",a)"},
      {"inner_one", "{\"n\": \"" + long_name + "\"}", "22001"},
      {"inner_one", R"({"c": "ab"})", "22001"},
      {"inner_one", R"({"c": "a", "c": "ab"})", "22001"},
      {"inner_one[]", R"([{"c": "a"}, {"c": "ab"}])", "22001"},
      {"inner_one[]", R"([{"c": "a"}, null, {"n": null}])", R"x({"(,a)",NULL,"(,)"})x"},
      {"outer_one", "{\"id\": 1, \"who\": \"" + long_name + "\"}", "22001"},
      {"outer_one", R"({"id": 1, "who": "w", "parts": [{"n": "n", "c": "c"}]})", R"x((1,w,"{""(n,c)""}"))x"},
      {"outer_one", "{\"parts\": [{\"n\": \"" + long_name + "\"}]}", "22001"},
      {"outer_domain", "{\"who\": \"" + long_name + "\"}", "22001"},
      // A row literal is not taken apart: where it is longer than a member may be it could be cut.
      {"inner_one", R"x("(abc,d)")x", "22001"},
      {"inner_one", "null", "NULL"},
  };
  for (const Case& each : cases)
    EXPECT_EQ(into(each.type, each.json), each.expected) << each.type << " of " << each.json;
}

// One instant is one value in a time without a date and in a range, too.
TEST_F(OwnTypes, TimesAndRangesAreUtcWhateverTheServerIsSetTo) {
  run("CREATE DOMAIN clock AS time(0)");
  for (const char* zone : {"America/New_York", "Asia/Tokyo", "UTC"}) {
    admin(std::string("ALTER ROLE hookspool SET TimeZone = '") + zone + "'");
    connection_ = connect();
    const std::vector<Case> cases{
        {"time", R"("20:30:00.5-05:00")", "01:30:00.5"},
        {"time", R"("20:30")", "20:30:00"},
        {"time", R"("24:00")", "24:00:00"},
        {"time", R"("2026-03-08 20:30:00-05")", "01:30:00"},
        {"time", R"("noon")", "22007"},
        {"clock", R"("20:30:00.6+01")", "19:30:01"},
        {"timetz", R"("20:30")", "20:30:00+00"},
        {"timetz", R"("20:30-05")", "20:30:00-05"},
        {"tstzrange", R"x("[2026-03-08 20:30, 2026-03-09 20:30-05)")x",
         R"x(["2026-03-08 20:30:00+00","2026-03-10 01:30:00+00"))x"},
        {"tsrange", R"x("[2026-03-08 20:30, 2026-03-09 20:30-05)")x",
         R"x(["2026-03-08 20:30:00","2026-03-10 01:30:00"))x"},
        {"tsrange", R"x("(,2026-03-09T20:30:00-05:00]")x", R"x((,"2026-03-10 01:30:00"])x"},
        {"tsrange", R"("empty")", "empty"},
        {"tsrange", R"x("(,)")x", "(,)"},
        {"tsrange", "null", "NULL"},
        {"tsrange", R"("nonsense")", "22P02"},
        {"daterange", R"("[2026-01-01, 2026-01-31]")", "[2026-01-01,2026-02-01)"},
        {"daterange", R"x("[2026-03-08T20:30:00-05:00, 2026-03-20)")x", "[2026-03-09,2026-03-20)"},
    };
    for (const Case& each : cases) {
      EXPECT_EQ(into(each.type, each.json), each.expected)
          << zone << ": " << each.type << " of " << each.json;
      EXPECT_EQ(findings(), "") << each.type;
    }
  }
  admin("ALTER ROLE hookspool RESET ALL");
}

// Where a text goes to a type's own input function a zone in it is left out; doctor says so beforehand.
TEST_F(OwnTypes, DoctorTellsWhereAZoneIsLeftOut) {
  run("CREATE TYPE visit AS (who text, at timestamp, days daterange); CREATE DOMAIN visits AS visit[]");
  for (const std::string type :
       {"time without time zone[]", "tsrange[]", "daterange[]", "tsmultirange", "datemultirange[]"}) {
    EXPECT_EQ(into(type, "null"), "NULL");
    EXPECT_NE(findings().find("warning: column v (" + type + ") leaves out the zone"), std::string::npos)
        << type << ": " << findings();
    EXPECT_TRUE(check_target(*connection_, mapped(), "github")) << "the lane is not held";
  }
  for (const std::string type : {"visit", "visit[]", "visits"}) {
    EXPECT_EQ(into(type, "null"), "NULL");
    EXPECT_NE(findings().find("warning: column v, member at (timestamp) leaves out the zone"),
              std::string::npos)
        << type << ": " << findings();
    EXPECT_NE(findings().find("member days (daterange)"), std::string::npos) << type << ": " << findings();
  }
  for (const std::string type : {"timestamp[]", "tstzrange[]", "timetz[]"}) {
    EXPECT_EQ(into(type, "null"), "NULL");
    EXPECT_EQ(findings(), "") << type;
  }
}

TEST_F(OwnTypes, WhatAViewsTableNeedsIsNamed) {
  admin("CREATE TABLE " + table("base") +
        " (n serial, i int GENERATED BY DEFAULT AS IDENTITY, v text); CREATE VIEW " + mine() +
        " AS SELECT n, v FROM " + table("base") + "; GRANT INSERT ON " + mine() +
        " TO hookspool; CREATE FUNCTION " + table("ok") +
        "(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'; REVOKE EXECUTE ON FUNCTION " +
        table("ok") + " FROM PUBLIC; ALTER TABLE " + table("base") + " ADD CHECK (" + table("ok") + "(v))");
  map("v", "/v");
  const std::string found = findings();
  for (const char* expected : {"may not use sequence", "base_n_seq", "may not run function"})
    EXPECT_NE(found.find(expected), std::string::npos) << expected << "\n" << found;
  EXPECT_EQ(found.find("base_i_seq"), std::string::npos) << "an identity needs no right: " << found;
  EXPECT_EQ(found.find("refused:"), std::string::npos) << "the view may fill it: " << found;
  const auto report = look_at_target(*connection_, mapped(), mapping_);
  ASSERT_TRUE(report);
  for (const std::string& grant : report->grants) admin(grant);
  EXPECT_EQ(findings(), "");
  Lane lane;
  lane.add(R"({"v": "a"})");
  EXPECT_EQ(send(lane), "");
  EXPECT_EQ(rows("n || v"), "1a");
}

TEST_F(OwnTypes, AFunctionThatOnlyAPartitionCallsIsNamed) {
  admin("CREATE TABLE " + mine() + " (v int) PARTITION BY RANGE (v); CREATE TABLE " + table("low") +
        " PARTITION OF " + mine() + " FOR VALUES FROM (0) TO (10); CREATE FUNCTION " + table("ok") +
        "(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'; CREATE FUNCTION " + table("twice") +
        "(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1'; REVOKE EXECUTE ON FUNCTION " +
        table("ok") + ", " + table("twice") + " FROM PUBLIC; ALTER TABLE " + table("low") + " ADD CHECK (" +
        table("ok") + "(v)); CREATE INDEX ON " + table("low") + " (" + table("twice") +
        "(v)); GRANT INSERT ON " + mine() + " TO hookspool");
  map("v", "/v");
  const std::string found = findings();
  EXPECT_NE(found.find("ok(integer), which the table calls"), std::string::npos) << found;
  EXPECT_NE(found.find("twice(integer), which the table calls"), std::string::npos) << found;
}

// Triggers that sleep, AFTER triggers and deferred constraints: reported before the watermark moves, all or nothing.
TEST_F(OwnTypes, WhatComesAfterTheRowDecidesToo) {
  run("CREATE TABLE parents (id int PRIMARY KEY); INSERT INTO parents VALUES (1); CREATE TABLE said (v "
      "int);"
      "CREATE TABLE " +
      mine() +
      " (v int REFERENCES parents DEFERRABLE INITIALLY DEFERRED, UNIQUE (v) DEFERRABLE INITIALLY "
      "DEFERRED);"
      "CREATE FUNCTION after_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " IF NEW.v = 3 THEN RAISE 'after all'; END IF; IF NEW.v = 4 THEN PERFORM pg_sleep(20); END IF;"
      " INSERT INTO said VALUES (NEW.v); RETURN NULL; END $$; ALTER FUNCTION after_it SET search_path "
      "FROM CURRENT;"
      "CREATE TRIGGER t AFTER INSERT ON " +
      mine() + " FOR EACH ROW EXECUTE FUNCTION after_it()");
  map("v", "/v");
  EXPECT_EQ(findings(), "");
  Lane lane;
  lane.add(R"({"v": 1})");
  EXPECT_EQ(send(lane), "");
  const auto refused = [&](int v) {
    Lane another;
    another.add("{\"v\": " + std::to_string(v) + "}");
    auto with = mapped();
    with.statement_timeout = std::chrono::milliseconds(500);
    connection_ = connect(with);
    const auto sent = deliver(*connection_, with, another, 10);
    return sent ? "" : sent.error().sqlstate;
  };
  EXPECT_EQ(refused(2), "23503") << "no parent, found at the end";
  EXPECT_EQ(refused(1), "23505") << "deferred, and there already";
  EXPECT_EQ(refused(3), "P0001");
  EXPECT_EQ(refused(4), "57014") << "it sleeps";
  EXPECT_EQ(rows("v"), "1");
  EXPECT_EQ(cluster().value("SELECT count(*) FROM " + table("said")), "1")
      << "nothing of a refused one stays";
}

// No conversion knows what a byte means there: what is sent as UTF-8 is kept as UTF-8.
TEST_F(OwnTypes, AnSqlAsciiDatabase) {
  const std::string database = "own_sql_ascii";
  admin("CREATE DATABASE " + database +
        " OWNER hookspool TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
  auto with = mapped();
  with.conninfo += " dbname=" + database;
  connection_ = connect(with);
  ASSERT_TRUE(ensure_schema(*connection_, with));
  ASSERT_TRUE(connection_->query("CREATE TABLE " + mine() + " (v text, n name, j jsonb, a text[])", soon()));
  for (const char* column : {"v", "n", "j", "a"}) map(column, std::string("/") + column);
  auto tables = std::make_shared<LaneTables>();
  tables->by_lane.emplace("github", mapping_);
  with.tables = std::move(tables);
  Lane lane;
  lane.add("{\"v\": \"\xc3\xa9\", \"n\": \"\xc3\xa9\", \"j\": {\"k\": \"\xc3\xa9\"}, \"a\": [\"\xc3\xa9\"]}");
  const auto sent = deliver(*connection_, with, lane, 10);
  ASSERT_TRUE(sent) << sent.error().sqlstate << " " << sent.error().text;
  const auto read = connection_->query(
      "SELECT encode(v::bytea, 'hex') || ' ' || encode(n::text::bytea, 'hex') || ' ' || (j->>'k' = v) || "
      "' ' ||"
      " (a[1] = v) FROM " +
          mine(),
      soon());
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->rows.at(0).at(0), "c3a9 c3a9 true true");
  Lane escaped;
  escaped.add(R"({"v": "\u00e9"})");
  const auto refused = deliver(*connection_, with, escaped, 10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().error_class, ErrorClass::kEvent) << refused.error().sqlstate;
}

}  // namespace
}  // namespace hookspool::net

// What becomes of values in a table of the user's own: each type, whatever the server's settings are, and each way in
// which a table takes, alters, moves or refuses a row. Nothing is cut, and nothing depends on a setting of the role.
#include "tests/unit/net/pg_own_types.h"

namespace hookspool::net {
namespace {

TEST_F(OwnTypes, NothingIsCut) {
  run("CREATE DOMAIN code AS varchar(5); CREATE DOMAIN shorter AS code CHECK (VALUE <> 'no');"
      "CREATE DOMAIN codes AS varchar(3)[]; CREATE DOMAIN names AS name; CREATE TYPE pair AS (a int, b "
      "varchar(3));"
      "CREATE TYPE mood AS ENUM ('good', 'bad')");
  const std::string long_name(64, 'x'), name(63, 'x');
  const std::vector<Case> cases{
      {"code", R"("abcde")", "abcde"},
      {"code", R"("abcdefgh")", "22001"},
      {"shorter", R"("abcdefgh")", "22001"},
      {"shorter", R"("no")", "23514"},
      {"varchar(5)", R"("abcdefgh")", "22001"},
      {"char(4)", R"("ab")", "ab"},
      {"char(4)", R"("abcde")", "22001"},
      {"\"char\"", R"("a")", "a"},
      {"\"char\"", R"("ab")", "22001"},
      {"\"char\"", "7", "7"},
      {"\"char\"", "77", "22001"},
      {"name", "\"" + name + "\"", name},
      {"name", "\"" + long_name + "\"", "22001"},
      {"names", "\"" + long_name + "\"", "22001"},
      {"name[]", "[\"" + long_name + "\"]", "22001"},
      {"name[]", "[\"a\", null]", "{a,NULL}"},
      {"bit(3)", R"("101")", "101"},
      {"bit(3)", R"("1011")", "22026"},
      {"bit varying(3)", R"("1011")", "22001"},
      {"numeric(5,2)", "123.456", "123.46"},
      {"numeric(5,2)", "1234.5", "22003"},
      {"numeric", "12345678901234567890.123456789", "12345678901234567890.123456789"},
      {"bigint", "9007199254740993", "9007199254740993"},
      {"smallint", "40000", "22003"},
      {"int", "1.5", "22P02"},
      {"timestamp(3)", R"("2026-01-02T03:04:05.123456Z")", "2026-01-02 03:04:05.123"},
      {"interval(0)", R"("1.6 s")", "00:00:02"},
      {"varchar(3)[]", R"(["abc", "d"])", "{abc,d}"},
      {"varchar(3)[]", R"(["abcd"])", "22001"},
      {"varchar(3)[]", R"("{abcd}")", "22001"},
      {"codes", R"(["abcd"])", "22001"},
      {"code[]", R"(["abcdefgh"])", "22001"},
      {"pair", R"({"a": 1, "b": "abc"})", "(1,abc)"},
      {"pair", R"({"a": 1, "b": "abcd"})", "22001"},
      {"pair[]", R"([{"a": 1, "b": "abcd"}])", "22001"},
      {"mood", R"("good")", "good"},
      {"mood", R"("Good")", "22P02"},
      {"text", R"("a\u0000b")",
       "a\xef\xbf\xbd"
       "b"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(into(each.type, each.json), each.expected) << each.type << " of " << each.json;
    EXPECT_EQ(findings(), "") << each.type;
  }
}

TEST_F(OwnTypes, JsonStaysJsonAndTextsAreUnwrapped) {
  run("CREATE DOMAIN document AS jsonb CHECK (jsonb_typeof(VALUE) <> 'boolean')");
  const std::vector<Case> cases{
      {"jsonb", R"("123")", R"("123")"},
      {"jsonb", R"("true")", R"("true")"},
      {"jsonb", R"("pi_123")", R"("pi_123")"},
      {"jsonb", R"("a\"\\\u00e9\n")", "\"a\\\"\\\\\xc3\xa9\\n\""},
      {"jsonb", "123.4500", "123.4500"},
      {"jsonb", "false", "false"},
      {"jsonb", R"({"b": [1, "2"]})", R"({"b": [1, "2"]})"},
      {"jsonb", "null", "NULL"},
      {"json", R"({ "b":1})", R"({ "b":1})"},
      {"json", R"("123")", R"("123")"},
      {"document", R"("pi_123")", R"("pi_123")"},
      {"document", "true", "23514"},
      {"jsonb[]", R"(["123", 1, {"a": "1"}, null])", R"({"\"123\"",1,"{\"a\": \"1\"}",NULL})"},
      {"text", R"("123")", "123"},
      {"text", "12.50", "12.50"},
      {"text", "true", "true"},
      {"text", R"({ "b" : 1})", R"({ "b" : 1})"},
      {"text", R"([1, "a"])", R"([1, "a"])"},
      {"text", "null", "NULL"},
      {"citext", R"("Abc")", "Abc"},
      {"hstore", R"("a=>1")", R"("a"=>"1")"},
      {"xml", R"("a<b/>")", "a<b/>"},
      {"tsvector", R"("a b")", "'a' 'b'"},
      {"point", R"x("(1,2)")x", "(1,2)"},
      {"uuid", R"("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
      {"inet", R"("192.0.2.1/24")", "192.0.2.1/24"},
      {"cidr", R"("192.0.2.0/24")", "192.0.2.0/24"},
      {"macaddr", R"("08:00:2b:01:02:03")", "08:00:2b:01:02:03"},
      {"bytea", R"("\\x0aff")", "\\x0aff"},
      {"money", "12.5", "$12.50"},
      {"money", R"("$1,000.10")", "$1,000.10"},
      {"int4range", R"("[1,5]")", "[1,6)"},
      {"int4multirange", R"("{[1,5], [7,8)}")", "{[1,6),[7,8)}"},
      {"boolean", "true", "true"},
      {"boolean", R"("yes")", "true"},
      {"oid", "7", "7"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(into(each.type, each.json), each.expected) << each.type << " of " << each.json;
    EXPECT_EQ(findings(), "") << each.type;
  }
  EXPECT_EQ(into("jsonb", "1", "header:content-type"), R"("application/json")") << "a header is a text";
  EXPECT_EQ(into("jsonb", "1", "@source"), R"("github")");
  EXPECT_EQ(into("jsonb", "1", "@seq"), "1");
  EXPECT_EQ(into("json", "{ }", "@payload"), R"({"v": { }})");
  EXPECT_EQ(into("text", "{ }", "@payload"), R"({"v": { }})");
  EXPECT_EQ(into("bytea", "1", "@body", "convert_from(v, 'UTF8')"), R"({"v": 1})");
}

TEST_F(OwnTypes, AnArrayIsBuilt) {
  run("CREATE DOMAIN tags AS text[] CHECK (cardinality(VALUE) < 4); CREATE TYPE pair AS (a int, b text)");
  const std::vector<Case> cases{
      {"text[]", R"(["a", "b,c", "", null, 1, true])", R"({a,"b,c","",NULL,1,true})"},
      {"text[]", "[]", "{}"},
      {"text[]", R"("{a,NULL}")", "{a,NULL}"},
      {"text[]", R"("a")", "22P02"},
      {"text[]", "{}", "22P02"},
      {"int[]", "[1, 2]", "{1,2}"},
      {"int[]", "[[1, 2], [3, 4]]", "{{1,2},{3,4}}"},
      {"int[]", "[[1], [3, 4]]", "22P02"},
      {"int[]", "5", "22P02"},
      {"int[]", R"(["x"])", "22P02"},
      {"tags", R"(["a", "b"])", "{a,b}"},
      {"tags", R"(["a", "b", "c", "d"])", "23514"},
      {"timestamptz[]", R"(["2026-01-02T03:04:05+01:00"])", R"({"2026-01-02 02:04:05+00"})"},
      {"timestamp[]", R"(["2026-01-02T03:04:05+01:00"])", R"({"2026-01-02 02:04:05"})"},
      {"pair[]", R"([{"a": 1, "b": "x"}])", R"x({"(1,x)"})x"},
      {"pair", R"x("(1,x)")x", "(1,x)"},
      {"pair", "[1]", "22023"},
      {"text[]", "null", "NULL"},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(into(each.type, each.json), each.expected) << each.type << " of " << each.json;
  }
}

// One instant is one value, whatever the zone of the server, of the role and of the text.
TEST_F(OwnTypes, TimesAreUtcWhateverTheServerIsSetTo) {
  const std::string instant = R"("2026-03-08T20:30:00.123-05:00")", ms = "1773019800123",
                    s = "1773019800.123";
  struct Settings {
    const char *zone, *date_style, *interval_style;
  };
  for (const Settings& set :
       {Settings{"America/New_York", "SQL, DMY", "sql_standard"},
        Settings{"Asia/Tokyo", "German, DMY", "iso_8601"}, Settings{"UTC", "ISO, YMD", "postgres"}}) {
    admin(std::string("ALTER ROLE hookspool SET TimeZone = '") + set.zone +
          "'; ALTER ROLE hookspool SET DateStyle = '" + set.date_style +
          "'; ALTER ROLE hookspool SET IntervalStyle = '" + set.interval_style +
          "'; ALTER ROLE hookspool SET xmloption = document; ALTER ROLE hookspool SET array_nulls = off;"
          "ALTER ROLE hookspool SET bytea_output = escape; ALTER ROLE hookspool SET "
          "default_transaction_isolation ="
          " serializable");
    connection_ = connect();
    for (const auto& [type, expected] :
         std::vector<std::pair<std::string, std::string>>{{"timestamp", "2026-03-09 01:30:00.123"},
                                                          {"timestamptz", "2026-03-09 01:30:00.123+00"},
                                                          {"date", "2026-03-09"}}) {
      EXPECT_EQ(into(type, instant), expected) << set.zone << " " << type;
      EXPECT_EQ(into(type, ms, "/v | unix_ms"), expected) << set.zone << " " << type;
      EXPECT_EQ(into(type, s, "/v | unix_s"), expected) << set.zone << " " << type;
    }
    EXPECT_EQ(into("timestamptz", R"("2026-07-01 12:00")"), "2026-07-01 12:00:00+00") << "no zone is UTC";
    EXPECT_EQ(into("timestamp", R"("infinity")"), "infinity");
    EXPECT_EQ(into("date", R"("01/02/2026")"), "2026-01-02");
    EXPECT_EQ(into("date", R"("2026-12-31")"), "2026-12-31");
    EXPECT_EQ(into("text", "1", "@received_at"), "2026-11-18 11:06:40.000001+00");
    EXPECT_EQ(into("timestamp", "1", "@received_at"), "2026-11-18 11:06:40.000001");
    EXPECT_EQ(into("text", "0", "/v | unix_s"), "1970-01-01 00:00:00+00");
    EXPECT_EQ(into("text", "1", "@body"), "\\x7b2276223a20317d");
    EXPECT_EQ(into("interval", R"("-1 2:03:04")", "/v", "extract(epoch FROM v)::text"), "-79016.000000");
    EXPECT_EQ(into("xml", R"("a<b/>c")"), "a<b/>c");
    EXPECT_EQ(into("text[]", R"("{NULL}")", "/v", "(v[1] IS NULL)::text"), "true");
  }
  admin("ALTER ROLE hookspool RESET ALL");
}

TEST_F(OwnTypes, ColumnsThatFillThemselves) {
  run("CREATE DOMAIN stamped AS text DEFAULT 'domain' NOT NULL; CREATE TABLE " + mine() +
      " (always int GENERATED ALWAYS AS IDENTITY, bydefault int GENERATED BY DEFAULT AS IDENTITY, num "
      "serial,"
      " twice text GENERATED ALWAYS AS (v || v) STORED, st stamped, \"Q \"\"x\"\" \xc3\xa9\" int, v "
      "text)");
  map("v", "/v");
  map("Q \"x\" \xc3\xa9", "/q");
  EXPECT_EQ(findings(), "");
  Lane lane;
  lane.add(R"({"v": "a", "q": 7})");
  EXPECT_EQ(send(lane), "");
  EXPECT_EQ(rows("concat_ws(',', always, bydefault, num, twice, st, v, \"Q \"\"x\"\" \xc3\xa9\")"),
            "1,1,1,aa,domain,a,7");
  map("bydefault", "/q");
  EXPECT_EQ(findings(), "");
  map("always", "/q");
  map("twice", "/q");
  const std::string found = findings();
  EXPECT_NE(found.find("refused: column always is generated"), std::string::npos) << found;
  EXPECT_NE(found.find("refused: column twice is generated"), std::string::npos) << found;
}

TEST_F(OwnTypes, TriggersFillAlterDropRouteAndRaise) {
  run("CREATE TABLE elsewhere (v text); CREATE TABLE " + mine() +
      " (v text, filled text NOT NULL);"
      "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
      " IF NEW.v = 'drop' THEN RETURN NULL; END IF;"
      " IF NEW.v = 'route' THEN INSERT INTO elsewhere VALUES (NEW.v); RETURN NULL; END IF;"
      " IF NEW.v = 'raise' THEN RAISE 'not this one'; END IF;"
      " IF NEW.v <> 'leave' THEN NEW.filled = 'by trigger'; END IF; RETURN NEW; END $$;"
      "ALTER FUNCTION tell SET search_path FROM CURRENT;"
      "CREATE TRIGGER t BEFORE INSERT ON " +
      mine() + " FOR EACH ROW EXECUTE FUNCTION tell()");
  map("v", "/v");
  EXPECT_NE(findings().find("warning: column filled is NOT NULL"), std::string::npos) << findings();
  EXPECT_EQ(findings().find("refused:"), std::string::npos) << findings();
  EXPECT_TRUE(check_target(*connection_, mapped(), "github")) << "the lane is not held";
  Lane lane;
  for (const char* v : {"a", "drop", "route", "b"}) lane.add(std::string(R"({"v": ")") + v + "\"}");
  EXPECT_EQ(send(lane), "") << "what the table's owner makes of an event is its delivery";
  EXPECT_EQ(rows("v || '/' || filled"), "a/by trigger b/by trigger");
  EXPECT_EQ(cluster().value("SELECT count(*) FROM " + table("elsewhere")), "1");
  lane.add(R"({"v": "raise"})");
  EXPECT_EQ(send(lane), "P0001");
  Lane another;
  another.add(R"({"v": "leave"})");
  EXPECT_EQ(send(another), "23502") << "the server decides";
  run("ALTER TABLE " + mine() + " DISABLE TRIGGER t");
  EXPECT_NE(findings().find("refused: column filled is NOT NULL"), std::string::npos) << findings();
}

TEST_F(OwnTypes, ViewsRulesAndPartitions) {
  run("CREATE TABLE base (v text); CREATE VIEW " + mine() +
      " AS SELECT v FROM base;"
      "CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS"
      " $$ BEGIN INSERT INTO base VALUES (NEW.v || '!'); RETURN NEW; END $$;"
      "ALTER FUNCTION instead SET search_path FROM CURRENT");
  map("v", "/v");
  EXPECT_EQ(findings(), "");
  Lane lane;
  lane.add(R"({"v": "a"})");
  EXPECT_EQ(send(lane), "");
  run("CREATE TRIGGER t INSTEAD OF INSERT ON " + mine() + " FOR EACH ROW EXECUTE FUNCTION instead()");
  EXPECT_EQ(findings(), "");
  lane.add(R"({"v": "b"})");
  EXPECT_EQ(send(lane), "");
  EXPECT_EQ(rows("v"), "a b!");
  run("DROP VIEW " + mine() + "; CREATE TABLE " + mine() +
      " (v text, need text NOT NULL);"
      "CREATE RULE r AS ON INSERT TO " +
      mine() + " DO INSTEAD INSERT INTO base VALUES (NEW.v || '?')");
  EXPECT_EQ(findings().find("refused:"), std::string::npos) << findings();
  lane.add(R"({"v": "c"})");
  EXPECT_EQ(send(lane), "");
  EXPECT_EQ(cluster().value("SELECT count(*) FROM " + table("base")), "3");
  run("DROP TABLE " + mine() + "; CREATE TABLE " + mine() +
      " (v int) PARTITION BY RANGE (v);"
      "CREATE TABLE low PARTITION OF " +
      mine() + " FOR VALUES FROM (0) TO (10)");
  EXPECT_EQ(findings(), "");
  Lane numbers;
  numbers.add(R"({"v": 1})");
  EXPECT_EQ(send(numbers), "");
  numbers.add(R"({"v": 11})");
  const auto missing = deliver(*connection_, mapped(), numbers, 10);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().sqlstate, "23514");
  run("CREATE TABLE high PARTITION OF " + mine() + " FOR VALUES FROM (10) TO (20)");
  EXPECT_EQ(send(numbers), "");
  EXPECT_EQ(rows("v"), "1 11");
}

TEST_F(OwnTypes, ConflictKeysAreWhatPostgresqlTakes) {
  run("CREATE TABLE " + mine() + " (k text, v text, CONSTRAINT later UNIQUE (k) DEFERRABLE)");
  map("k", "/k");
  map("v", "/v");
  mapping_.on_conflict = OnConflict::kUpdate;
  mapping_.conflict_keys = {"k"};
  EXPECT_NE(findings().find("is DEFERRABLE"), std::string::npos) << findings();
  mapping_.on_conflict = OnConflict::kIgnore;
  mapping_.conflict_keys.clear();
  EXPECT_NE(findings().find("is DEFERRABLE"), std::string::npos) << findings();
  mapping_.on_conflict = OnConflict::kUpdate;
  mapping_.conflict_keys = {"k"};
  run("ALTER TABLE " + mine() + " DROP CONSTRAINT later; CREATE UNIQUE INDEX part ON " + mine() +
      " (k) WHERE v <> ''");
  EXPECT_NE(findings().find("CREATE UNIQUE INDEX ON"), std::string::npos) << "partial: " << findings();
  run("CREATE UNIQUE INDEX low ON " + mine() + " (lower(k))");
  EXPECT_NE(findings().find("CREATE UNIQUE INDEX ON"), std::string::npos) << "an expression: " << findings();
  run("DROP INDEX part, low; CREATE UNIQUE INDEX k ON " + mine() + " (k) NULLS NOT DISTINCT");
  EXPECT_EQ(findings(), "");
  Lane lane;
  for (const char* v : {"1", "2"}) lane.add(std::string(R"({"k": "a", "v": ")") + v + "\"}");
  EXPECT_EQ(send(lane), "");
  EXPECT_EQ(rows("k || v"), "a2");
}

TEST_F(OwnTypes, WhatElseTheRoleNeedsIsNamedWithItsGrant) {
  admin("CREATE TABLE " + mine() + " (n serial, id text, v text, CHECK (length(v) < 10)); CREATE FUNCTION " +
        table("ok") +
        "(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'; REVOKE EXECUTE ON FUNCTION " +
        table("ok") + " FROM PUBLIC; ALTER TABLE " + mine() + " ADD CHECK (" + table("ok") +
        "(v)); GRANT INSERT ON " + mine() + " TO hookspool");
  map("v", "/v");
  map("id", "@id");
  std::string found = findings();
  for (const char* expected : {"refused: role hookspool may not use sequence", "GRANT USAGE ON SEQUENCE",
                               "fault: role hookspool may not run function", "GRANT EXECUTE ON FUNCTION",
                               "fault: role hookspool may not read column id", "GRANT SELECT ON"}) {
    EXPECT_NE(found.find(expected), std::string::npos) << expected << "\n" << found;
  }
  EXPECT_FALSE(check_target(*connection_, mapped(), "github"));
  const auto report = look_at_target(*connection_, mapped(), mapping_);
  ASSERT_TRUE(report);
  for (const std::string& grant : report->grants) admin(grant);
  EXPECT_EQ(findings(), "") << "the grants are all that is needed";
  Lane lane;
  lane.add(R"({"v": "a"})");
  EXPECT_EQ(send(lane), "");
  EXPECT_EQ(rows("n || v"), "1a");
}

TEST_F(OwnTypes, RowLevelSecurity) {
  admin("CREATE TABLE " + mine() + " (v text); GRANT INSERT, SELECT ON " + mine() +
        " TO hookspool; ALTER TABLE " + mine() + " ENABLE ROW LEVEL SECURITY");
  map("v", "/v");
  EXPECT_NE(findings().find("refused: row-level security"), std::string::npos) << findings();
  admin("CREATE POLICY p ON " + mine() + " FOR INSERT TO hookspool WITH CHECK (v <> 'secret')");
  EXPECT_NE(findings().find("warning: row-level security"), std::string::npos) << findings();
  EXPECT_TRUE(check_target(*connection_, mapped(), "github"));
  Lane lane;
  lane.add(R"({"v": "a"})");
  EXPECT_EQ(send(lane), "");
  lane.add(R"({"v": "secret"})");
  const auto refused = deliver(*connection_, mapped(), lane, 10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sqlstate, "42501");
  EXPECT_EQ(rows("v"), "a");
}

// Rows that a policy hides look missing: put in once more they would be there twice.
TEST_F(OwnTypes, HiddenRowsAreNotComparedButRefused) {
  admin("CREATE TABLE " + mine() + " (id uuid); GRANT INSERT, SELECT ON " + mine() +
        " TO hookspool; ALTER TABLE " + mine() + " ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON " + mine() +
        " FOR INSERT TO hookspool WITH CHECK (true)");
  map("id", "@id");
  EXPECT_NE(findings().find("fault: row-level security may hide rows"), std::string::npos) << findings();
  Lane lane;
  lane.add("{}");
  ASSERT_EQ(send(lane), "");
  const auto reconcile = [&] {
    auto transaction = DeliveryTransaction::begin(*connection_, mapped(), lane.key(), true);
    EXPECT_TRUE(transaction);
    return transaction->reconcile(lane.events, UINT64_MAX);
  };
  const auto hidden = reconcile();
  ASSERT_FALSE(hidden);
  EXPECT_EQ(hidden.error().error_class, ErrorClass::kSetup);
  admin("CREATE POLICY s ON " + mine() + " FOR SELECT TO hookspool USING (true)");
  EXPECT_EQ(findings().find("fault"), std::string::npos) << findings();
  EXPECT_EQ(reconcile().value(), 0u);
}

// A batch leaves nothing behind in the catalogue, in either way of delivering, nor by comparing.
TEST_F(OwnTypes, NothingIsMadeInTheCatalogue) {
  run("CREATE TABLE " + mine() + " (id uuid, v text)");
  map("v", "/v");
  map("id", "@id");
  admin("REVOKE TEMPORARY ON DATABASE hookspool FROM PUBLIC, hookspool");
  Lane lane;
  for (int i = 1; i <= 30; ++i) lane.add(R"({"v": "a"})");
  const auto made = [&] {
    return cluster().value(
        "SELECT max(oid::text::bigint) || ' ' || (SELECT n_tup_ins FROM pg_stat_all_tables WHERE"
        " relid = 'pg_attribute'::regclass) FROM pg_class");
  };
  ASSERT_EQ(send(lane, 1), "");
  const auto flushed = [&] {  // what a session has counted is seen when it ends
    connection_ = nullptr;
    connection_ = connect();
    return made();
  };
  const std::string before = flushed();
  for (int i = 2; i <= 20; ++i) ASSERT_EQ(send(lane, 1), "");
  auto ahead = DeliveryTransaction::begin_at(*connection_, mapped(), lane.key(), {20, lane.events[19]->id},
                                             lane.from(21, 5));
  ASSERT_TRUE(ahead && ahead->has_value());
  ASSERT_TRUE((*ahead)->commit());
  for (const bool own : {true, false}) {
    auto compared = DeliveryTransaction::begin(*connection_, own ? mapped() : options(), lane.key(), true);
    ASSERT_TRUE(compared);
    const auto missing = compared->reconcile(lane.events, UINT64_MAX);
    ASSERT_TRUE(missing) << missing.error().text;
    EXPECT_EQ(*missing, own ? 5u : 30u);
    ASSERT_TRUE(compared->commit());
  }
  EXPECT_EQ(flushed(), before);
  EXPECT_EQ(cluster().value("SELECT count(*) FROM " + mine()), "30");
  admin("GRANT TEMPORARY ON DATABASE hookspool TO PUBLIC");
}

}  // namespace
}  // namespace hookspool::net

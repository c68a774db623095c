// Sources that fill a table of the user's own: through outages and restarts, with a table that is wrong or changes.
#include <gtest/gtest.h>

#include "net/pg/tables/mapping.h"
#include "tests/integration/delivery/rig.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

class OwnTableDelivery : public DeliveryTest {
 protected:
  OwnTableDelivery() { run("CREATE SCHEMA " + schema_ + "_app AUTHORIZATION hookspool"); }

  std::string mine(const std::string& name) const { return schema_ + "_app." + name; }
  void create(const std::string& name, const std::string& columns) const {
    run("CREATE TABLE " + mine(name) + " (" + columns + "); ALTER TABLE " + mine(name) +
        " OWNER TO hookspool");
  }
  std::string all(const std::string& name, const std::string& expression, const std::string& order) const {
    return value("SELECT string_agg(" + expression + ", ' ' ORDER BY " + order + ") FROM " + mine(name));
  }
  // With the tables of a configuration, as an administrator writes it.
  Life::Options with(const std::string& toml) const {
    const auto config = parse_config(toml, "t.toml");
    if (!config) throw std::runtime_error(config.error().lines.front());
    auto options = this->options();
    options.tables = config->postgres.options.tables;
    return options;
  }
};

// What Messenger sends for one message, shortened; the body's number makes it one of its kind.
std::string message(int number) {
  return R"({"object":"page","entry":[{"id":"1755","time":1700000000999,"messaging":[{"sender":{"id":"user-)" +
         std::to_string(number % 3) + R"("},"recipient":{"id":"1755"},"timestamp":)" +
         std::to_string(1'700'000'000'000 + number) + R"(,"message":{"mid":"m_)" + std::to_string(number) +
         R"(","text":"Gr\u00fc\u00dfe )" + std::to_string(number) + R"( \ud83d\ude00"}}]}]})";
}

// A webhook of three messages: the example of CONFIGURATION.md through an outage, a restart and a lost table.
TEST_F(OwnTableDelivery, EachMessageOfABatchIsOneRowWhateverHappens) {
  create("messages",
         "event_id uuid, item int, user_id text NOT NULL, message text, sent_at timestamptz NOT NULL,"
         " PRIMARY KEY (event_id, item)");
  const auto options = with(
      "[sources.messenger]\n"
      "table = \"" +
      mine("messages") +
      "\"\n"
      "for_each = \"/entry/*/messaging/*\"\n"
      "also = \"events\"\n"
      "[sources.messenger.columns]\n"
      "event_id = \"@id\"\n"
      "item = \"@item\"\n"
      "user_id = \"./sender/id\"\n"
      "message = \"./message/text\"\n"
      "sent_at = \"./timestamp | unix_ms\"\n");
  int number = 0;
  const auto one = [&](const std::string& time) {
    return R"({"sender":{"id":"u"},"timestamp":)" + time + R"(,"message":{"text":")" +
           std::to_string(++number) + "\"}}";
  };
  const auto append = [&](Life& life, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string first = one("1700000000001"), second = one("1700000000002"),
                        third = one("1700000000003");
      life.append_body("messenger", R"({"entry":[{"messaging":[)" + first + "," + second +
                                        R"(]},{"messaging":[)" + third + "]}]}");
    }
  };
  {
    Life life(options);
    append(life, 40);
    life.begin();
    append(life, 40);
    life.append_body("messenger", R"({"entry":[{"messaging":[{"sender":{"id":"bad"},"timestamp":1},)"
                                  R"({"sender":{"id":"bad"},"timestamp":"soon"}]}]})");
    life.append_body("messenger", R"({"entry":[{"messaging":[]}]})");
    append(life, 20);
    ASSERT_TRUE(life.delivered(milliseconds(60'000))) << life.lane("messenger").error;
    EXPECT_EQ(life.lane("messenger").rows.items_empty, 1u);
    shared_cluster().stop(testing::StopMode::kImmediate);
    append(life, 40);
  }
  Life life(options);
  life.begin();
  shared_cluster().start();
  append(life, 10);
  ASSERT_TRUE(life.delivered(milliseconds(60'000))) << life.lane("messenger").error;
  EXPECT_EQ(value("SELECT count(*) || ' ' || count(DISTINCT message) FROM " + mine("messages")), "450 450");
  EXPECT_EQ(value("SELECT string_agg(DISTINCT item::text, ' ') FROM " + mine("messages")), "0 1 2");
  EXPECT_EQ(count("events"), "151");
  EXPECT_EQ(count("dead_letters"), "1");
  const std::string why = value("SELECT message FROM " + table("dead_letters"));
  EXPECT_TRUE(why.starts_with("inserting rows: /entry/0/messaging/1, column sent_at: ")) << why;
}

// One webhook is one row.
TEST_F(OwnTableDelivery, ConversationsOfAChatbotThroughOutageAndRestart) {
  create("conversations",
         "user_id text NOT NULL, message text, sent_at timestamptz NOT NULL, raw jsonb NOT NULL");
  const auto options = with(
      "[sources.messenger]\n"
      "table = \"" +
      mine("conversations") +
      "\"\n"
      "[sources.messenger.columns]\n"
      "user_id = \"/entry/0/messaging/0/sender/id\"\n"
      "message = \"/entry/0/messaging/0/message/text\"\n"
      "sent_at = \"/entry/0/messaging/0/timestamp | unix_ms\"\n"
      "raw = \"@payload\"\n");
  int number = 0;
  const auto append = [&](Life& life, int count) {
    for (int i = 0; i < count; ++i) life.append_body("messenger", message(++number));
    life.append("other", 1, "o" + std::to_string(number) + "-");
  };
  {
    Life life(options);
    append(life, 120);
    life.begin();
    append(life, 130);
    shared_cluster().stop(testing::StopMode::kImmediate);
    append(life, 250);
  }
  Life life(options);
  life.begin();
  append(life, 100);
  shared_cluster().start();
  append(life, 100);
  ASSERT_TRUE(life.delivered(milliseconds(60'000))) << life.lane("messenger").error;
  EXPECT_EQ(value("SELECT count(*) FROM " + mine("conversations")), "700");
  EXPECT_EQ(value("SELECT count(DISTINCT message) FROM " + mine("conversations")), "700");
  EXPECT_EQ(value("SELECT message || ' ' || user_id || ' ' || (sent_at AT TIME ZONE 'UTC') FROM " +
                  mine("conversations") + " WHERE raw #>> '{entry,0,messaging,0,message,mid}' = 'm_500'"),
            "Gr\xc3\xbc\xc3\x9f"
            "e 500 \xf0\x9f\x98\x80 user-2 2023-11-14 22:13:20.5");
  EXPECT_EQ(value("SELECT count(*) FROM " + table("events") + " WHERE source = 'messenger'"), "0");
  EXPECT_EQ(value("SELECT count(*) FROM " + table("events") + " WHERE source = 'other'"), "5");
  EXPECT_EQ(count("dead_letters"), "0");
}

TEST_F(OwnTableDelivery, OneBadRowIsBuriedTheRestArrivesInOrder) {
  create("t", "n int PRIMARY KEY, at bigserial");
  Life life(with("[sources.a]\ntable = \"" + mine("t") + "\"\ncolumns = { n = \"/n\" }\n"));
  for (int i = 1; i <= 60; ++i) {
    life.append_body("a", i == 20   ? R"({"n": "x"})"
                          : i == 40 ? R"({"n": 39})"
                          : i == 50 ? "no json"
                                    : "{\"n\": " + std::to_string(i) + "}");
  }
  life.begin();
  ASSERT_TRUE(life.delivered()) << life.lane("a").error;
  EXPECT_EQ(value("SELECT count(*) FROM " + mine("t")), "57");
  EXPECT_EQ(value("SELECT count(*) FROM (SELECT n, lag(n) OVER (ORDER BY at) AS before FROM " + mine("t") +
                  ") AS x WHERE before > n"),
            "0");
  EXPECT_EQ(value("SELECT string_agg(sqlstate, ' ' ORDER BY seq) FROM " + table("dead_letters")),
            "22P02 23505 23502");
}

TEST_F(OwnTableDelivery, ATableThatDoesNotFitHoldsItsLaneBeforeTheFirstEvent) {
  Life life(with("[sources.a]\ntable = \"" + mine("t") + "\"\ncolumns = { n = \"/n\", m = \"/m\" }\n"));
  life.begin();
  life.append("b", 3, "goes-on");
  ASSERT_TRUE(life.held("a"));
  EXPECT_NE(life.lane("a").error.find("no such table"), std::string::npos) << life.lane("a").error;
  EXPECT_NE(life.lane("a").hint.find("[sources.a.columns]"), std::string::npos) << life.lane("a").hint;
  ASSERT_TRUE(life.delivered());
  create("t", "n int");
  ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20), [&] {
    return life.lane("a").error.find("there is no column m; it has n") != std::string::npos;
  })) << life.lane("a").error;
  run("ALTER TABLE " + mine("t") + " ADD m int");
  ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20), [&] { return life.lane("a").state != "held"; }));
  life.append_body("a", R"({"n": 1, "m": 2})");
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(all("t", "n || '/' || m", "n"), "1/2");
}

TEST_F(OwnTableDelivery, AColumnThatIsRenamedHoldsTheLaneAndLosesNothing) {
  create("t", "n int, m int");
  Life life(with("[sources.a]\ntable = \"" + mine("t") + "\"\ncolumns = { n = \"/n\", m = \"/m\" }\n"));
  life.begin();
  life.append_body("a", R"({"n": 1})");
  ASSERT_TRUE(life.delivered());
  run("ALTER TABLE " + mine("t") + " RENAME m TO mm");
  for (int i = 2; i <= 10; ++i) life.append_body("a", "{\"n\": " + std::to_string(i) + "}");
  ASSERT_TRUE(life.held("a"));
  EXPECT_NE(life.lane("a").error.find("there is no column m; it has n, mm"), std::string::npos)
      << life.lane("a").error;
  run("ALTER TABLE " + mine("t") + " RENAME mm TO m");
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(all("t", "n::text", "n"), "1 2 3 4 5 6 7 8 9 10");
  EXPECT_EQ(count("dead_letters"), "0");
}

TEST_F(OwnTableDelivery, WhatAnAlteredTableRefusedGoesBackOnce) {
  create("t", "n int");
  Life life(with("[sources.a]\ntable = \"" + mine("t") + "\"\ncolumns = { n = \"/n\" }\n"));
  life.begin();
  life.append_body("a", R"({"n": 0})");
  ASSERT_TRUE(life.delivered());
  run("ALTER TABLE " + mine("t") + " ADD CONSTRAINT none CHECK (n < 1)");
  for (int i = 1; i <= 50; ++i) life.append_body("a", "{\"n\": " + std::to_string(i) + "}");
  ASSERT_TRUE(life.held("a"));
  EXPECT_EQ(count("dead_letters"), "20");
  run("ALTER TABLE " + mine("t") + " DROP CONSTRAINT none");
  ASSERT_TRUE(testing::wait_until(std::chrono::seconds(20),
                                  [&] { return value("SELECT count(*) FROM " + mine("t")) == "51"; }));
  ASSERT_TRUE(life.delivered());
  EXPECT_EQ(value("SELECT count(DISTINCT n) FROM " + mine("t")), "51");
  EXPECT_EQ(count("dead_letters"), "0");
}

// One event that its trigger drops, and one column that its trigger fills, do not hold the lane.
TEST_F(OwnTableDelivery, ATriggerOfTheTableDecidesAboutItsRows) {
  create("t", "n int, filled text NOT NULL");
  run("CREATE FUNCTION " + mine("fill") +
      "() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.n = 2 THEN RETURN NULL;"
      " END IF; NEW.filled = 'x'; RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT ON " +
      mine("t") + " FOR EACH ROW EXECUTE FUNCTION " + mine("fill") + "()");
  Life life(with("[sources.a]\ntable = \"" + mine("t") + "\"\ncolumns = { n = \"/n\" }\n"));
  life.begin();
  for (int i = 1; i <= 3; ++i) life.append_body("a", "{\"n\": " + std::to_string(i) + "}");
  ASSERT_TRUE(life.delivered()) << life.lane("a").error;
  EXPECT_EQ(all("t", "n || filled", "n"), "1x 3x");
  EXPECT_EQ(count("dead_letters"), "0");
}

// What is too long for a domain, and what a type would cut, are dead letters; Stripe's expandable fields stay strings.
TEST_F(OwnTableDelivery, AValueIsAssignedNotCast) {
  run("CREATE DOMAIN " + mine("code") + " AS varchar(5)");
  create("t", "c " + mine("code") + ", j jsonb, tags text[]");
  Life life(with("[sources.a]\ntable = \"" + mine("t") +
                 "\"\ncolumns = { c = \"/c\", j = \"/j\", tags = \"/t\" }\n"));
  life.begin();
  life.append_body("a", R"({"c": "abcdefgh"})");
  life.append_body("a", R"({"c": "abcde", "j": "123", "t": ["a", "b"]})");
  life.append_body("a", R"({"c": "x", "j": "pi_1"})");
  ASSERT_TRUE(life.delivered()) << life.lane("a").error;
  EXPECT_EQ(all("t", "concat_ws('/', c, j, tags)", "c"), R"(abcde/"123"/{a,b} x/"pi_1")");
  EXPECT_EQ(value("SELECT string_agg(sqlstate, ' ') FROM " + table("dead_letters")), "22001");
}

TEST_F(OwnTableDelivery, RepairBelievesTheJournalAndSendsNothingTwice) {
  create("t", "n int PRIMARY KEY");
  const auto options = with("[sources.a]\ntable = \"" + mine("t") + "\"\ncolumns = { n = \"/n\" }\n");
  {
    Life life(options);
    life.begin();
    for (int i = 1; i <= 10; ++i) life.append_body("a", i == 3 ? "{}" : "{\"n\": " + std::to_string(i) + "}");
    ASSERT_TRUE(life.delivered());
  }
  ASSERT_EQ(count("dead_letters"), "1");
  run("DELETE FROM " + table("watermarks"));
  Life life(options);
  life.begin();
  ASSERT_TRUE(life.held("a")) << "a dead letter above the watermark that is not there";
  ASSERT_TRUE(life.lanes().repair("a"));
  life.append_body("a", R"({"n": 11})");
  ASSERT_TRUE(life.delivered()) << life.lane("a").error;
  EXPECT_EQ(all("t", "n::text", "n"), "1 2 4 5 6 7 8 9 10 11");
  EXPECT_EQ(count("dead_letters"), "1");
}

// Whatever a sender sends arrives as jsonb or is kept as bytes, in databases that cannot hold every character.
class OtherEncoding : public DeliveryTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(OtherEncoding, TakesEveryPayload) {
  const std::string database = "db_" + GetParam();
  run("CREATE DATABASE " + database + " OWNER hookspool TEMPLATE template0 ENCODING '" + GetParam() +
      "' LC_COLLATE 'C' LC_CTYPE 'C'");
  auto options = this->options();
  options.conninfo += " dbname=" + database;
  Life life(options);
  life.begin();
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"({"plain": "ascii"})", ""},
      {R"({"ascii": "\u0041"})", ""},
      {"{\"e\": \"\xc3\xa9\"}", "encoding"},
      {R"({"e": "\u00e9"})", "encoding"},
      {R"({"emoji": "\ud83d\ude00"})", "encoding"},
      {"{\"emoji\": \"\xf0\x9f\x98\x80\"}", "encoding"},
      {R"({"\u20ac": 1})", "encoding"},
      {R"({"nul": "\u0000"})", "nul"},
      {R"({"lone": "\ud800"})", "surrogate"},
      {"{\"nul\": \"\\u0000\", \"e\": \"\xc3\xa9\"}", "encoding"},
      {"\xef\xbb\xbf{\"ascii\": 1, \"ascii\": 2}", "bom,duplicate_key"},
      {"\xef\xbb\xbf{\"e\": \"\xc3\xa9\"}", "encoding"},
      {"{\"utf8\": \"\xff\"}", "utf8"},
      {"a=b&c=d%00", "not_json"},
      {std::string("\0\xff", 2), "not_json"},
      {"", "not_json"},
  };
  for (const auto& [body, issue] : cases) life.append_body("a", body);
  ASSERT_TRUE(life.delivered()) << life.lane("a").state << ": " << life.lane("a").error;
  const auto rows = testing::pg_query(
      shared_cluster().superuser_conninfo(database),
      "SELECT payload_issue, encode(body, 'hex'), payload IS NULL FROM " + table("events") + " ORDER BY seq");
  ASSERT_EQ(rows.size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    EXPECT_EQ(rows[i][0].value_or(""), cases[i].second) << cases[i].first;
    if (cases[i].second.empty()) {
      EXPECT_EQ(rows[i][2], "f") << cases[i].first;
      continue;
    }
    std::string hex;
    for (const char c : cases[i].first) {
      constexpr std::string_view digits = "0123456789abcdef";
      hex += digits[static_cast<unsigned char>(c) >> 4];
      hex += digits[static_cast<unsigned char>(c) & 15];
    }
    EXPECT_EQ(rows[i][1].value_or("NULL"), hex) << cases[i].first;
  }
  EXPECT_EQ(testing::pg_query(shared_cluster().superuser_conninfo(database),
                              "SELECT count(*) FROM " + table("dead_letters"))[0][0],
            "0");
}

INSTANTIATE_TEST_SUITE_P(Databases, OtherEncoding, ::testing::Values("latin1", "sql_ascii"),
                         [](const auto& name) { return name.param; });

}  // namespace
}  // namespace hookspool::agent

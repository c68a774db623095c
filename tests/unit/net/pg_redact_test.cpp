// What is redacted reaches PostgreSQL in no column of no table, and what of a body is kept beside the payload.
#include <array>

#include "net/pg/ledger/ledger.h"
#include "net/pg/tables/mapping.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

constexpr const char* kSecret = "4111-secret";
constexpr const char* kForm = "application/x-www-form-urlencoded";

class RedactTest : public PgTest {
 protected:
  RedactTest() {
    make_schema();
    connection_ = connect();
    for (const char* pointer : {"/card/number", "/cards/*/number", "/pan"})
      rules_.redaction.pointers.push_back(*JsonPointer::parse(pointer));
    rules_.redaction.headers = {"x-api-key"};
  }
  PgOptions with(const BodyRules& rules, std::optional<LaneMapping> lane = {}) const {
    PgOptions options = this->options();
    auto tables = std::make_shared<LaneTables>();
    tables->bodies.emplace("github", rules);
    if (lane) tables->by_lane.emplace("github", std::move(*lane));
    options.tables = std::move(tables);
    return options;
  }
  TableMapping mapping(const std::vector<std::pair<std::string, std::string>>& columns) const {
    TableMapping made;
    made.schema = schema_;
    made.table = "mine";
    for (const auto& [column, spec] : columns)
      made.columns.push_back({column, parse_column_source(spec).value()});
    return made;
  }
  EventPtr add(const std::string& body, const std::string& content_type = "application/json") {
    auto event = std::make_shared<StoredEvent>(*lane_.add(body));
    event->event.content_type = content_type;
    event->event.headers = R"({"x-api-key":"4111-secret","b":"2"})";
    lane_.events.back() = event;
    return event;
  }
  std::string one(const std::string& sql) { return value(*connection_, sql); }
  // Rows of all our tables, as text, in which the secret stands; its bytes as hexadecimal digits too.
  std::string leaks(const std::vector<std::string>& names) {
    std::string found;
    for (const std::string& name : names) {
      found += one("SELECT coalesce(string_agg(t::text, ' '), '') FROM " + table(name) +
                   " t WHERE t::text LIKE '%4111-secret%' OR t::text LIKE '%343131312d736563726574%'");
    }
    return found;
  }

  BodyRules rules_;
  Lane lane_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(RedactTest, NothingOfItIsInTheEventsTable) {
  rules_.form = FormRules{.json = {}, .lists = {}, .multipart = true};
  const std::string secret = kSecret;
  add("{\"card\":{\"number\":\"" + secret + "\"},\"a\":1}");
  add("{\"card\":{\"number\":\"" + secret + "\",\"number\":1}}");  // both stay in a raw body
  add("{\"cards\":[{\"number\":\"" + secret + "\"},{\"number\":[\"" + secret + "\"]}]}");
  add("{\"card\":{\"number\":\"" + secret + "\"},\"n\":1e999999}");  // JSON, but no jsonb
  add("{\"card\":{\"number\":\"" + secret + "\"");                   // no JSON
  add("\xef\xbb\xbf{\"card\":{\"n\\u0075mber\":\"" + secret + "\"}}");
  add("a=1&pan=" + secret, kForm);
  add("--b\r\nContent-Disposition: form-data; name=pan\r\n\r\n" + secret + "\r\n--b--",
      "multipart/form-data; boundary=b");
  add("--b\r\nContent-Disposition: form-data; name=pan\r\n\r\n" + secret, "multipart/form-data; boundary=b");
  add("");
  const auto sent = deliver(*connection_, with(rules_), lane_, 1000);
  ASSERT_TRUE(sent) << sent.error().text;
  EXPECT_EQ(leaks({"events"}), "");
  EXPECT_EQ(one("SELECT string_agg(coalesce(payload_issue, '-'), ' ' ORDER BY seq) FROM " + table("events")),
            "- duplicate_key - number redacted bom - - redacted not_json");
  EXPECT_EQ(one("SELECT string_agg(convert_from(body, 'UTF8'), ' ' ORDER BY seq) FROM " + table("events") +
                " WHERE payload_issue = 'redacted' OR payload_issue = 'number'"),
            "{\"card\":{\"number\":\"[redacted]\"},\"n\":1e999999} [redacted] [redacted]");
  EXPECT_EQ(one("SELECT string_agg(payload ->> 'pan', ' ' ORDER BY seq) FROM " + table("events") +
                " WHERE content_type <> 'application/json'"),
            "[redacted] [redacted]");
  EXPECT_EQ(one("SELECT string_agg(DISTINCT headers::text, ' ') FROM " + table("events")),
            R"({"b": "2", "x-api-key": "[redacted]"})");
}

TEST_F(RedactTest, DeadLettersAndOwnTablesHaveNothingOfItEither) {
  ASSERT_TRUE(
      connection_->query("CREATE TABLE " + table("mine") +
                             " (id uuid PRIMARY KEY, number text, card jsonb, raw bytea, payload jsonb,"
                             " key text, headers jsonb, amount int NOT NULL)",
                         soon()));
  LaneMapping lane(mapping({{"id", "@id"},
                            {"number", "/card/number"},
                            {"card", "/card"},
                            {"raw", "@body"},
                            {"payload", "@payload"},
                            {"key", "header:x-api-key"},
                            {"headers", "@headers"},
                            {"amount", "/amount"}}));
  const std::string card = "{\"card\":{\"number\":\"" + std::string(kSecret) + "\"},\"amount\":";
  add(card + "1}");
  const PgOptions options = with(rules_, lane);
  ASSERT_TRUE(deliver(*connection_, options, lane_, 1000));
  EXPECT_EQ(
      one("SELECT concat_ws(' ', number, card, convert_from(raw, 'UTF8'), payload ->> 'amount', key, headers)"
          " FROM " +
          table("mine")),
      "[redacted] {\"number\": \"[redacted]\"} {\"card\":{\"number\":\"[redacted]\"},\"amount\":1} 1 "
      "[redacted]"
      " {\"b\": \"2\", \"x-api-key\": \"[redacted]\"}");

  // PostgreSQL puts the whole row into its message.
  const EventPtr refused = add(card + "null}");
  const auto sent = deliver(*connection_, options, lane_, 1000);
  ASSERT_FALSE(sent);
  auto transaction = DeliveryTransaction::begin(*connection_, options, lane_.key(), false);
  ASSERT_TRUE(transaction) << transaction.error().text;
  ASSERT_TRUE(transaction->bury(*refused, sent.error()));
  ASSERT_TRUE(transaction->commit());
  EXPECT_EQ(leaks({"mine", "dead_letters"}), "");
  EXPECT_NE(one("SELECT message FROM " + table("dead_letters")).find("null value in column"),
            std::string::npos);
  EXPECT_EQ(one("SELECT convert_from(body, 'UTF8') FROM " + table("dead_letters")),
            R"({"card":{"number":"[redacted]"},"amount":null})");
  EXPECT_NE(one("SELECT convert_from(request, 'UTF8') FROM " + table("dead_letters"))
                .find(R"("x-api-key":"[redacted]")"),
            std::string::npos);

  // Compared with the journal, both are there; and what is put in by comparing is redacted as well.
  const auto found = find_events(*connection_, options, lane_.key().agent_id, lane_.name, lane_.events);
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->size(), 2u);
  ASSERT_TRUE(connection_->query("DELETE FROM " + table("mine"), soon()));
  auto healing = DeliveryTransaction::begin(*connection_, options, lane_.key(), false);
  ASSERT_TRUE(healing);
  ASSERT_TRUE(healing->reconcile(std::span(&lane_.events[0], 1), UINT64_MAX));
  ASSERT_TRUE(healing->commit());
  EXPECT_EQ(one("SELECT count(*) FROM " + table("mine")), "1");
  EXPECT_EQ(leaks({"mine"}), "");
}

TEST_F(RedactTest, KeepRawSaysWhetherTheBodyIsBesideThePayload) {
  const auto bodies = [&](KeepRaw keep_raw, const std::string& name) {
    Lane lane(name);
    std::swap(lane, lane_);
    add(R"({"a":1})");
    add(R"({"a":1,"a":2})");
    add("a=1", kForm);
    add("no JSON");
    PgOptions options = this->options();
    auto tables = std::make_shared<LaneTables>();
    tables->bodies.emplace(name, BodyRules{FormRules(), {}, keep_raw});
    options.tables = std::move(tables);
    const auto sent = deliver(*connection_, options, lane_, 1000);
    EXPECT_TRUE(sent) << sent.error().text;
    return one(
        "SELECT string_agg(concat_ws('/', payload IS NOT NULL, coalesce(convert_from(body, 'UTF8'), '-'),"
        " payload_issue), ' ' ORDER BY seq) FROM " +
        table("events") + " WHERE source = '" + name + "'");
  };
  EXPECT_EQ(bodies(KeepRaw::kUnparsed, "a"),
            "t/- t/{\"a\":1,\"a\":2}/duplicate_key t/a=1 f/no JSON/not_json");
  EXPECT_EQ(bodies(KeepRaw::kAlways, "b"),
            "t/{\"a\":1} t/{\"a\":1,\"a\":2}/duplicate_key t/a=1 f/no JSON/not_json");
  EXPECT_EQ(bodies(KeepRaw::kNever, "c"), "t/- t/-/duplicate_key t/- f/no JSON/not_json");
}

}  // namespace
}  // namespace hookspool::net

// What an application makes of a webhook, as a user meets it: a request goes in, rows come out.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

class RowsTest : public ::testing::Test {
 protected:
  void start(const std::string& tables, const std::string& sources) {
    postgres_.query(tables);
    AgentOptions options = agent_options(postgres_.conninfo());
    options.sources = sources;
    agent_.emplace(options);
    agent_->start();
  }
  Answer post(const std::string& source, const std::string& body,
              const std::string& headers = "Content-Type: application/json\r\n") const {
    return RawClient(agent_->intake_port()).exchange(post_request("/hooks/" + source, headers, body));
  }
  std::string command(std::vector<std::string> words) const {
    words.insert(words.begin(), agent_binary());
    words.insert(words.end(), {"--config", agent_->config_file().string()});
    return run_and_capture({.argv = std::move(words)}, seconds(60)).output;
  }
  Json json_of(std::vector<std::string> words) const {
    words.emplace_back("--json");
    const std::string output = command(std::move(words));
    const auto begin = output.find('{'), end = output.rfind('}');
    if (begin == std::string::npos || end == std::string::npos) return Json::object();
    return Json::parse(output.substr(begin, end + 1 - begin), nullptr, false);
  }
  std::string value(const std::string& sql) const { return postgres_.value(sql); }

  PgCluster postgres_;
  std::optional<AgentProcess> agent_;
};

TEST_F(RowsTest, EachMessageOfAWebhookIsARowThatCanBeCompared) {
  start(
      "CREATE TABLE messages (event_id uuid, item int, page text, user_id text NOT NULL, sent_at timestamptz "
      "NOT "
      "NULL, PRIMARY KEY (event_id, item)); GRANT INSERT, SELECT ON messages TO hookspool",
      "[sources.messenger]\n"
      "table = \"public.messages\"\n"
      "for_each = \"/entry/*/messaging/*\"\n"
      "columns = { event_id = \"@id\", item = \"@item\", page = \"../id\", user_id = \"./sender/id\","
      " sent_at = \"./timestamp | unix_ms\" }\n");
  const std::string message = R"({"sender":{"id":"u"},"timestamp":1700000000000})";
  const std::string batch = R"({"entry":[{"id":"p1","messaging":[)" + message + "," + message +
                            R"(]},{"id":"p2","messaging":[)" + message + "]}]}";
  for (int i = 0; i < 5; ++i) ASSERT_EQ(post("messenger", batch).status, 200);
  ASSERT_EQ(post("messenger", R"({"entry":[{"id":"p3"}]})").status, 200);
  ASSERT_EQ(
      post("messenger", R"({"entry":[{"messaging":[)" + message + R"(,{"sender":{"id":"u"}}]}]})").status,
      200);
  agent_->wait_caught_up();
  EXPECT_EQ(
      value("SELECT count(*) || ' ' || count(DISTINCT event_id) || ' ' || string_agg(DISTINCT page, ',')"
            " FROM messages"),
      "15 5 p1,p2");
  EXPECT_TRUE(
      value("SELECT message FROM hookspool.dead_letters").starts_with("inserting rows: /entry/0/messaging/1"))
      << value("SELECT message FROM hookspool.dead_letters");
  EXPECT_EQ(agent_->health("/lanes/0/items_empty"), "1");
  EXPECT_EQ(agent_->health("/lanes/0/items_missing"), "1");
  const std::string status =
      command({"status", "--admin", "127.0.0.1:" + std::to_string(agent_->admin_port())});
  EXPECT_NE(status.find("for_each: 1 events without an element, 1 places without a list"), std::string::npos)
      << status;

  auto compared = json_of({"verify"})["sources"][0];
  EXPECT_EQ(compared.value("received", 0), 7) << compared;
  EXPECT_EQ(compared.value("in_table", 0), 6) << compared;
  EXPECT_EQ(compared.value("missing", -1), 0) << compared;
  postgres_.query(
      "DELETE FROM messages WHERE item = 2 AND event_id = (SELECT min(event_id::text)::uuid FROM messages)");
  compared = json_of({"verify"})["sources"][0];
  EXPECT_EQ(compared.value("missing", -1), 1) << compared;
  (void)command({"verify", "--repair"});
  EXPECT_EQ(value("SELECT count(*) FROM messages"), "15");
  EXPECT_EQ(json_of({"verify"}).value("missing", -1), 0);
}

TEST_F(RowsTest, WhatIsNotKeptIsAnsweredAndCountedAndNowhere) {
  start("CREATE TABLE opened (n int); GRANT INSERT ON opened TO hookspool",
        "[sources.a]\n"
        "keep = '/action in [\"opened\", \"closed\"] and not header:x-test exists'\n"
        "max_rate = 1\n"
        "max_burst = 2\n"
        "table = \"public.opened\"\n"
        "where = '/action = \"opened\"'\n"
        "columns = { n = \"/n\" }\n"
        "also = \"events\"\n"
        "[sources.b]\n"
        "keep = '/a exists'\n"
        "response = { status = 202, body = \"OK\" }\n");
  for (int i = 0; i < 5; ++i) {
    const Answer answer = post("a", R"({"action":"edited","n":1})");
    EXPECT_EQ(answer.status, 200) << "what is filtered does not count for max_rate";
    EXPECT_EQ(answer.body, "{\"filtered\":true}\n");
  }
  EXPECT_EQ(post("a", R"({"action":"opened","n":2})", "X-Test: 1\r\n").body, "{\"filtered\":true}\n");
  EXPECT_EQ(post("a", "no json").body, "{\"filtered\":true}\n");
  const Answer other = post("b", "{}");
  EXPECT_EQ(other.status, 202);
  EXPECT_EQ(other.body, "OK");
  EXPECT_FALSE(post("a", R"({"action":"opened","n":3})").id().empty());
  EXPECT_FALSE(post("a", R"({"action":"closed","n":4})").id().empty());
  agent_->wait_caught_up();
  EXPECT_EQ(value("SELECT string_agg(n::text, ' ') FROM opened"), "3");
  EXPECT_EQ(value("SELECT string_agg(payload ->> 'n', ' ' ORDER BY id) FROM hookspool.events"), "3 4");
  EXPECT_EQ(agent_->health("/intake/filtered"), "8");
  EXPECT_EQ(agent_->health("/intake/accepted"), "2");
  EXPECT_EQ(agent_->health("/lanes/0/rows_filtered"), "1");
  const std::string status =
      command({"status", "--admin", "127.0.0.1:" + std::to_string(agent_->admin_port())});
  EXPECT_NE(status.find("8 more were not kept"), std::string::npos) << status;
  EXPECT_NE(status.find("where: 1 rows left out"), std::string::npos) << status;
}

// What one table refuses is in neither, and the numbers of the feed have no hole for it.
TEST_F(RowsTest, ATableAndTheEventsBesideItAreFilledTogether) {
  start("CREATE TABLE numbers (n int NOT NULL CHECK (n <> 4)); GRANT INSERT ON numbers TO hookspool",
        "[sources.a]\n"
        "table = \"public.numbers\"\n"
        "columns = { n = \"/n\" }\n"
        "also = \"events\"\n");
  postgres_.stop();  // so that they come in one transaction
  for (int n = 1; n <= 6; ++n) EXPECT_EQ(post("a", "{\"n\":" + std::to_string(n) + "}").status, 200);
  postgres_.start();
  agent_->wait_caught_up();
  EXPECT_EQ(post("a", R"({"n":7})").status, 200);
  agent_->wait_caught_up();
  EXPECT_EQ(value("SELECT string_agg(n::text, ' ' ORDER BY n) FROM numbers"), "1 2 3 5 6 7");
  EXPECT_EQ(value("SELECT string_agg((payload ->> 'n') || '=' || arrival, ' ' ORDER BY arrival) FROM "
                  "hookspool.events"),
            "1=1 2=2 3=3 5=4 6=5 7=6");
  EXPECT_EQ(value("SELECT count(*) || ' ' || max(arrival) FROM hookspool.feeds"), "1 6");
  EXPECT_EQ(value("SELECT count(*) FROM hookspool.dead_letters"), "1");
}

TEST_F(RowsTest, AFormIsJsonForColumnsPayloadAndRepeats) {
  start("CREATE TABLE sms (sid text, sender text); GRANT INSERT ON sms TO hookspool",
        "[sources.sms]\n"
        "form = \"json\"\n"
        "dedupe = \"/MessageSid\"\n"
        "keep = '/From starts_with \"+49\"'\n"
        "table = \"public.sms\"\n"
        "columns = { sid = \"/MessageSid\", sender = \"/From\" }\n"
        "also = \"events\"\n");
  const std::string type = "Content-Type: application/x-www-form-urlencoded\r\n";
  const Answer first = post("sms", "MessageSid=SM1&From=%2B4912", type);
  const Answer again = post("sms", "From=%2B4912&MessageSid=SM1&Retry=1", type);
  EXPECT_EQ(again.id(), first.id());
  EXPECT_NE(again.body.find("\"duplicate\":true"), std::string::npos) << again.body;
  EXPECT_EQ(post("sms", "MessageSid=SM2&From=%2B1", type).body, "{\"filtered\":true}\n");
  agent_->wait_caught_up();
  EXPECT_EQ(value("SELECT string_agg(sid || sender, ' ') FROM sms"), "SM1+4912");
  EXPECT_EQ(value("SELECT concat_ws(' ', payload ->> 'From', payload_issue, convert_from(body, 'UTF8')) FROM"
                  " hookspool.events"),
            "+4912 MessageSid=SM1&From=%2B4912");
}

// Whether a file below `folder` has the text, as bytes.
bool is_on_disk(const std::filesystem::path& folder, const std::string& text) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    if (bytes.find(text) != std::string::npos) return true;
  }
  return false;
}

TEST_F(RowsTest, WhatIsRedactedIsNotInPostgresqlAndNotInTheJournalWhereItIsAskedFor) {
  const std::string rules =
      "dedupe = \"/card/number\"\n"
      "redact = [\"/card/number\", \"header:x-api-key\"]\n"
      "table = \"public.amounts\"\n"
      "columns = { id = \"@id\", n = \"/n\", raw = \"@body\", headers = \"@headers\" }\n"
      "also = \"events\"\n";
  start(
      "CREATE TABLE amounts (id uuid PRIMARY KEY, n int NOT NULL, raw bytea, headers jsonb);"
      "GRANT INSERT, SELECT ON amounts TO hookspool",
      "[sources.a]\n" + rules + "[sources.b]\nredact_journal = true\n" + rules);
  const auto send = [&](const std::string& source, const std::string& secret, const std::string& n) {
    return post(source, "{\"card\":{\"number\":\"" + source + secret + "\"},\"n\":" + n + "}",
                "Content-Type: application/json\r\nX-Api-Key: key-" + source + secret + "\r\n");
  };
  for (const std::string source : {"a", "b"}) {
    const Answer first = send(source, "-secret-1", "1");
    EXPECT_EQ(send(source, "-secret-1", "1").id(), first.id()) << "the key is made of what was sent";
    EXPECT_EQ(send(source, "-secret-2", "2").body.find("duplicate"), std::string::npos);
    EXPECT_EQ(send(source, "-secret-3", "null").status,
              200);  // PostgreSQL puts the whole row into its message
    EXPECT_EQ(post(source, "no JSON: " + source + "-secret-4").status, 200);
  }
  agent_->wait_caught_up();
  const auto nothing_leaks = [&] {
    for (const std::string table : {"public.amounts", "hookspool.events", "hookspool.dead_letters"}) {
      EXPECT_EQ(value("SELECT count(*) FROM " + table +
                      " t WHERE t::text LIKE '%-secret-%' OR t::text LIKE '%2d7365637265742d%'"),
                "0")
          << table;
    }
  };
  nothing_leaks();
  EXPECT_EQ(
      value("SELECT string_agg(payload::text, ' ' ORDER BY id) FROM hookspool.events WHERE source = 'a'"),
      R"({"n": 1, "card": {"number": "[redacted]"}} {"n": 2, "card": {"number": "[redacted]"}})");
  EXPECT_EQ(value("SELECT count(*) FROM hookspool.dead_letters"), "4");
  EXPECT_TRUE(is_on_disk(agent_->journal(), "a-secret-1"));
  EXPECT_FALSE(is_on_disk(agent_->journal(), "b-secret-"));

  // Dead letters that are put back are the same rows as if they had been taken at first.
  postgres_.query("ALTER TABLE amounts ALTER n DROP NOT NULL");
  (void)command({"dead", "retry", "--all"});
  EXPECT_TRUE(wait_until(seconds(60), [&] { return value("SELECT count(*) FROM amounts") == "8"; }));
  nothing_leaks();
  EXPECT_FALSE(is_on_disk(agent_->journal(), "b-secret-"));
  EXPECT_EQ(
      value("SELECT count(*) FROM hookspool.events WHERE payload_issue = 'redacted' AND body = '[redacted]'"),
      "2");
  EXPECT_EQ(json_of({"verify"}).value("missing", -1), 0);
}

// What is to be kept elsewhere is exported, and then it goes; the journal does not bring it back.
TEST_F(RowsTest, OldRowsAreExportedAndThenDeletedForGood) {
  AgentOptions options = agent_options(postgres_.conninfo());
  options.more_postgres += "keep_rows = \"30d\"\n";
  agent_.emplace(options);
  agent_->start();
  for (int n = 0; n < 5; ++n) ASSERT_EQ(post("a", "{\"n\":" + std::to_string(n) + "}").status, 200);
  agent_->wait_caught_up();
  postgres_.query(
      "UPDATE hookspool.events SET received_at = received_at - interval '40 days' WHERE (payload ->> "
      "'n')::int < 3");
  const std::string exported = command({"export", "--source", "a", "--until", "30d"});
  EXPECT_EQ(std::count(exported.begin(), exported.end(), '\n'), 3) << exported;
  const Json first = Json::parse(exported.substr(0, exported.find('\n')), nullptr, false);
  EXPECT_EQ(first.value("/payload/n"_json_pointer, -1), 0) << exported;
  EXPECT_EQ(first.value("arrival", 0), 1) << exported;
  EXPECT_EQ(command({"export", "--source", "b"}), "");
  EXPECT_NE(command({"export", "--since", "yesterday"}).find("is no time"), std::string::npos);

  EXPECT_EQ(agent_->terminate().code, 0);
  // As if they had been visible for a day: from now on they may go.
  postgres_.query(
      "INSERT INTO hookspool.retention (feed, settled, coming) SELECT feed, arrival, arrival FROM "
      "hookspool.feeds"
      " ON CONFLICT (feed) DO UPDATE SET settled = EXCLUDED.settled");
  agent_->start();  // a round begins with it
  ASSERT_TRUE(wait_until(seconds(60), [&] {
    return agent_->health("/postgres/keep_rows/deleted_rows") == "3";
  })) << agent_->health();
  EXPECT_EQ(value("SELECT string_agg(payload ->> 'n', ' ') FROM hookspool.events"), "3 4");
  const auto compared = json_of({"verify"})["sources"][0];
  EXPECT_EQ(compared.value("pruned", 0), 3) << compared;
  EXPECT_EQ(compared.value("missing", -1), 0) << compared;
  (void)command({"replay"});
  (void)command({"verify", "--repair"});
  EXPECT_EQ(value("SELECT count(*) FROM hookspool.events"), "2");
  const std::string status =
      command({"status", "--admin", "127.0.0.1:" + std::to_string(agent_->admin_port())});
  EXPECT_NE(status.find("3 rows deleted since the start"), std::string::npos) << status;
  const std::string metrics = RawClient(agent_->admin_port()).exchange(get_request("/metrics")).body;
  EXPECT_NE(metrics.find("\nhookspool_rows_deleted_total 3\n"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("\nhookspool_keep_rows_blocked{why=\"error\"} 0\n"), std::string::npos);
  EXPECT_NE(metrics.find("\nhookspool_keep_rows_last_round_timestamp_seconds "), std::string::npos);
}

}  // namespace
}  // namespace hookspool::testing

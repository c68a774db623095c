// What a client sent comes back in PostgreSQL's words: it acts on no terminal, fills no log, and is not in /health.
#include <nlohmann/json.hpp>
#include <regex>

#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using std::chrono::seconds;

// Escape sequences, a carriage return, C1 as UTF-8 and a bidirectional override, as JSON and as it must not be seen.
constexpr const char* kEvilJson = R"(\u001b[2J\r\u009b31m\u202eevil)";
const std::vector<std::string> kEvil{"\x1b", "\r", "\u009b", "\u202e"};

void expect_harmless(const std::string& text, const std::string& what) {
  for (const auto& each : kEvil)
    EXPECT_EQ(text.find(each), std::string::npos) << what << ": " << text.substr(0, 3000);
}

class StrangerTextTest : public ::testing::Test {
 protected:
  StrangerTextTest() : agent_(agent_options(postgres_.conninfo())) {
    postgres_.query(
        "CREATE TABLE public.typed (n integer, t text);"
        "CREATE FUNCTION public.quote() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.t IS NOT NULL "
        "THEN "
        "RAISE EXCEPTION 'not %', NEW.t USING HINT = NEW.t, CONSTRAINT = 'c'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER quote BEFORE INSERT ON public.typed FOR EACH ROW EXECUTE FUNCTION public.quote();"
        "GRANT ALL ON public.typed TO PUBLIC");
    agent_.options().sources =
        "[sources.a]\ntable = \"public.typed\"\n[sources.a.columns]\nn = \"/n\"\nt = \"/t\"\n";
  }
  void post(const std::string& body) const {
    const Answer answer = RawClient(agent_.intake_port())
                              .exchange(post_request("/hooks/a", "Content-Type: application/json\r\n", body));
    ASSERT_EQ(answer.status, 200) << answer.body;
  }
  std::string command(std::vector<std::string> words) const {
    words.insert(words.begin(), agent_binary());
    words.insert(words.end(), {"--config", agent_.config_file().string()});
    return run_and_capture({.argv = std::move(words)}, seconds(60)).output;
  }
  std::string dead(const std::string& what) const {
    return postgres_.value("SELECT " + what + " FROM hookspool.dead_letters");
  }
  bool wait_dead(int count) const {
    return wait_until(seconds(90),
                      [&] { return agent_.health_number("/postgres/recovery/dead_letters") >= count; });
  }

  PgCluster postgres_;
  AgentProcess agent_;
};

TEST_F(StrangerTextTest, ActsOnNoTerminal) {
  agent_.start();
  post(std::string(R"({"n":")") + kEvilJson + R"("})");  // 22P02, which quotes the value
  post(std::string(R"({"t":")") + kEvilJson + R"("})");  // RAISE in a trigger
  post(R"({"n":1})");
  ASSERT_TRUE(wait_dead(2)) << agent_.log();
  ASSERT_NE(dead("string_agg(message, ' ')").find("evil"), std::string::npos) << "or nothing is shown";
  expect_harmless(dead("string_agg(message, ' ')"), "dead_letters.message");
  expect_harmless(agent_.log(), "the log");
  EXPECT_NE(agent_.log().find("\\x1b[2J\\r\\u009b31m\\u202eevil"), std::string::npos) << agent_.log();
  expect_harmless(agent_.health(), "/health");
  EXPECT_EQ(agent_.health().find("evil"), std::string::npos) << agent_.health();
  expect_harmless(command({"status"}), "status");
  expect_harmless(command({"dead", "list"}), "dead list");
  expect_harmless(command({"dead", "list", "--json"}), "dead list --json");
  const std::string id = dead("min(id::text)");
  expect_harmless(command({"dead", "show", id}), "dead show");
  expect_harmless(command({"dead", "show", id, "--json"}), "dead show --json");
  expect_harmless(command({"verify"}), "verify");
}

TEST_F(StrangerTextTest, IsShortWhereverItIsKept) {
  agent_.start();
  const std::string big(900'000, 'x');
  for (int i = 0; i < 10; ++i) {
    post(R"({"n":")" + big + R"("})");
    post(R"({"t":")" + big + R"("})");
    post(R"({"n":1})");  // the table takes rows, so none of this is its fault
  }
  ASSERT_TRUE(wait_dead(20)) << agent_.log().substr(0, 5000);
  EXPECT_LT(std::stoi(dead("max(length(message))")), 1'200);
  EXPECT_LT(agent_.log().size(), 200'000u);
  EXPECT_LT(agent_.health().size(), 50'000u);
  EXPECT_LT(command({"dead", "list"}).size(), 20'000u);
}

// Not only of what is the event's own fault: a trigger can bring an event's text into any error, with any SQLSTATE. The page
// has no password, and the intake has none of it.
TEST_F(StrangerTextTest, IsOnNoPageWhateverTheSqlstate) {
  postgres_.query(
      "CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "IF NEW.n = 1 THEN EXECUTE format('SELECT 1 FROM %I', NEW.t); END IF; "
      "IF NEW.n = 2 THEN RAISE '%', NEW.t USING ERRCODE = '42501', HINT = NEW.t; END IF; "
      "IF NEW.n = 3 THEN RAISE '%', NEW.t USING ERRCODE = '57014', HINT = NEW.t; END IF; "
      "IF NEW.n = 4 THEN RAISE '%', NEW.t USING ERRCODE = '08006', HINT = NEW.t; END IF; "
      "IF NEW.n = 5 THEN RAISE '%', NEW.t USING ERRCODE = 'XX001', HINT = NEW.t; END IF; RETURN NEW; END $$;"
      "CREATE TABLE public.looked (n integer, t text);"
      "CREATE TRIGGER look BEFORE INSERT ON public.looked FOR EACH ROW EXECUTE FUNCTION public.look();"
      "GRANT ALL ON public.looked TO PUBLIC");
  std::string sources;
  for (int n = 1; n <= 5; ++n) {
    const std::string name = "s" + std::to_string(n);
    sources += "[sources." + name + "]\ntable = \"public.looked\"\n[sources." + name +
               ".columns]\nn = \"/n\"\nt = \"/t\"\n";
  }
  agent_.options().sources = sources;
  agent_.start();
  agent_.wait_mode("online");
  RawClient client(agent_.intake_port());
  for (int n = 1; n <= 5; ++n) {
    const std::string body = "{\"n\":" + std::to_string(n) + ",\"t\":\"card-4242\"}";
    ASSERT_EQ(client.exchange(post_request("/hooks/s" + std::to_string(n), "", body)).status, 200);
  }
  const auto shown = [&](const std::string& text) { return agent_.health().find(text) != std::string::npos; };
  for (const std::string sqlstate : {"42P01", "42501", "57014", "XX001"})
    EXPECT_TRUE(wait_until(seconds(30), [&] { return shown(sqlstate); })) << sqlstate << agent_.health();
  EXPECT_TRUE(wait_until(seconds(30), [&] { return agent_.log().find("card-4242") != std::string::npos; }));
  EXPECT_FALSE(shown("card-4242")) << agent_.health();
  EXPECT_TRUE(shown("no such table")) << "in our words: " << agent_.health();
  for (const std::string page : {"/health", "/readyz", "/", "/api/dead"}) {
    const Answer answer = client.exchange(get_request(page));
    EXPECT_EQ(answer.body.find("card-4242"), std::string::npos) << page << answer.body;
    EXPECT_EQ(answer.body.find("4250"), std::string::npos) << page << answer.body;
    EXPECT_EQ(answer.status, page == "/readyz" ? 200 : 404) << page;
  }
}

// A broken mapping, or one client's nonsense, makes a dead letter of each event, but no line of each.
TEST_F(StrangerTextTest, ADeadLetterForEachEventIsNoLineForEach) {
  agent_.start();
  constexpr int kEvents = 200;
  RawClient client(agent_.intake_port());
  for (int n = 0; n < kEvents; ++n)
    ASSERT_EQ(client.exchange(post_request("/hooks/a", "", R"({"n":"none"})")).status, 200);
  post(R"({"n":1})");
  ASSERT_TRUE(wait_dead(kEvents)) << agent_.log();
  EXPECT_EQ(agent_.terminate().code, 0);
  const std::string log = agent_.log();
  int lines = 0, counted = 0;
  for (std::size_t at = 0; (at = log.find(") is a dead letter: 22P02", at)) != std::string::npos; ++at)
    ++lines;
  const std::regex more(R"(lane a: (\d+) more dead letters? within 10 s \(22P02\))");
  for (std::sregex_iterator at(log.begin(), log.end(), more); at != std::sregex_iterator(); ++at)
    counted += std::stoi((*at)[1]);
  EXPECT_GE(lines, 1);
  EXPECT_LT(lines, 20) << log;
  EXPECT_EQ(lines + counted, kEvents) << log;
}

}  // namespace
}  // namespace hookspool::testing

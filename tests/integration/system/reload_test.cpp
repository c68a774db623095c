// Another configuration while the agent serves: sources that come, change and go, limits, tables, and a file that is wrong
// in any way, after which nothing has changed.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/integration/system/reload_fixture.h"

namespace hookspool::testing {
namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

constexpr int kUnavailable = 69, kConfig = 78;  // sysexits.h

// What the parser would take apart by recursion is refused before it: the agent goes on.
TEST_F(ReloadTest, AFileThatNestsTooDeepEndsNoAgent) {
  agent_.options().sources = "[sources.shop]\n";
  agent_.start();
  std::string parts = "a";
  for (int i = 0; i < 60'000; ++i) parts += ".a";
  for (const std::string& wrong :
       {parts + " = 1\n", "[" + parts + "]\n", "x = " + std::string(100'000, '[')}) {
    std::ofstream(agent_.config_file(), std::ios::trunc) << wrong;
    const Captured refused = command({"reload", "--socket", (agent_.journal() / "admin.sock").string()});
    EXPECT_EQ(refused.status.code, kConfig) << refused.output.substr(0, 500);
    EXPECT_NE(refused.output.find("more than 16"), std::string::npos) << refused.output.substr(0, 500);
    ::kill(agent_.pid(), SIGHUP);
    EXPECT_EQ(post("/hooks/shop"), 200);
  }
  EXPECT_TRUE(logged("more than 16 brackets")) << agent_.log();
  EXPECT_EQ(agent_.terminate().code, 0) << agent_.log();
}

TEST_F(ReloadTest, WhateverIsWrongChangesNothing) {
  agent_.options().sources = "[sources.shop]\n";
  agent_.start();
  const std::string secret = secret_file("open", "x");
  ::chmod((secrets_.path() / "open").c_str(), 0644);
  const std::string fifo = (secrets_.path() / "fifo").string();
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);  // its other end is never opened
  const std::map<std::string, std::string> wrong{
      {"[sources.new]\nverify = \"github\"\nsecrets = [{ file = \"" + fifo + "\" }]\n",
       "is not a regular file"},
      {"[sources.new]\n[sources.shop]\nmax_rat = 5\n", "max_rate"},
      {"[sources.new]\n[sources.shop]\nmax_rate = 0\n", "sources.shop.max_rate"},
      {"[sources.new]\nverify = \"github\"\nsecrets = [" + secret + "]\n", "chmod o-rwx"},
      {"[sources.new]\nverify = \"github\"\nsecrets = [{ credential = \"none\" }]\n",
       "CREDENTIALS_DIRECTORY"},
      {"[sources.new]\nverify = \"github\"\nsecrets = [{ env = \"NOT_SET_AT_ALL\" }]\n", "NOT_SET_AT_ALL"},
      {"[sources.new]\npath = \"/hooks/shop\"\n[sources.shop]\n", "another source's path"},
      {"[sources.new]\ntable = \"mine\"\n", "sources.new.table"},
  };
  for (const auto& [sources, named] : wrong) {
    const Captured refused = reload_with(sources);
    EXPECT_EQ(refused.status.code, kConfig) << sources << refused.output;
    EXPECT_NE(refused.output.find(named), std::string::npos) << refused.output;
    EXPECT_TRUE(logged(named)) << agent_.log();
    EXPECT_EQ(post("/hooks/shop"), 200);
    EXPECT_EQ(post("/hooks/new"), 404) << sources;
    EXPECT_EQ(agent_.health("/last_reload/result"), "refused");
    EXPECT_NE(agent_.health("/last_reload/reasons").find(named), std::string::npos) << agent_.health();
  }
  const Captured status = run_and_capture(
      {.argv = {agent_binary(), "status", "--admin", "127.0.0.1:" + std::to_string(agent_.admin_port())}});
  EXPECT_NE(status.output.find("the changed file is refused"), std::string::npos) << status.output;
  // What is no TOML cannot say where the agent is either; SIGHUP needs not ask it.
  const Captured torn = reload_with("[sources.shop\n");
  EXPECT_EQ(torn.status.code, kConfig);
  EXPECT_NE(torn.output.find("is not TOML"), std::string::npos) << torn.output;
  ::kill(agent_.pid(), SIGHUP);
  EXPECT_TRUE(logged("is not TOML here")) << agent_.log();
  std::filesystem::remove(agent_.config_file());
  ::kill(agent_.pid(), SIGHUP);
  EXPECT_TRUE(logged("cannot be read: No such file")) << agent_.log();
  EXPECT_EQ(post("/hooks/shop"), 200);
  EXPECT_EQ(agent_.health("/mode"), "journal-only");

  reload_to("[sources.new]\n[sources.shop]\n");
  EXPECT_EQ(post("/hooks/new"), 200);
  EXPECT_EQ(agent_.health("/last_reload/result"), "ok");
  EXPECT_EQ(agent_.health("/last_reload/changed"), "[\"sources.new (added)\"]");
}

TEST_F(ReloadTest, SourcesComeChangeAndGo) {
  agent_.options().sources = "[sources.shop]\n[sources.bot]\n";
  agent_.start();
  RawClient kept(agent_.intake_port());
  EXPECT_EQ(kept.exchange(post_request("/hooks/shop", kJson, "1")).status, 200);
  reload_to(
      "[sources.shop]\npath = \"/shop\"\nresponse = { status = 202, body = \"thanks\" }\n"
      "[sources.bot]\nmax_rate = 1\n[sources.late]\ndedupe = \"body\"\n");
  EXPECT_EQ(kept.exchange(post_request("/hooks/shop", kJson, "1")).status, 404)
      << "on an old connection, too";
  const Answer answer = kept.exchange(post_request("/shop", kJson, "1"));
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.body, "thanks");
  EXPECT_EQ(post("/hooks/bot"), 200);
  EXPECT_EQ(post("/hooks/bot"), 429);
  reload_to("[sources.shop]\n[sources.bot]\nmax_rate = 1\n[sources.late]\ndedupe = \"body\"\n");
  EXPECT_EQ(post("/hooks/bot"), 429) << "a reload gives no source a new burst";
  EXPECT_EQ(post("/hooks/late", "\"same\""), 200);
  const Answer again =
      RawClient(agent_.intake_port()).exchange(post_request("/hooks/late", kJson, "\"same\""));
  EXPECT_NE(again.body.find("duplicate"), std::string::npos) << again.body;
  reload_to("[sources.late]\n");
  EXPECT_EQ(post("/hooks/shop"), 404);
  EXPECT_EQ(post("/hooks/bot"), 404);
  EXPECT_EQ(post("/hooks/late", "\"same\""), 200);
  EXPECT_EQ(agent_.health_number("/journal/events_appended"), 5);
}

TEST_F(ReloadTest, CountsOfASourceThatGoesAreTold) {
  agent_.options().sources = "[sources.shop]\n[sources.slow]\nmax_rate = 1\n";
  agent_.start();
  for (int n = 0; n < 20; ++n) (void)post("/hooks/slow");
  const long long refused = agent_.health_number("/intake/refused/rate");
  ASSERT_GE(refused, 2);
  reload_to("[sources.shop]\n");
  EXPECT_TRUE(logged("source slow: " + std::to_string(refused - 1) + " more")) << agent_.log();
}

TEST_F(ReloadDatabaseTest, WhatWaitsOfARemovedSourceGoesWhereItWasToGo) {
  postgres_.query("CREATE TABLE mine (id uuid PRIMARY KEY, n text); GRANT ALL ON mine TO hookspool");
  const std::string own =
      "[sources.own]\ntable = \"public.mine\"\n[sources.own.columns]\nid = \"@id\"\nn = \"/n\"\n";
  agent_.options().sources = own + "[sources.other]\n";
  agent_.start();
  agent_.wait_mode("online");
  EXPECT_EQ(post("/hooks/own", R"({"n":1})"), 200);
  agent_.wait_caught_up();
  postgres_.stop();
  for (int n = 2; n <= 20; ++n) EXPECT_EQ(post("/hooks/own", "{\"n\":" + std::to_string(n) + "}"), 200);
  reload_to("[sources.other]\n");
  EXPECT_EQ(post("/hooks/own", "{}"), 404);
  reload_to("[sources.other]\nmax_rate = 1000\n");  // and once more while it waits
  postgres_.start();
  agent_.wait_caught_up();
  EXPECT_EQ(postgres_.value("SELECT string_agg(n, ' ' ORDER BY n::int) FROM mine"),
            "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20");
  EXPECT_EQ(postgres_.value("SELECT count(*) FROM hookspool.events"), "0");
}

TEST_F(ReloadDatabaseTest, ATableOfOnesOwnComesAndIsMendedWithoutARestart) {
  agent_.options().sources = "[sources.a]\n";
  agent_.start();
  agent_.wait_mode("online");
  EXPECT_EQ(post("/hooks/a", R"({"n":1})"), 200);
  agent_.wait_caught_up();
  const auto own = [](const std::string& column) {
    return "[sources.a]\ntable = \"public.mine\"\n[sources.a.columns]\nid = \"@id\"\n" + column +
           " = \"/n\"\n";
  };
  postgres_.query("CREATE TABLE mine (id uuid PRIMARY KEY, n text); GRANT ALL ON mine TO hookspool");
  // The mapping names a column that is not there: the lane is held before its next event, and says so.
  reload_to(own("typo"));
  EXPECT_TRUE(wait_until(seconds(30), [&] { return agent_.health("/lanes/0/state") == "held"; }))
      << agent_.health();
  EXPECT_EQ(post("/hooks/a", R"({"n":2})"), 200);
  reload_to(own("n"));
  agent_.wait_caught_up();
  EXPECT_EQ(postgres_.value("SELECT string_agg(n, ' ' ORDER BY n) FROM mine"), "2");
  EXPECT_EQ(postgres_.value("SELECT count(*) FROM hookspool.events"), "1") << "what is delivered stays";
  reload_to("[sources.a]\n");
  EXPECT_EQ(post("/hooks/a", R"({"n":3})"), 200);
  agent_.wait_caught_up();
  EXPECT_EQ(postgres_.value("SELECT count(*) FROM hookspool.events"), "2");
}

TEST_F(ReloadTest, LimitsChangeAndWhatCannotIsNamed) {
  agent_.options().sources = "[sources.shop]\n";
  agent_.start();
  EXPECT_EQ(post("/hooks/shop", std::string(2'000, 'x')), 200);
  agent_.options().more_intake = "max_body_bytes = \"1KiB\"\nmax_connections = 64\n";
  agent_.options().more_journal = "min_free_bytes = \"16MiB\"\nmax_bytes = \"16MiB\"\ndedupe_keep = \"1d\"\n";
  agent_.options().more_postgres = "batch_events = 7\npool_size = 3\n";
  agent_.options().agent_id = "another";
  agent_.write_config();
  const Captured done = command({"reload", "--json"});
  ASSERT_EQ(done.status.code, 0) << done.output;
  const Json outcome = Json::parse(done.output);
  EXPECT_EQ(outcome.at("changed"), (Json{"intake.max_body_bytes", "intake.max_connections",
                                         "journal.max_bytes", "postgres.batch_events"}))
      << outcome;
  // Of [postgres] the fixture's other keys are gone with this.
  const auto restart = outcome.at("needs_restart").get<std::vector<std::string>>();
  for (const char* key : {"agent.id", "journal.dedupe_keep", "postgres.pool_size", "postgres.backoff_min"}) {
    EXPECT_NE(std::find(restart.begin(), restart.end(), key), restart.end()) << key;
  }
  EXPECT_TRUE(logged("takes a restart: agent.id, "));
  EXPECT_EQ(post("/hooks/shop", std::string(2'000, 'x')), 413);
  EXPECT_EQ(post("/hooks/shop", std::string(1'000, 'x')), 200);
  EXPECT_EQ(agent_.health_number("/journal/bytes_max"), 16 << 20);
  EXPECT_NE(agent_.health("/agent_id"), "another");
  const Json again = Json::parse(command({"reload", "--json"}).output);
  EXPECT_TRUE(again.at("changed").empty()) << again;
  EXPECT_EQ(again.at("needs_restart"), outcome.at("needs_restart")) << "until there is one";
}

TEST_F(ReloadTest, AQuarantineBeginsAndItsLimitsChange) {
  const auto pay = [&](const std::string& more) {
    return "[sources.pay]\nverify = \"github\"\nsecrets = [" + secret_file("pay", "s") + "]\n" + more;
  };
  agent_.options().sources = pay("");
  agent_.start();
  EXPECT_EQ(post("/hooks/pay", "{}", github_header("other", "{}")), 401);
  EXPECT_EQ(agent_.health_number("/quarantine/requests"), 0);
  reload_to(pay("on_bad_signature = \"quarantine\"\n"));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(post("/hooks/pay", "{}", github_header("other", "{}")), 401);
  EXPECT_EQ(agent_.health_number("/quarantine/requests"), 5);
  reload_to(pay("on_bad_signature = \"quarantine\"\n") + "[quarantine]\nmax_requests = 3\n");
  EXPECT_EQ(post("/hooks/pay", "{}", github_header("other", "{}")), 401);
  EXPECT_EQ(agent_.health_number("/quarantine/requests"), 3);
  // The secret is corrected by a reload: what is kept is genuine then.
  secret_file("pay", "other");
  ASSERT_EQ(command({"reload"}).status.code, 0);
  EXPECT_EQ(command({"quarantine", "verify"}).status.code, 0);
  EXPECT_EQ(agent_.health_number("/quarantine/admitted"), 3);
}

TEST_F(ReloadTest, TheCommandSaysWhenNobodyAnswers) {
  const Captured alone = command({"reload"});
  EXPECT_EQ(alone.status.code, kUnavailable) << alone.output;
  agent_.start();
  const Captured loopback = run_and_capture(
      {.argv = {"curl", "-s", "-X", "POST", "-d", "{}",
                "http://127.0.0.1:" + std::to_string(agent_.admin_port()) + "/api/v1/reload"}});
  EXPECT_NE(loopback.output.find("use the Unix socket"), std::string::npos) << loopback.output;
  EXPECT_EQ(agent_.health("/last_reload"), "");
}

// systemd's end of the notifications.
class Notified {
 public:
  Notified() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path().c_str(), sizeof address.sun_path - 1);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot bind " + path());
    }
  }
  ~Notified() { ::close(fd_); }
  Notified(const Notified&) = delete;
  Notified& operator=(const Notified&) = delete;
  std::string path() const { return (folder_.path() / "notify").string(); }
  // Everything that has come so far but for the status lines, one line each.
  std::string heard() {
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;) {
      const std::string text(buffer, static_cast<std::size_t>(got));
      if (!text.starts_with("STATUS=")) heard_ += text.substr(0, text.find('\n')) + "\n";
    }
    return heard_;
  }

 private:
  TempFolder folder_{"hookspool-notify"};
  int fd_;
  std::string heard_;
};

TEST_F(ReloadTest, SystemdIsToldOfIt) {
  Notified systemd;
  agent_.options().env["NOTIFY_SOCKET"] = systemd.path();
  agent_.start();
  ASSERT_TRUE(wait_until(seconds(20), [&] { return systemd.heard() == "READY=1\n"; })) << systemd.heard();
  ::kill(agent_.pid(), SIGHUP);
  EXPECT_TRUE(wait_until(seconds(20), [&] { return systemd.heard() == "READY=1\nRELOADING=1\nREADY=1\n"; }))
      << systemd.heard();
  // A refused one ends as well: the service goes on as it was.
  EXPECT_EQ(reload_with("[sources.\n").status.code, kConfig);
  ::kill(agent_.pid(), SIGHUP);
  EXPECT_TRUE(wait_until(seconds(20), [&] {
    return systemd.heard() == "READY=1\nRELOADING=1\nREADY=1\nRELOADING=1\nREADY=1\n";
  })) << systemd.heard();
}

}  // namespace
}  // namespace hookspool::testing

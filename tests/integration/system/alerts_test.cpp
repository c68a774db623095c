// Alerts of a real agent, to a real receiver and a real command, while PostgreSQL is away; and the log as JSON.
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "net/http/server.h"
#include "storage/base/mutex.h"
#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/free_port.h"
#include "tests/support/temp_folder.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

constexpr seconds kPatience{60};

// Keeps the bodies that are posted to it.
class Receiver {
 public:
  Receiver() {
    net::HttpOptions options;
    options.listen = "127.0.0.1:0";
    auto started = net::HttpServer::start(options, net::HttpHandler([this](net::HttpRequest&& request) {
                                            const MutexLock lock(mutex_);
                                            bodies_.push_back(std::move(request.body));
                                            return net::HttpAnswer{200, "text/plain", "thank you", {}};
                                          }));
    if (!started) throw std::runtime_error(started.error().text);
    server_ = std::move(*started);
  }
  ~Receiver() { server_->stop(seconds(1)); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()) + "/"; }
  bool has(const std::string& part) const {
    const MutexLock lock(mutex_);
    for (const std::string& body : bodies_) {
      if (body.find(part) != std::string::npos) return true;
    }
    return false;
  }

 private:
  mutable Mutex mutex_;
  std::vector<std::string> bodies_ GUARDED_BY(mutex_);
  std::unique_ptr<net::HttpServer> server_;
};

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string nowhere() {
  return "host=127.0.0.1 sslmode=disable dbname=x port=" + std::to_string(free_port());
}

Captured hookspool(std::vector<std::string> words, const AgentProcess& agent) {
  words.insert(words.begin(), agent_binary());
  words.insert(words.end(), {"--config", agent.config_file().string()});
  return run_and_capture({.argv = std::move(words)});
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.push_back(std::move(line));
  return all;
}

TEST(AlertsOfAnAgent, AnOutageIsReportedWhereTheConfigurationSays) {
  Receiver receiver, slack;
  const TempFolder folder;
  AgentOptions options = agent_options(nowhere());
  options.agent_id = "edge-17";
  options.sources = "[alerts]\noffline_after = \"1s\"\nwebhook_url = \"" + receiver.url() + "\"\n";
  AgentProcess agent(options);
  agent.start();
  ASSERT_TRUE(wait_until(kPatience, [&] { return receiver.has("\"hookspool.alert.offline\""); }))
      << agent.log();
  EXPECT_TRUE(receiver.has("\"agent_id\":\"edge-17\""));

  const std::string noted = folder / "noted";
  agent.options().sources = "";
  agent.write_config();
  ASSERT_EQ(hookspool({"reload"}, agent).status.code, 0);
  agent.options().sources = "[alerts]\noffline_after = \"1s\"\nwebhook_format = \"slack\"\nwebhook_url = \"" +
                            slack.url() + "\"\ncommand = [\"/bin/sh\", \"-c\", \"cat >> " + noted + "\"]\n";
  agent.write_config();
  const Captured reloaded = hookspool({"reload"}, agent);
  EXPECT_NE(reloaded.output.find("alerts.webhook_url"), std::string::npos) << reloaded.output;
  // A source that is posted to goes on meanwhile.
  EXPECT_EQ(RawClient(agent.intake_port()).exchange(post_request("/hooks/a", "", "{}")).status, 200);

  const Captured tried = hookspool({"alert", "test"}, agent);
  EXPECT_EQ(tried.status.code, 0) << tried.output;
  EXPECT_NE(tried.output.find("ok       webhook " + slack.url().substr(0, slack.url().size() - 1) +
                              ": HTTP 200: thank you"),
            std::string::npos)
      << tried.output;
  EXPECT_NE(tried.output.find("ok       command /bin/sh: exit code 0"), std::string::npos) << tried.output;
  EXPECT_TRUE(slack.has("this is a test")) << "Slack's form";
  EXPECT_NE(content(noted).find("hookspool.alert.test"), std::string::npos);
  EXPECT_EQ(agent.terminate(), ExitStatus{.code = 0});
}

TEST(AlertsOfAnAgent, OneThatStartsWithALaterDestinationReportsWhatIsWrongThen) {
  Receiver receiver;
  AgentProcess agent(agent_options(nowhere()));
  agent.start();
  agent.wait_mode("offline");
  agent.options().sources = "[alerts]\noffline_after = \"1s\"\nwebhook_url = \"" + receiver.url() + "\"\n";
  agent.write_config();
  ASSERT_EQ(hookspool({"reload"}, agent).status.code, 0);
  EXPECT_TRUE(wait_until(kPatience, [&] { return receiver.has("\"hookspool.alert.offline\""); }))
      << agent.log();
  const Captured unset =
      run_and_capture({.argv = {agent_binary(), "alert", "test", "--config", "/dev/null"}});
  EXPECT_NE(unset.status.code, 0) << unset.output;
}

TEST(LogOfAnAgent, AsJsonEachLineIsOneObject) {
  const TempFolder folder;
  std::ofstream(folder / "secret") << "s3cr3t-of-the-shop";
  std::filesystem::permissions(folder / "secret", std::filesystem::perms::owner_read);
  AgentOptions options = agent_options(nowhere());
  options.sources = "[sources.shop]\nverify = \"github\"\nsecrets = [{ file = \"" +
                    (folder / "secret").string() + "\" }]\n";
  options.under = {"/bin/sh", "-c", "exec \"$0\" \"$@\" --log-format json"};
  AgentProcess agent(options);
  agent.start();
  const Captured refused = run_and_capture(
      {.argv = {"curl", "-si", "-d", "{\"a\":\"payload-42\"}", "-H", "X-Hub-Signature-256: sha256=00",
                "http://127.0.0.1:" + std::to_string(agent.intake_port()) + "/hooks/shop"}});
  EXPECT_NE(refused.output.find(" 401 "), std::string::npos) << refused.output;
  const auto at = refused.output.find("X-Request-Id: ");
  ASSERT_NE(at, std::string::npos) << refused.output;
  const std::string id = refused.output.substr(at + 14, 16);
  EXPECT_EQ(hookspool({"reload"}, agent).status.code, 0) << "the form is that of the command line";
  EXPECT_EQ(agent.terminate(), ExitStatus{.code = 0});
  bool found = false;
  for (const std::string& line : lines(agent.log())) {
    const auto json = Json::parse(line, nullptr, false);
    ASSERT_TRUE(json.is_object()) << line;
    const std::string time = json.at("time");
    EXPECT_EQ(time.size(), std::string("2026-11-28T04:00:00.123456Z").size()) << line;
    EXPECT_TRUE(json.contains("level") && json.contains("message")) << line;
    EXPECT_EQ(line.find("payload-42"), std::string::npos) << line;
    EXPECT_EQ(line.find("s3cr3t"), std::string::npos) << line;
    if (json.value("request_id", "") != id) continue;
    found = true;
    EXPECT_EQ(json.at("source"), "shop");
    EXPECT_EQ(json.at("level"), "warning");
  }
  EXPECT_TRUE(found) << agent.log();
}

TEST(LogOfAnAgent, ThreeRestartsOfPostgresMakeFewLines) {
  PgCluster postgres;
  AgentProcess agent(agent_options(postgres.conninfo()));
  agent.start();
  const auto post = [&] {
    EXPECT_EQ(RawClient(agent.intake_port()).exchange(post_request("/hooks/a", "", "{}")).status, 200);
  };
  post();
  agent.wait_caught_up();
  const std::size_t before = lines(agent.log()).size();
  for (int i = 0; i < 3; ++i) {
    postgres.stop();
    post();
    agent.wait_mode("offline");
    postgres.start();
    post();
    agent.wait_caught_up();
  }
  const auto all = lines(agent.log());
  EXPECT_GT(all.size(), before) << "an outage is in the log";
  EXPECT_LT(all.size() - before, 30u) << agent.log();
}

}  // namespace
}  // namespace hookspool::testing

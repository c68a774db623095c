// /health: each part is broken in turn, exactly its own entry changes, and comes back when it is whole again. (A journal that
// refuses is in room_test, one whose disk fails in tests/integration/disk.)
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

constexpr seconds kPatience{120};

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
  ::chmod(path.c_str(), 0600);
}

// What /health says of each part that can break, and the status codes of both pages.
using View = std::map<std::string, std::string>;

// `view` with some entries changed.
View with(View view, const View& changes) {
  for (const auto& [part, value] : changes) view[part] = value;
  return view;
}

class HealthTest : public ::testing::Test {
 protected:
  HealthTest() : agent_(options()) {}

  AgentOptions options() {
    AgentOptions options = agent_options(postgres_.conninfo());
    write_file(folder_ / "token", "the-token\n");
    options.sources =
        "[sources.own]\ntable = \"public.own\"\n[sources.own.columns]\nid = \"@id\"\nn = \"/n\"\n"
        "[sources.plain]\n"
        "[sources.held]\nverify = \"gitlab\"\non_bad_signature = \"quarantine\"\nsecrets = [{ file = \"" +
        (folder_ / "token").string() + "\" }]\n";
    return options;
  }
  Answer answer_to(const std::string& source, const std::string& body, const std::string& headers = "") {
    return RawClient(agent_.intake_port())
        .exchange(post_request("/hooks/" + source, headers + "Content-Type: application/json\r\n", body));
  }
  int post(const std::string& source, const std::string& body, const std::string& headers = "") {
    return answer_to(source, body, headers).status;
  }
  int hookspool(std::vector<std::string> words) {
    words.insert(words.begin(), agent_binary());
    words.insert(words.end(), {"--config", agent_.config_file().string()});
    return run_and_capture({.argv = std::move(words)}, kPatience).status.code;
  }
  View view() const {
    const Json json = Json::parse(agent_.health(), nullptr, false);
    if (!json.is_object()) return {};
    View view{
        {"status", json.value("status", "")},
        {"mode", json.value("mode", "")},
        {"journal accepting", json["journal"]["accepting"].dump()},
        {"set aside", json["journal"]["set_aside_files"].dump()},
        {"lost", json["journal"]["lost"].dump()},
        {"postgres up", json["postgres"]["up"].dump()},
        {"dead letters", json["postgres"]["dead_letters"].dump()},
        {"quarantine", json["quarantine"]["requests"].dump()},
        {"reload", json.contains("last_reload") ? json["last_reload"].value("result", "") : "none"},
        {"readyz", std::to_string(RawClient(agent_.intake_port()).exchange(get_request("/readyz")).status)}};
    for (const auto& lane : json["lanes"]) {
      view["lane " + lane.value("lane", "") + " refused"] = lane.value("sqlstate", "");
    }
    return view;
  }
  void expect(const View& expected, const char* when) {
    View last;
    EXPECT_TRUE(wait_until(kPatience, [&] { return (last = view()) == expected; }))
        << when << ": " << Json(last) << "\ninstead of " << Json(expected);
  }

  PgCluster postgres_;
  TempFolder folder_{"hookspool-health"};
  AgentProcess agent_;
};

TEST_F(HealthTest, EachPartBreaksForItselfAndComesBack) {
  postgres_.query(
      "CREATE TABLE own (id uuid PRIMARY KEY, n int CHECK (n > 0)); GRANT ALL ON own TO hookspool");
  agent_.start();
  agent_.wait_mode("online");
  ASSERT_EQ(post("own", "{\"n\":1}"), 200);
  ASSERT_EQ(post("plain", "{}"), 200);
  agent_.wait_caught_up();
  const View whole{
      {"status", "pass"}, {"mode", "online"},      {"journal accepting", "true"}, {"set aside", "0"},
      {"lost", "0"},      {"postgres up", "true"}, {"dead letters", "0"},         {"quarantine", "0"},
      {"reload", "none"}, {"readyz", "200"},       {"lane own refused", ""},      {"lane plain refused", ""}};
  expect(whole, "at first");

  ASSERT_EQ(post("held", "{}", "X-Gitlab-Token: another\r\n"), 401);
  expect(with(whole, {{"quarantine", "1"}}), "a signature that fits no secret");
  ASSERT_EQ(hookspool({"quarantine", "discard", "--all"}), 0);
  expect(whole, "discarded");

  postgres_.query("ALTER TABLE own RENAME TO away");
  ASSERT_EQ(post("own", "{\"n\":2}"), 200);
  expect(with(whole, {{"status", "warn"}, {"mode", "blocked"}, {"lane own refused", "42P01"}}),
         "its table is away");
  postgres_.query("ALTER TABLE away RENAME TO own");
  expect(whole, "the table is back");

  const std::string refused_id = answer_to("own", "{\"n\":0}").id();
  ASSERT_EQ(post("own", "{\"n\":3}"), 200);
  expect(with(whole, {{"dead letters", "1"}}), "a row that the table refuses");
  ASSERT_EQ(hookspool({"dead", "discard", refused_id}), 0);
  expect(whole, "discarded");

  postgres_.stop();
  const View offline = with(whole, {{"status", "warn"}, {"mode", "offline"}, {"postgres up", "false"}});
  expect(offline, "PostgreSQL is away");
  postgres_.start();
  expect(whole, "PostgreSQL is back");

  const auto path = agent_.config_file();
  std::ostringstream config;
  config << std::ifstream(path).rdbuf();
  write_file(path, config.str() + "\n[nonsense]\n");
  ::kill(agent_.pid(), SIGHUP);
  expect(with(whole, {{"reload", "refused"}}), "a configuration with a fault");
  write_file(path, config.str());
  ::kill(agent_.pid(), SIGHUP);
  expect(with(whole, {{"reload", "ok"}}), "without it");
}

}  // namespace
}  // namespace hookspool::testing

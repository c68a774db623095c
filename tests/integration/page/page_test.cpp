// The dashboard of a real agent in a real, headless Chromium: an outage is seen to begin and to end, hostile text stays text,
// axe-core has nothing to say, 320 px are enough, it is of use without scripts, and its history is there after a restart.
// ./dev installs what it needs; without that it fails, and says so.
#include <filesystem>
#include <fstream>

#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/cut_proxy.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kHostile = "<img src=x onerror=alert(1)><script>alert(2)</script>";

class Page : public ::testing::Test {
 protected:
  static AgentOptions options(const std::string& conninfo) {
    AgentOptions options = agent_options(conninfo);
    options.sources = "[sources.alpha]\n[sources.beta]\n";
    return options;
  }
  void post(const AgentProcess& agent, const std::string& source) {
    const std::string delivery = std::string("X-GitHub-Delivery: ") + kHostile + "\r\n";
    const Answer answer =
        RawClient(agent.intake_port())
            .exchange(post_request("/hooks/" + source, delivery,
                                   "{\"n\":" + std::to_string(++posted_) + ",\"card\":\"SECRET-CARD\"}"));
    ASSERT_EQ(answer.status, 200) << answer.body;
  }

  TempFolder folder_{"hookspool-page"};
  int posted_ = 0;
};

TEST_F(Page, InABrowser) {
  ASSERT_TRUE(std::filesystem::exists(HOOKSPOOL_PAGE_MODULES "/playwright-core"))
      << "playwright-core is not in " HOOKSPOOL_PAGE_MODULES ": run this by ./dev test -R Page";
  PgCluster postgres;
  CutProxy proxy(postgres.port());
  AgentProcess agent(options(postgres.conninfo(proxy.port())));
  agent.start();
  post(agent, "alpha");
  post(agent, "beta");
  agent.wait_caught_up();
  const std::string source = HOOKSPOOL_SOURCE_DIR "/tests/integration/page/browser.mjs";
  Process browser({.argv = {"node", source, "http://127.0.0.1:" + std::to_string(agent.admin_port()) + "/",
                            folder_.path().string()},
                   .env = {{"HOOKSPOOL_PAGE_MODULES", HOOKSPOOL_PAGE_MODULES},
                           {"HOOKSPOOL_CHROMIUM", "/usr/bin/chromium"}},
                   .output = folder_ / "log"});
  const auto wants = [&](const std::string& what) {
    return wait_until(
               minutes(3),
               [&] { return !browser.running() || std::filesystem::exists(folder_ / ("want-" + what)); }) &&
           browser.running();
  };
  if (wants("outage")) {
    proxy.refuse();
    proxy.cut_all();
    agent.wait_mode("offline");
    for (int i = 0; i < 3; ++i) post(agent, "alpha");
  }
  if (wants("end")) proxy.reset();
  if (wants("silence")) agent.kill();
  const auto ended = browser.wait(minutes(3));
  std::ifstream log(folder_ / "log");
  ASSERT_TRUE(ended && ended->code == 0) << std::string(std::istreambuf_iterator<char>(log), {});
}

TEST_F(Page, ItsHistoryIsThereAfterARestart) {
  AgentProcess agent(options(""));
  agent.start();
  post(agent, "alpha");
  // An agent that is ended before it has read what it would replace leaves that alone.
  const auto history = [&] {
    return RawClient(agent.admin_port()).exchange(get_request("/history.json")).body;
  };
  const auto has = [&](const std::string& begin) { return history().find(begin) != std::string::npos; };
  ASSERT_TRUE(wait_until(seconds(60), [&] { return !has("\"step\":2,\"t\":[]"); })) << history();
  ASSERT_TRUE(wait_until(seconds(60), [&] {
    EXPECT_EQ(agent.terminate().code, 0);
    const bool written = std::filesystem::exists(agent.journal() / "history");
    agent.start();
    return written;
  }));
  EXPECT_TRUE(wait_until(seconds(60), [&] { return !has("\"step\":60,\"t\":[]"); })) << history();
  EXPECT_EQ(agent.terminate().code, 0);
  std::ofstream(agent.journal() / "history") << "damaged";
  agent.start();
  EXPECT_TRUE(wait_until(seconds(60), [&] { return !has("\"step\":2,\"t\":[]"); }));
  EXPECT_TRUE(has("\"step\":60,\"t\":[]"));
}

std::string page_of(const AgentProcess& agent, const std::string& path, const std::string& headers) {
  const std::string request = "GET " + path + " HTTP/1.1\r\n" + headers + "Connection: close\r\n\r\n";
  return RawClient(agent.admin_port()).exchange(request).body;
}

TEST_F(Page, IsForThisMachineAndForBrowsers) {
  AgentProcess agent(options(""));
  agent.start();
  const std::string html = "Accept: text/html\r\n";
  EXPECT_NE(page_of(agent, "/", "Host: localhost\r\n" + html).find("<!doctype html>"), std::string::npos);
  EXPECT_EQ(page_of(agent, "/", "Host: localhost\r\nAccept: */*\r\n").find('<'), std::string::npos);
  for (const char* path : {"/", "/page.css", "/page.js", "/history.json"}) {
    EXPECT_NE(page_of(agent, path, "Host: evil.example\r\n" + html).find("must name this machine"),
              std::string::npos)
        << path;
  }
}

}  // namespace
}  // namespace hookspool::testing

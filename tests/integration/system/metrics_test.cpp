// /metrics of a real agent: what it counts adds up, promtool finds nothing to complain of, a real Prometheus scrapes it and
// loads the alert rules, and an outage is seen to begin and to end.
#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/free_port.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using std::chrono::seconds;

// "name{labels}" -> value
using Samples = std::map<std::string, double>;

std::string page(const AgentProcess& agent) {
  const Answer answer = RawClient(agent.admin_port()).exchange(get_request("/metrics"));
  EXPECT_EQ(answer.status, 200) << answer.body;
  return answer.body;
}

Samples samples(const std::string& text) {
  Samples found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t space = line.rfind(' ');
    found[line.substr(0, space)] = std::stod(line.substr(space + 1));
  }
  return found;
}
Samples samples(const AgentProcess& agent) {
  return samples(page(agent));
}

// Prometheus and promtool as ./dev unpacks them; the package would start a server of its own.
std::string tool(const std::string& name) {
  return std::string(HOOKSPOOL_SOURCE_DIR) + "/build/tools/prometheus/usr/bin/" + name;
}
std::string rules_file() {
  return std::string(HOOKSPOOL_SOURCE_DIR) + "/packaging/prometheus/hookspool.rules.yml";
}

void post(const AgentProcess& agent, const std::string& source, const std::string& delivery) {
  const Answer answer =
      RawClient(agent.intake_port())
          .exchange(post_request("/hooks/" + source, "X-GitHub-Delivery: " + delivery + "\r\n", "{}"));
  ASSERT_EQ(answer.status, 200) << answer.body;
}

AgentOptions options_with_sources(const std::string& conninfo) {
  AgentOptions options = agent_options(conninfo);
  options.sources = "[sources.alpha]\n[sources.beta]\n";
  return options;
}

TEST(Metrics, WhatComesInIsDeliveredWaitingDeadOrARepeat) {
  PgCluster postgres;
  AgentProcess agent(options_with_sources(postgres.conninfo()));
  agent.start();
  for (int i = 0; i < 20; ++i) post(agent, i % 4 == 0 ? "beta" : "alpha", "d" + std::to_string(i));
  for (int i = 0; i < 3; ++i) post(agent, "beta", "d0");
  RawClient(agent.intake_port()).exchange(post_request("/hooks/nothing", "", "{}"));
  agent.wait_caught_up();
  const std::string text = page(agent);
  Samples seen = samples(text);
  const double delivered = seen.at("hookspool_events_delivered_total{path=\"memory\"}") +
                           seen.at("hookspool_events_delivered_total{path=\"journal\"}");
  EXPECT_EQ(seen.at("hookspool_events_accepted_total"), 20);
  EXPECT_EQ(delivered + seen.at("hookspool_journal_pending_events") + seen.at("hookspool_dead_letters"), 20);
  EXPECT_EQ(std::to_string(static_cast<int>(delivered)),
            postgres.value("SELECT count(*) FROM hookspool.events"));
  EXPECT_EQ(seen.at("hookspool_events_duplicate_total"), 3);
  EXPECT_EQ(seen.at("hookspool_source_events_accepted_total{source=\"alpha\"}"), 15);
  EXPECT_EQ(seen.at("hookspool_source_events_accepted_total{source=\"beta\"}"), 5);
  EXPECT_EQ(seen.at("hookspool_source_events_duplicate_total{source=\"beta\"}"), 3);
  EXPECT_EQ(seen.at("hookspool_requests_refused_total{reason=\"unknown_path_or_method\"}"), 1);
  EXPECT_EQ(seen.at("hookspool_accept_to_durable_seconds_count"), 20);
  EXPECT_EQ(seen.at("hookspool_accept_to_committed_seconds_count"), 20);
  EXPECT_EQ(seen.at("hookspool_journal_commit_seconds_count"), seen.at("hookspool_journal_commits_total"));
  EXPECT_EQ(seen.at("hookspool_mode{mode=\"online\"}"), 1);
  EXPECT_EQ(seen.at("hookspool_mode{mode=\"offline\"}"), 0);
  EXPECT_GT(seen.at("process_resident_memory_bytes"), 1e6);
  EXPECT_FALSE(seen.contains("hookspool_oldest_pending_timestamp_seconds")) << "nothing waits";

  const TempFolder folder;
  std::ofstream(folder / "page") << text;
  const Captured checked = run_and_capture(
      {.argv = {"sh", "-c", tool("promtool") + " check metrics < " + std::string(folder / "page")}});
  EXPECT_EQ(checked.status.code, 0) << checked.output;
  EXPECT_EQ(checked.output, "") << "promtool has advice";
}

TEST(Metrics, AnOutageIsSeenToBeginAndToEnd) {
  PgCluster postgres;
  AgentProcess agent(options_with_sources(postgres.conninfo()));
  agent.start();
  post(agent, "alpha", "before");
  agent.wait_caught_up();
  postgres.stop();
  const auto began = std::chrono::system_clock::now().time_since_epoch();
  post(agent, "alpha", "first");
  post(agent, "alpha", "second");
  agent.wait_mode("offline");
  Samples seen = samples(agent);
  EXPECT_EQ(seen.at("hookspool_postgres_up"), 0);
  EXPECT_EQ(seen.at("hookspool_postgres_outages_total"), 1);
  EXPECT_EQ(seen.at("hookspool_mode{mode=\"offline\"}"), 1);
  EXPECT_EQ(seen.at("hookspool_lane_pending_events{lane=\"alpha\"}"), 2);
  EXPECT_FALSE(seen.contains("hookspool_lane_pending_events{lane=\"beta\"}")) << "it has had no event";
  const double oldest = seen.at("hookspool_oldest_pending_timestamp_seconds");
  EXPECT_GE(oldest, std::chrono::duration<double>(began).count() - 0.001);
  post(agent, "alpha", "third");
  EXPECT_EQ(samples(agent).at("hookspool_lane_oldest_pending_timestamp_seconds{lane=\"alpha\"}"), oldest);
  postgres.start();
  agent.wait_caught_up();
  seen = samples(agent);
  EXPECT_EQ(seen.at("hookspool_postgres_up"), 1);
  EXPECT_FALSE(seen.contains("hookspool_oldest_pending_timestamp_seconds"));
  EXPECT_GT(seen.at("hookspool_postgres_outage_seconds_total"), 0);
}

TEST(Metrics, ConsumersAreSeenToFallBehind) {
  PgCluster postgres;
  AgentProcess agent(options_with_sources(postgres.conninfo()));
  agent.start();
  post(agent, "alpha", "d1");
  agent.wait_caught_up();
  agent.terminate();  // the next start looks at once
  postgres.query(
      "SELECT hookspool.create_consumer('billing', 'beginning'), hookspool.create_consumer('done', 'now');"
      "INSERT INTO hookspool.failures (consumer, id, feed, arrival, attempts, skipped)"
      " SELECT 'billing', id, feed, arrival, 5, true FROM hookspool.events");
  agent.start();
  Samples seen;
  EXPECT_TRUE(wait_until(seconds(60), [&] {
    seen = samples(agent);
    return seen.contains("hookspool_consumers");
  }));
  EXPECT_EQ(seen["hookspool_consumers"], 2);
  EXPECT_EQ(seen["hookspool_consumer_waiting_rows{consumer=\"billing\"}"], 1);
  EXPECT_EQ(seen["hookspool_consumer_waiting_rows{consumer=\"done\"}"], 0);
  EXPECT_EQ(seen["hookspool_consumer_skipped_events{consumer=\"billing\"}"], 1);
  EXPECT_EQ(seen["hookspool_consumer_lost_rows{consumer=\"billing\"}"], 0);
  const double oldest = seen["hookspool_consumer_oldest_waiting_timestamp_seconds{consumer=\"billing\"}"];
  const double received =
      std::stod(postgres.value("SELECT extract(epoch FROM received_at) FROM hookspool.events"));
  EXPECT_NEAR(oldest, received, 5) << "two clocks of one machine, and the way between them";
  EXPECT_FALSE(seen.contains("hookspool_consumer_oldest_waiting_timestamp_seconds{consumer=\"done\"}"));
}

TEST(Metrics, OfManyLanesTheLastAreAddedUp) {
  AgentProcess agent(agent_options(""));
  agent.start();
  constexpr int kNames = 203;
  for (int i = 1000; i < 1000 + kNames; ++i) post(agent, "lane" + std::to_string(i), "x");
  const std::string text = page(agent);
  const Samples seen = samples(text);
  EXPECT_EQ(seen.at("hookspool_lane_pending_events{lane=\"lane1199\"}"), 1);
  EXPECT_FALSE(seen.contains("hookspool_lane_pending_events{lane=\"lane1200\"}"));
  EXPECT_EQ(seen.at("hookspool_lane_pending_events{lane=\"other\"}"), kNames - 200);
  EXPECT_LT(text.size(), 1u << 20);
}

std::string read_file(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}
// "name" as a word of its own in `text`.
bool names(const std::string& text, const std::string& name) {
  const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    const bool begins = at == 0 || !is_letter(text[at - 1]);
    const std::size_t end = at + name.size();
    if (begins && (end == text.size() || !is_letter(text[end]))) return true;
  }
  return false;
}

// The documents name every family, and alerts and dashboard ask for none that does not exist.
TEST(Metrics, DocumentsRulesAndDashboardKnowTheSameNames) {
  AgentProcess agent(agent_options(""));
  agent.start();
  const std::string folder = HOOKSPOOL_SOURCE_DIR;
  const std::string document = read_file(folder + "/METRICS.md");
  std::size_t families = 0;
  std::istringstream lines(page(agent));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("# TYPE hookspool_")) continue;
    std::string name = line.substr(std::string("# TYPE hookspool_").size());
    name.resize(name.find(' '));
    families += 1;
    EXPECT_TRUE(name.starts_with("http_") || names(document, name)) << name << " is not in METRICS.md";
  }
  EXPECT_GT(families, 30u);
  const std::string asked = read_file(rules_file()) + read_file(folder + "/packaging/grafana/hookspool.json");
  std::size_t uses = 0;
  for (std::size_t at = asked.find("hookspool_"); at != std::string::npos;
       at = asked.find("hookspool_", at + 1)) {
    const std::size_t end = asked.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at);
    std::string name = asked.substr(at + 10, end - at - 10);
    if (name.ends_with("_bucket")) name.resize(name.size() - 7);
    uses += 1;
    EXPECT_TRUE(names(document, name)) << name;
  }
  EXPECT_GT(uses, 30u);
  const std::string rules = read_file(rules_file());
  for (std::size_t at = rules.find("METRICS.md#"); at != std::string::npos;
       at = rules.find("METRICS.md#", at + 1)) {
    const std::string anchor = rules.substr(at + 11, rules.find('"', at) - at - 11);
    std::string headings = document;
    std::transform(headings.begin(), headings.end(), headings.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    EXPECT_NE(headings.find("### " + anchor + "\n"), std::string::npos) << anchor;
  }
}

TEST(Metrics, AlertRulesFireWhenTheyShould) {
  const std::string folder = std::string(HOOKSPOOL_SOURCE_DIR) + "/packaging/prometheus/";
  const Captured checked = run_and_capture({.argv = {tool("promtool"), "check", "rules", rules_file()}});
  EXPECT_EQ(checked.status.code, 0) << checked.output;
  const Captured tested =
      run_and_capture({.argv = {tool("promtool"), "test", "rules", folder + "hookspool.rules.test.yml",
                                folder + "hookspool.silent.test.yml"}});
  EXPECT_EQ(tested.status.code, 0) << tested.output;
  EXPECT_NE(tested.output.find("SUCCESS"), std::string::npos) << tested.output;
}

TEST(Metrics, APrometheusScrapesThem) {
  AgentProcess agent(agent_options(""));
  agent.start();
  post(agent, "alpha", "x");
  const TempFolder folder;
  const int port = free_port();
  std::ofstream(folder / "prometheus.yml")
      << "global: {scrape_interval: 500ms, scrape_timeout: 400ms}\nrule_files: [" << rules_file()
      << "]\nscrape_configs:\n- job_name: hookspool\n  static_configs: [{targets: [\"127.0.0.1:"
      << agent.admin_port() << "\"]}]\n";
  const Process prometheus(
      ProcessOptions{.argv = {tool("prometheus"), "--config.file=" + std::string(folder / "prometheus.yml"),
                              "--storage.tsdb.path=" + std::string(folder / "data"),
                              "--web.listen-address=127.0.0.1:" + std::to_string(port)},
                     .output = folder / "log"});
  const auto answer = [&](const std::string& query) {
    return RawClient(port).exchange(get_request("/api/v1/query?query=" + query)).body;
  };
  EXPECT_TRUE(wait_until(seconds(30), [&] {
    return answer("hookspool_events_accepted_total").find(",\"1\"]") != std::string::npos;
  })) << answer("hookspool_events_accepted_total");
  EXPECT_NE(answer("up").find(",\"1\"]"), std::string::npos);
}

}  // namespace
}  // namespace hookspool::testing

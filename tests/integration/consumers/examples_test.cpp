// packaging/examples/consumers: each worker as it is printed there, against a real PostgreSQL into which the real agent
// delivers, as a role with nothing but the grants of POSTGRES.md. One of them is killed in the middle, a webhook comes late
// under its old id, and beside them a cursor by the last id loses it.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/integration/system/fixture.h"
#include "tests/support/pg_programs.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kWebhooks = 40;
constexpr int kLate = 13;  // the one that PostgreSQL refuses for a while
constexpr auto kLimit = 60s;

class ExamplesTest : public ::testing::Test {
 protected:
  ExamplesTest() : agent_(agent_options(cluster_.conninfo())) {
    agent_.start();
    post("first", R"({"amount":0})");
    agent_.wait_caught_up();
    cluster_.query(
        "ALTER TABLE hookspool.events ADD CONSTRAINT planted CHECK ((payload ->> 'amount') IS DISTINCT FROM "
        "'" +
        std::to_string(kLate) + "')");
    // As POSTGRES.md says.
    cluster_.query(
        "CREATE ROLE app LOGIN PASSWORD 'x'; GRANT CREATE ON SCHEMA public TO app;"
        "GRANT USAGE ON SCHEMA hookspool TO app; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA hookspool TO app;"
        "GRANT SELECT ON hookspool.consumer_lag, hookspool.overview TO app;");
    run_checked({.argv = psql({"-f", (examples() / "schema.sql").string()})});
  }

  static std::filesystem::path examples() {
    return std::filesystem::path(HOOKSPOOL_SOURCE_DIR) / "packaging" / "examples" / "consumers";
  }
  void post(const std::string& source, const std::string& body) {
    run_checked({.argv = {"curl", "-fsS", "-H", "Content-Type: application/json", "-d", body,
                          "http://127.0.0.1:" + std::to_string(agent_.intake_port()) + "/hooks/" + source}});
  }
  std::string url() const {
    return "postgresql://app:x@localhost:" + std::to_string(cluster_.port()) +
           "/hookspool?sslmode=verify-full&sslrootcert=" + cluster_.authority().certificate.string();
  }
  std::vector<std::string> psql(std::vector<std::string> more) const {
    std::vector<std::string> argv{pg_program("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-d", url()};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }
  Process worker(const std::string& name) const {
    static const std::map<std::string, std::vector<std::string>> kCommands = {
        {"python", {"/usr/bin/python3", "worker.py"}},
        {"node", {"node", "worker.js"}},
        {"sql",
         {"sh", "-c",
          "while psql -q -v ON_ERROR_STOP=1 -d \"$DATABASE_URL\" -f worker.sql; do sleep 1; done"}},
        {"flask", {"/usr/bin/python3", "-m", "flask", "--app", "flask_app", "work"}},
        {"django", {"/usr/bin/python3", "django_work.py"}}};
    return Process({.argv = kCommands.at(name),
                    .env = {{"DATABASE_URL", url()},
                            {"NODE_PATH", HOOKSPOOL_NODE_PATH},
                            {"PYTHONDONTWRITEBYTECODE", "1"}},
                    .output = log_of(name),
                    .working_folder = examples()});
  }
  std::filesystem::path log_of(const std::string& name) const { return folder_ / (name + ".log"); }
  std::string said(const std::string& name) const {
    return name + ": " + run_and_capture({.argv = {"tail", "-n", "20", log_of(name).string()}}).output;
  }
  // What the workers have written: "name rows events".
  std::string written(const std::string& name) const {
    return cluster_.value("SELECT count(*) || ' ' || count(DISTINCT event) FROM payments WHERE worker = '" +
                          name + "'");
  }
  // One look of a reader by the last id.
  void look_naively() {
    std::istringstream ids(run_checked(
        {.argv = psql({"-A", "-t", "-v", "last=" + last_, "-f", (examples() / "naive.sql").string()})}));
    for (std::string id; ids >> id;) {
      seen_naively_.insert(id);
      last_ = id;
    }
  }

  PgCluster cluster_;
  AgentProcess agent_;
  TempFolder folder_{"hookspool-examples"};
  std::string last_ = "00000000-0000-0000-0000-000000000000";
  std::set<std::string> seen_naively_;
};

TEST_F(ExamplesTest, EachWorkerHasEveryWebhookOnceAndACursorByIdHasNot) {
  const std::vector<std::string> names = {"python", "node", "sql", "flask", "django"};
  // No owner of anything: the naive reader alone needs a right on the table.
  cluster_.query("GRANT SELECT ON hookspool.events TO app");
  std::vector<Process> workers;
  for (const std::string& name : names) workers.push_back(worker(name));
  Process second = worker("python");  // of the same consumer
  for (int i = 1; i <= kWebhooks; ++i) {
    post(i % 2 == 0 ? "shop" : "till", R"({"amount":)" + std::to_string(i) + "}");
    if (i == kWebhooks / 2) second.kill();
  }
  const std::string there = std::to_string(kWebhooks);  // with the first and without the late one
  ASSERT_TRUE(wait_until(
      kLimit, [&] { return cluster_.value("SELECT count(*) FROM hookspool.dead_letters") == "1"; }));
  ASSERT_TRUE(
      wait_until(kLimit, [&] { return cluster_.value("SELECT count(*) FROM hookspool.events") == there; }));
  look_naively();

  cluster_.query("ALTER TABLE hookspool.events DROP CONSTRAINT planted");
  run_checked(
      {.argv = {agent_binary(), "dead", "retry", "--all", "--config", agent_.config_file().string()}});
  agent_.wait_caught_up();
  post("shop", R"({"amount":99})");
  const std::string all = std::to_string(kWebhooks + 2);
  for (const std::string& name : names) {
    EXPECT_TRUE(wait_until(kLimit, [&] { return written(name) == all + " " + all; }))
        << written(name) << " of " << all << "; " << said(name);
  }
  look_naively();
  EXPECT_EQ(seen_naively_.size(), static_cast<std::size_t>(kWebhooks) + 1)
      << "it has lost the late one, and only that";

  // What cannot be processed does not stop the two that say so.
  cluster_.query("UPDATE hookspool.consumers SET max_attempts = 1");
  post("shop", R"({"no":"amount"})");
  post("shop", R"({"amount":100})");
  const std::string more = std::to_string(kWebhooks + 3);
  for (const std::string name : {"python", "node"}) {
    EXPECT_TRUE(wait_until(kLimit, [&] { return written(name) == more + " " + more; })) << said(name);
    EXPECT_EQ(cluster_.value("SELECT skipped FROM hookspool.failures WHERE consumer = '" + name + "'"), "t");
  }
}

}  // namespace
}  // namespace hookspool::testing

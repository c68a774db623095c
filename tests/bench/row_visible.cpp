// Row "visible": how long an event takes from the sender's hand into PostgreSQL, in units of what the disk takes for a
// sync. Ten of them a second, and in between the two syncs that no such event can do without: a journal's commit and a
// COMMIT, each by itself and at the same leisure, for a machine that has gone idle is slower than one that is busy.
#include <stdexcept>
#include <thread>

#include "tests/bench/bare_postgres.h"
#include "tests/bench/bare_sqlite.h"
#include "tests/bench/bench.h"
#include "tests/integration/system/raw_client.h"

namespace hookspool::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kInterval{100};
constexpr std::chrono::seconds kVisibleLimit{10};

double us_since(Clock::time_point began) {
  return std::chrono::duration<double, std::micro>(Clock::now() - began).count();
}

class Senders {
 public:
  Senders(testing::PgCluster& postgres, int port)
      : client_(port), watcher_(postgres.superuser_conninfo()), committer_(postgres.conninfo()) {
    committer_.execute(
        "CREATE TABLE IF NOT EXISTS hookspool.bare_commit (n bigserial PRIMARY KEY, body text)");
  }

  struct Event {
    double answered_us = 0;
    double visible_us = 0;
  };
  Event event() {
    const auto began = Clock::now();
    const auto answer = client_.exchange(request_);
    Event took{us_since(began), 0};
    if (answer.outcome != testing::Outcome::kOk) throw std::runtime_error("no 2xx: " + answer.body);
    while (!watcher_.has_row("SELECT 1 FROM hookspool.events WHERE id = $1::uuid", answer.id())) {
      if (Clock::now() - began > kVisibleLimit)
        throw std::runtime_error("an event did not arrive in PostgreSQL");
    }
    took.visible_us = us_since(began);
    return took;
  }

  double commit() {
    committer_.execute("BEGIN");
    committer_.execute("INSERT INTO hookspool.bare_commit (body) VALUES (repeat('x', 1000))");
    const auto began = Clock::now();
    committer_.execute("COMMIT");
    return us_since(began);
  }

 private:
  const std::string request_ =
      testing::post_request("/hooks/bench", "Content-Type: application/json\r\n", json_body(kBodyBytes));
  testing::RawClient client_;
  BarePostgres watcher_;
  BarePostgres committer_;
};

}  // namespace

void measure_visible(Bench& bench, Row& row) {
  auto& postgres = bench.fresh_postgres();
  testing::AgentProcess agent(agent_options({.conninfo = postgres.conninfo()}));
  agent.start();
  agent.wait_mode("online");
  Senders senders(postgres, agent.intake_port());
  BareSqlite journal(kBodyBytes);
  senders.event();  // the first of a lane looks more closely
  std::vector<double> visible, answered, journal_commit, commit;
  auto next = Clock::now();
  const auto pause = [&] { std::this_thread::sleep_until(next += kInterval / 3); };
  for (int i = 0; i < bench.sizes().single_events; ++i) {
    pause();
    const auto took = senders.event();
    visible.push_back(took.visible_us / 1000);
    answered.push_back(took.answered_us / 1000);
    pause();
    journal_commit.push_back(journal.commit(1) / 1000);
    pause();
    commit.push_back(senders.commit() / 1000);
  }
  const double sync_ms = (median(journal_commit) + median(commit)) / 2;
  row.value = {median(visible) / sync_ms, quantile(visible, 0.1) / sync_ms, quantile(visible, 0.9) / sync_ms,
               visible.size()};
  const auto middle = [](const std::vector<double>& values) {
    return Spread{median(values), quantile(values, 0.1), quantile(values, 0.9), values.size()};
  };
  row.figures = {{"request sent to row visible", "ms", middle(visible)},
                 {"request sent to 2xx", "ms", middle(answered)},
                 {"one bare SQLite commit", "ms", middle(journal_commit)},
                 {"PostgreSQL's COMMIT of one row", "ms", middle(commit)}};
  row.notes = {
      "a fsync is the mean of one bare SQLite commit and of PostgreSQL's COMMIT, both at the same pace",
      "in parentheses the 10th and the 90th of a hundred, of " + std::to_string(visible.size()) + " events"};
}

}  // namespace hookspool::bench

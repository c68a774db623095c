// What the tests of disk faults share: a PostgreSQL, an agent with its journal on a disk that can fail, and senders
// that post all the while.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/disk/injector.h"
#include "tests/integration/disk/volume.h"
#include "tests/integration/system/fixture.h"
#include "tests/support/wait.h"

namespace hookspool::testing {

// Enough to be a load, and few enough that twenty such tests take two minutes.
inline constexpr std::uint64_t kSomeAcknowledged = 100;

class FaultyDisk : public ::testing::Test {
 protected:
  // `volume`: where the journal lies; none: in an ordinary folder. `more`: further lines of [journal].
  AgentProcess& start(std::unique_ptr<Volume> volume = nullptr, const std::string& more = "",
                      const std::function<void(AgentOptions&)>& change = {}) {
    volume_ = std::move(volume);
    AgentOptions options = agent_options(postgres_.conninfo());
    options.more_journal = "min_free_bytes = \"0\"\nkeep_delivered = \"0s\"\n" + more;
    if (volume_) options.journal = volume_->journal();
    if (change) change(options);
    agent_ = std::make_unique<AgentProcess>(options);
    agent_->start();
    // A fault is for an agent that knows its database, which it writes down when it meets it.
    if (options.conninfo == postgres_.conninfo() && postgres_.running()) {
      EXPECT_TRUE(wait_health("/postgres/up", "true"));
    }
    return *agent_;
  }

  Load& post() {
    load_ = std::make_unique<Load>(
        LoadOptions{.port = agent_->intake_port(), .threads = 2, .connections = kConnections});
    EXPECT_TRUE(load_->wait_acknowledged(kSomeAcknowledged));
    return *load_;
  }

  bool ready() const {
    RawClient client(agent_->intake_port());
    return client.exchange(get_request("/readyz")).status == 200;
  }
  bool wait_ready(bool expected) const {
    return wait_until(std::chrono::seconds(30), [&] { return ready() == expected; });
  }
  bool wait_health(const std::string& pointer, const std::string& value) const {
    return wait_until(std::chrono::seconds(30), [&] { return agent_->health(pointer) == value; });
  }
  // Everything that was acknowledged so far is in PostgreSQL, though nothing new is taken.
  bool wait_drained() const { return wait_health("/journal/pending", "0"); }

  // The senders end; what they were answered is held against the table. Refusals were 503, nothing else.
  void expect_all_kept() {
    load_->stop();
    agent_->wait_caught_up();
    const auto histories = load_->take_history();
    std::set<int> refusals;
    for (const SourceHistory& history : histories) {
      for (const Sent& sent : history.sent) {
        if (sent.outcome == Outcome::kFail && sent.status != 0) refusals.insert(sent.status);
      }
    }
    refusals.erase(503);
    EXPECT_TRUE(refusals.empty()) << "refused with " << *refusals.begin();
    expect_kept(check_history(histories, postgres_));
  }

  static constexpr int kConnections = 4;  // of each of two threads

  PgCluster postgres_;
  std::unique_ptr<Volume> volume_;
  std::unique_ptr<AgentProcess> agent_;
  std::unique_ptr<Load> load_;
};

}  // namespace hookspool::testing

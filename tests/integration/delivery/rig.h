// The delivering half of the agent, whole, in the test's process: journal, pool, lanes, line, against a real
// PostgreSQL. What a test appends should arrive; what it breaks should be noticed.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/delivery/lanes.h"
#include "agent/delivery/sink_guard.h"
#include "agent/delivery/uplink.h"
#include "net/pg/link/pool.h"
#include "storage/journal/journal.h"
#include "tests/support/pg_cluster.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {

testing::PgCluster& shared_cluster();

// One life of an agent on a journal's folder.
class Life {
 public:
  struct Options {
    std::filesystem::path journal;
    std::string conninfo;
    std::string schema = "hookspool";
    std::uint64_t segment_bytes_max = 1u << 20;
    milliseconds connect_timeout{5'000};
    milliseconds backoff_max{200};
    milliseconds statement_timeout{5'000};
    milliseconds lock_timeout{1'000};
    milliseconds answer_margin{2'000};
    std::size_t pool_size = 2;
    std::shared_ptr<const net::LaneTables> tables;  // null: every lane fills the events table
    std::string notify;                             // the channel; empty: none
    Lanes::OnBuried on_buried;                      // of each dead letter
    std::function<void()> while_writing;  // by the journal's writer, before each group's transaction
  };
  explicit Life(const Options& options);
  ~Life();

  storage::Journal& journal() { return *journal_; }
  Lanes& lanes() { return *lanes_; }
  Uplink& uplink() { return *uplink_; }
  SinkGuard& guard() { return *guard_; }
  net::Pool& pool() { return *pool_; }

  // Appends `count` events "<prefix><number>" to a lane and remembers them.
  void append(const std::string& lane, int count, const std::string& prefix);
  void append_body(const std::string& lane, const std::string& body) { append_again(lane, body, Uuid{}); }
  // `again`: the dead letter that it is; nil: none.
  void append_again(const std::string& lane, const std::string& body, const Uuid& again);
  void begin();  // deliveries begin; until then PostgreSQL might as well be away
  bool delivered(milliseconds limit = milliseconds(20'000));  // nothing is waiting any more
  LaneStatus lane(const std::string& name);
  bool held(const std::string& lane_name);  // waits for it
  void retry() { lanes_->retry_now(); }

 private:
  PostgresConfig config_;
  std::unique_ptr<Current<PostgresConfig>> settings_;
  std::unique_ptr<storage::Journal> journal_;
  std::unique_ptr<net::Pool> pool_;
  std::unique_ptr<Lanes> lanes_;
  std::unique_ptr<SinkGuard> guard_;
  std::unique_ptr<Uplink> uplink_;
  std::atomic<bool> begun_{false};
};

// A schema of its own in the shared cluster, and a folder for journals.
class DeliveryTest : public ::testing::Test {
 protected:
  DeliveryTest();
  Life::Options options(const std::string& journal = "journal") const;
  std::string table(const std::string& name) const { return schema_ + "." + name; }
  std::string value(const std::string& sql) const { return shared_cluster().value(sql); }
  void run(const std::string& sql) const { shared_cluster().query(sql); }
  // The bodies of a lane in the order of their ids, one a line.
  std::string bodies(const std::string& lane) const;
  std::string doubled() const;  // how many ids or bodies are there more than once
  std::string count(const std::string& name) const { return value("SELECT count(*) FROM " + table(name)); }

  testing::TempFolder folder_;
  std::string schema_;
};

}  // namespace hookspool::agent

// The application of a torture run: worker processes that are killed all the time and started again, and what came of it.
// Not thread-safe: one thread. Throws std::runtime_error where PostgreSQL does not answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/pg_cluster.h"
#include "tests/support/process.h"

namespace hookspool::testing {

// The table `done` of the application, and the consumer "torture" that is read from the beginning.
void make_application(const std::string& conninfo);

class Workers {
 public:
  // `conninfo`: as which role they connect.
  Workers(std::string conninfo, std::string superuser_conninfo, unsigned seed);
  ~Workers();
  // Kills a worker, or ends the session of one or of any writer, by chance.
  void disturb();
  // Until nothing is waiting for the consumer; false: after `limit` something still is.
  bool finish(std::chrono::milliseconds limit);
  std::uint64_t kills() const { return kills_; }
  std::uint64_t sessions_ended() const { return sessions_ended_; }

 private:
  void start(std::size_t index);

  std::string conninfo_, superuser_;
  unsigned seed_;
  std::vector<Process> workers_;
  std::uint64_t kills_ = 0, sessions_ended_ = 0;
};

// Reads by "everything above the last id", as one should not.
class NaiveReader {
 public:
  explicit NaiveReader(std::string conninfo);
  ~NaiveReader() { stop(); }
  void stop();
  std::uint64_t rows() const { return rows_; }

 private:
  bool look();  // false: there was nothing new
  void read();
  std::string conninfo_;
  std::string last_ = "00000000-0000-0000-0000-000000000000";
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> rows_{0};
  std::thread thread_;
};

struct WhatWasRead {
  std::uint64_t rows = 0;  // in the events table
  std::uint64_t dead_letters = 0;
  std::uint64_t lost = 0;          // rows that no worker has done
  std::uint64_t twice = 0;         // done more than once
  std::uint64_t unknown = 0;       // done, and no row
  std::uint64_t out_of_order = 0;  // within a feed
  std::uint64_t broken_feeds = 0;  // a hole, a number twice, or a counter that stands elsewhere
  std::string text() const;
};
WhatWasRead outcome(const std::string& superuser_conninfo);

}  // namespace hookspool::testing

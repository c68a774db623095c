// The peer of the journal: a bare loop that commits groups of the same rows to the same table with the same pragmas, and
// nothing around it. Not thread-safe. Throws std::runtime_error where SQLite refuses.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/file/sqlite.h"
#include "storage/segment/segment.h"
#include "tests/support/temp_folder.h"

namespace hookspool::bench {

class BareSqlite {
 public:
  // The pages of WAL at which it checkpoints: those at which the agent's writer does, and what SQLite has by default.
  static constexpr int kCheckpointAsAgent = static_cast<int>(storage::kWalBytesMax / storage::kPageBytes);
  static constexpr int kCheckpointByDefault = 1000;

  explicit BareSqlite(std::size_t body_bytes, int checkpoint_pages = kCheckpointAsAgent);

  // One synced transaction of so many rows, and the checkpoint that it may make due; how long it took, in microseconds.
  double commit(int rows);
  std::vector<double> commit_for(std::chrono::seconds time, int rows);

 private:
  struct Closer {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Closer>;

  void check(int code, const char* attempted) const;
  void execute(const char* sql) const;
  Statement prepare(const char* sql) const;
  void step(const Statement& statement) const;

  testing::TempFolder folder_{"hookspool-bare"};
  std::string body_;
  std::int64_t next_key_ = 1;
  std::unique_ptr<sqlite3, Closer> database_;
  Statement begin_, insert_, commit_;
};

}  // namespace hookspool::bench

// One run of the bench: its rows, and what several of them share so that it is measured once. Not thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "tests/bench/rig.h"
#include "tests/bench/row.h"

namespace hookspool::bench {

struct IntakeFigures;  // row_intake.cpp
struct IdleFigures;    // row_idle.cpp
class Waiting;         // waiting.h

class Bench {
 public:
  Bench(const Sizes& sizes, std::filesystem::path payloads);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  const Sizes& sizes() const { return sizes_; }
  const std::filesystem::path& payloads() const { return payloads_; }  // of GitHub; may be absent
  // Without what an earlier row has left in it. One cluster for all.
  testing::PgCluster& fresh_postgres();

  std::unique_ptr<IntakeFigures> intake;
  std::unique_ptr<IdleFigures> idle;
  std::unique_ptr<Waiting> waiting;

 private:
  const Sizes sizes_;
  const std::filesystem::path payloads_;
  std::unique_ptr<testing::PgCluster> postgres_;
};

// A row that can be measured: its goal, and the function that fills in the rest. That throws std::runtime_error where
// something does not start.
struct RowKind {
  std::string_view key;
  std::string_view what;
  Bound bound;
  double goal;
  std::string_view unit;
  void (*measure)(Bench& bench, Row& row);
  bool last = false;  // uses up what others need
};

const std::vector<RowKind>& row_kinds();  // in the order in which they are shown

// Measures one; what goes wrong stands in the row.
Row measure(const RowKind& kind, Bench& bench);

// One file each.
void measure_intake(Bench& bench, Row& row);
void measure_intake_github(Bench& bench, Row& row);
void measure_intake_nginx(Bench& bench, Row& row);
void measure_intake_github_nginx(Bench& bench, Row& row);
void measure_cpu(Bench& bench, Row& row);
void measure_p99(Bench& bench, Row& row);
void measure_p99_p50(Bench& bench, Row& row);
void measure_latency(Bench& bench, Row& row);
void measure_latency_nginx(Bench& bench, Row& row);
void measure_many(Bench& bench, Row& row);
void measure_tls(Bench& bench, Row& row);
void measure_signed(Bench& bench, Row& row);
void measure_sustained(Bench& bench, Row& row);
void measure_flask(Bench& bench, Row& row);
void measure_drain(Bench& bench, Row& row);
void measure_visible(Bench& bench, Row& row);
void measure_memory_idle(Bench& bench, Row& row);
void measure_memory_load(Bench& bench, Row& row);
void measure_memory_waiting(Bench& bench, Row& row);
void measure_idle_cpu(Bench& bench, Row& row);
void measure_idle_wakeups(Bench& bench, Row& row);
void measure_ready(Bench& bench, Row& row);
void measure_intake_waiting(Bench& bench, Row& row);
void measure_size(Bench& bench, Row& row);

}  // namespace hookspool::bench

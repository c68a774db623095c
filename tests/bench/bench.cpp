#include "tests/bench/bench.h"

#include <exception>

#include "tests/bench/row_idle.h"
#include "tests/bench/row_intake.h"
#include "tests/bench/waiting.h"

namespace hookspool::bench {

Bench::Bench(const Sizes& sizes, std::filesystem::path payloads)
    : sizes_(sizes), payloads_(std::move(payloads)) {}

Bench::~Bench() = default;

testing::PgCluster& Bench::fresh_postgres() {
  if (!postgres_) {
    postgres_ = start_postgres();
  } else {
    postgres_->query("DROP SCHEMA IF EXISTS hookspool CASCADE; CHECKPOINT");
  }
  return *postgres_;
}

const std::vector<RowKind>& row_kinds() {
  static const std::vector<RowKind> kKinds = {
      {"intake", "durable intake, 64 connections, 1 kB, against an empty handler", Bound::kAtLeast, 0.75, "x",
       measure_intake},
      {"intake-github", "the same with GitHub's payloads", Bound::kAtLeast, 0.75, "x", measure_intake_github},
      {"intake-nginx", "durable intake, 64 connections, 1 kB, against nginx that answers at once",
       Bound::kAtLeast, 0.75, "x", measure_intake_nginx},
      {"intake-github-nginx", "the same with GitHub's payloads", Bound::kAtLeast, 0.5, "x",
       measure_intake_github_nginx},
      {"cpu", "processor of the agent a durable event, 64 connections, 1 kB", Bound::kAtMost, 20, "us",
       measure_cpu},
      {"many", "durable intake, 1,000 connections against 64, 1 kB", Bound::kAtLeast, 0.9, "x", measure_many},
      {"tls", "durable intake, 64 connections over TLS 1.3 against 64 without, 1 kB", Bound::kAtLeast, 0.75,
       "x", measure_tls},
      {"signed", "durable intake, GitHub's payloads, signatures verified against not", Bound::kAtLeast, 0.9,
       "x", measure_signed},
      {"sustained", "the same, 1 kB, PostgreSQL delivering, backlog not growing", Bound::kAtLeast, 0.45, "x",
       measure_sustained},
      {"flask", "the same against the Flask service", Bound::kAtLeast, 12, "x", measure_flask},
      {"latency", "one connection, p50 against one bare SQLite commit + empty handler", Bound::kAtMost, 1.3,
       "x", measure_latency},
      {"latency-nginx", "one connection, p50 against one bare SQLite commit + nginx", Bound::kAtMost, 1.25,
       "x", measure_latency_nginx},
      {"p99", "p99 at 64 connections against p99 of the bare commit loop", Bound::kAtMost, 3, "x",
       measure_p99},
      {"p99-p50", "p99 at 64 connections against p50 of the same run", Bound::kAtMost, 2.5, "x",
       measure_p99_p50},
      {"drain", "draining a cold backlog of 1 million against bare COPY", Bound::kAtLeast, 0.85, "x",
       measure_drain},
      {"visible", "accept to visible in PostgreSQL at 10 events/s, p50", Bound::kAtMost, 3, "fsyncs",
       measure_visible},
      {"memory-idle", "resident memory, idle", Bound::kAtMost, 12, "MiB", measure_memory_idle},
      {"memory-load", "resident memory at most, 64 connections at full load", Bound::kAtMost, 32, "MiB",
       measure_memory_load},
      {"memory-waiting", "resident memory at most, 10 million waiting and draining", Bound::kAtMost, 32,
       "MiB", measure_memory_waiting, true},
      {"idle-cpu", "CPU while idle, PostgreSQL connected, of one core", Bound::kAtMost, 0.1, "%",
       measure_idle_cpu},
      {"idle-wakeups", "wake-ups of the busiest thread while idle", Bound::kAtMost, 1, "a second",
       measure_idle_wakeups},
      {"ready", "ready with 10 million waiting", Bound::kAtMost, 1, "s", measure_ready},
      {"intake-waiting", "intake with 10 million waiting against an empty journal", Bound::kAtLeast, 0.95,
       "x", measure_intake_waiting},
      {"size", "executable, stripped", Bound::kAtMost, 3, "MB", measure_size},
  };
  return kKinds;
}

Row measure(const RowKind& kind, Bench& bench) {
  Row row;
  row.key = kind.key;
  row.what = kind.what;
  row.bound = kind.bound;
  row.goal = kind.goal;
  row.unit = kind.unit;
  try {
    kind.measure(bench, row);
  } catch (const std::exception& error) {
    row.failed = error.what();
  }
  return row;
}

}  // namespace hookspool::bench

// hookspool-size [events]: what a backlog costs. Fills a journal, then measures the real agent on it: how soon it is
// ready, how much memory it takes, how fast it takes new events beside an agent with an empty journal, how fast it
// drains beside one with a small backlog, and when the disk's space comes back. Times are printed and nothing more;
// what does not depend on the machine is checked, and the exit code tells: memory within kResidentBytesMore of a
// small backlog's, space given back before the end, every event in PostgreSQL once.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/size/backlog.h"
#include "tests/integration/system/agent_process.h"
#include "tests/integration/system/load.h"
#include "tests/support/pg_cluster.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kEventsDefault = 10'000'000;
constexpr std::uint64_t kSmallEvents = 50'000;
constexpr std::size_t kResidentBytesMore = 32u << 20;
constexpr int kIntakeRounds = 5;
constexpr seconds kIntakeTime{2};
constexpr milliseconds kSampleInterval{100};
constexpr seconds kDrainStallMax{60};  // without one event fewer that waits: nothing will come any more
constexpr double kMebibyte = 1 << 20;

double since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

void row(const std::string& what, const std::string& value) {
  std::printf("  %-58s %s\n", what.c_str(), value.c_str());
  std::fflush(stdout);
}

std::string number(double value, const char* format) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::uint64_t bytes_of(const std::filesystem::path& folder) {
  std::uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::error_code gone;
    const auto size = std::filesystem::file_size(entry.path(), gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

struct Drain {
  double seconds = 0;
  double events_per_second = 0;
  std::size_t resident_most = 0;
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_least_before_the_end = UINT64_MAX;
  std::vector<std::string> samples;
};

// One agent and the journal it starts on.
struct Subject {
  Subject(const PgCluster& postgres, std::string name, std::uint64_t events)
      : id(std::move(name)), backlog(events), agent(options(postgres, id)) {
    if (events > 0) make_backlog(agent.journal(), events);
  }

  static AgentOptions options(const PgCluster& postgres, const std::string& id) {
    AgentOptions options;
    options.binary = agent_binary();
    options.conninfo = postgres.conninfo();
    options.agent_id = id;
    options.more_postgres = "backoff_max = \"500ms\"\n";
    options.more_journal = "max_bytes = \"1TiB\"\nmin_free_bytes = \"64MiB\"\nkeep_delivered = \"0s\"\n";
    return options;
  }

  double start() {
    const auto began = Clock::now();
    agent.start();
    return since(began);
  }

  // Acknowledged events a second.
  double take_load() {
    const auto began = Clock::now();
    Load load({.port = agent.intake_port(),
               .connections = 16,
               .filler_bytes_max = kBacklogBodyBytes,
               .large_bodies = false,
               .pause = milliseconds(0)});
    std::this_thread::sleep_for(kIntakeTime);
    load.stop();
    const double rate = static_cast<double>(load.counts().ok) / since(began);
    acknowledged += load.counts().ok;
    refused += load.counts().fail + load.counts().unknown;
    return rate;
  }

  Drain drain() {
    Drain result;
    result.bytes_before = bytes_of(agent.journal());
    const auto events = static_cast<double>(backlog + acknowledged);
    const auto began = Clock::now();
    auto progressed = began;
    long long least = std::numeric_limits<long long>::max();
    int next_sample = 9;  // tenths that still wait
    for (;;) {
      const long long pending = agent.health_number("/journal/pending");
      result.resident_most = std::max(result.resident_most, agent.resident_bytes());
      const std::uint64_t bytes = bytes_of(agent.journal());
      if (pending == 0) break;
      if (pending > 0 && pending < least) {
        least = pending;
        progressed = Clock::now();
      }
      if (Clock::now() - progressed > kDrainStallMax)
        throw std::runtime_error("nothing was delivered for " + std::to_string(kDrainStallMax.count()) +
                                 " s: " + agent.health());
      if (pending > 0) result.bytes_least_before_the_end = std::min(result.bytes_least_before_the_end, bytes);
      if (pending > 0 && static_cast<double>(pending) <= events * next_sample / 10) {
        result.samples.push_back(
            number(since(began), "%7.1f s") + number(static_cast<double>(pending), "%12.0f") +
            number(static_cast<double>(bytes) / kMebibyte, "%9.0f MiB") +
            number(static_cast<double>(agent.resident_bytes()) / kMebibyte, "%8.1f MiB"));
        while (next_sample > 0 && static_cast<double>(pending) <= events * next_sample / 10) --next_sample;
      }
      std::this_thread::sleep_for(kSampleInterval);
    }
    result.seconds = since(began);
    result.events_per_second = events / result.seconds;
    return result;
  }

  const std::string id;
  const std::uint64_t backlog;
  std::uint64_t acknowledged = 0;
  std::uint64_t refused = 0;
  AgentProcess agent;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// In turns, so that whatever else the machine does falls on both alike.
void compare_intake(Subject& empty, Subject& full) {
  std::vector<double> without, with;
  for (int round = 0; round < kIntakeRounds; ++round) {
    without.push_back(empty.take_load());
    with.push_back(full.take_load());
  }
  row("intake, journal empty before (median of 5)", number(median(without), "%.0f events/s"));
  row("intake, with the backlog (median of 5)",
      number(median(with), "%.0f events/s") + number(100 * median(with) / median(without), ", %.0f %%"));
}

bool check(bool holds, const std::string& what) {
  std::printf("%s  %s\n", holds ? "ok    " : "FAILED", what.c_str());
  return holds;
}

bool check_rows(const PgCluster& postgres, const Subject& subject) {
  const std::string where = " FROM hookspool.events WHERE agent_id = '" + subject.id + "'";
  const std::string rows = postgres.value("SELECT count(*)" + where);
  const std::string ids = postgres.value("SELECT count(DISTINCT id)" + where);
  // Numbers of a source count 1, 2, 3 within an epoch: no hole, and none twice.
  const std::string numbers = postgres.value("SELECT coalesce(sum(last), 0) FROM (SELECT max(seq) AS last" +
                                             where + " GROUP BY epoch, source) AS lanes");
  const std::string expected = std::to_string(subject.backlog + subject.acknowledged);
  return check(rows == expected && ids == expected && numbers == expected && subject.refused == 0,
               subject.id + ": " + expected + " events, " + rows + " rows, " + ids + " ids, numbers up to " +
                   numbers + ", " + std::to_string(subject.refused) + " refused");
}

int run(std::uint64_t events) {
  PgCluster postgres;
  std::printf("a backlog of %llu events with bodies of %zu bytes in %d sources\n\n",
              static_cast<unsigned long long>(events), kBacklogBodyBytes, kBacklogLanes);
  Subject empty(postgres, "empty", 0), small(postgres, "small", kSmallEvents);
  const auto filling = Clock::now();
  Subject full(postgres, "full", events);
  row("filling the journal through storage/",
      number(since(filling), "%.1f s") +
          number(static_cast<double>(bytes_of(full.agent.journal())) / kMebibyte, ", %.0f MiB"));
  row("ready, journal empty", number(1000 * empty.start(), "%.0f ms"));
  postgres.stop();
  row("ready, with the backlog", number(1000 * full.start(), "%.0f ms"));
  const std::size_t idle = full.agent.resident_bytes();
  row("resident when ready, journal empty",
      number(static_cast<double>(empty.agent.resident_bytes()) / kMebibyte, "%.1f MiB"));
  row("resident when ready, with the backlog", number(static_cast<double>(idle) / kMebibyte, "%.1f MiB"));
  compare_intake(empty, full);
  row("resident after that, with the backlog",
      number(static_cast<double>(full.agent.resident_bytes()) / kMebibyte, "%.1f MiB"));

  full.agent.terminate();
  postgres.start();
  empty.agent.wait_caught_up(seconds(300));
  empty.agent.terminate();
  small.start();
  const Drain small_drain = small.drain();
  small.agent.terminate();
  row("draining 50,000 events", number(small_drain.events_per_second, "%.0f events/s"));
  row("resident at most meanwhile",
      number(static_cast<double>(small_drain.resident_most) / kMebibyte, "%.1f MiB"));
  full.start();
  const Drain drain = full.drain();
  row("draining the backlog",
      number(drain.events_per_second, "%.0f events/s") + number(drain.seconds, ", %.1f s"));
  row("resident at most meanwhile", number(static_cast<double>(drain.resident_most) / kMebibyte, "%.1f MiB"));
  row("journal on disk, before", number(static_cast<double>(drain.bytes_before) / kMebibyte, "%.0f MiB"));
  std::printf("\n       time     waiting  journal on disk    resident\n");
  for (const std::string& sample : drain.samples) std::printf("  %s\n", sample.c_str());
  std::printf("\n");

  bool good = check(drain.resident_most <= small_drain.resident_most + kResidentBytesMore,
                    "memory: at most 32 MiB more than with a small backlog");
  good = check(drain.bytes_least_before_the_end <= drain.bytes_before / 2,
               "space: half of it was given back before the last event was delivered") &&
         good;
  for (const Subject* subject : {&empty, &small, &full}) good = check_rows(postgres, *subject) && good;
  return good ? 0 : 1;
}

}  // namespace
}  // namespace hookspool::testing

int main(int argc, char** argv) {
  std::uint64_t events = hookspool::testing::kEventsDefault;
  if (argc > 1) {
    const char* end = argv[1] + std::strlen(argv[1]);
    if (argc > 2 || std::from_chars(argv[1], end, events).ptr != end || events == 0) {
      std::cerr << "usage: hookspool-size [events]\n";
      return 64;
    }
  }
  try {
    return hookspool::testing::run(events);
  } catch (const std::exception& error) {
    std::cerr << "hookspool-size: " << error.what() << "\n";
    return 1;
  }
}

#include "tests/history/collect.h"

#include <random>
#include <stdexcept>

#include "storage/journal/journal.h"
#include "tests/integration/system/load.h"
#include "tests/support/pg_programs.h"
#include "tests/support/process.h"

namespace hookspool::history {
namespace {

constexpr std::size_t kReadEvents = 1'000;
constexpr std::size_t kReadBytes = 8u << 20;
constexpr std::uint64_t kNoLimitBytes = 1ull << 50;

std::vector<Landed> read_landed(const testing::PgCluster& postgres, const std::string& select) {
  std::vector<Landed> list;
  for (auto& row : postgres.query(select)) {
    list.push_back({.id = row[0].value_or(""),
                    .agent_id = row[1].value_or(""),
                    .epoch = row[2].value_or(""),
                    .source = row[3].value_or(""),
                    .seq = std::stoull(row[4].value_or("0")),
                    .key = row[5].value_or(""),
                    .header = row[6].value_or(""),
                    .digest = row[7].value_or(""),
                    .sqlstate = row[8].value_or(""),
                    .at_us = std::stoll(row[9].value_or("0"))});
  }
  return list;
}

std::vector<Landed> read_dead(const testing::PgCluster& postgres, const std::string& table,
                              const std::string& at) {
  return read_landed(
      postgres,
      "SELECT id, agent_id, epoch, source, seq, r->>'delivery_id', r->'headers'->>'x-check',"
      " encode(sha256(body), 'hex'), sqlstate, (extract(epoch FROM " +
          at + ") * 1000000)::bigint FROM (SELECT *, convert_from(request, 'UTF8')::jsonb AS r FROM " +
          table + ") AS dead");
}

}  // namespace

Result read_postgres(const testing::PgCluster& postgres) {
  Result result;
  const std::string columns =
      "SELECT id, agent_id, epoch, source, seq, delivery_id, headers->>'x-check', encode(sha256(";
  result.rows = read_landed(
      postgres,
      columns + "coalesce(body, convert_to(payload::text, 'UTF8'))), 'hex'), '', 0 FROM hookspool.events");
  const auto own = read_landed(postgres, columns + "body), 'hex'), '', 0 FROM own_events");
  result.rows.insert(result.rows.end(), own.begin(), own.end());
  result.dead_letters = read_dead(postgres, "hookspool.dead_letters", "failed_at");
  result.ever_dead = read_dead(postgres, "witness", "at");
  for (const auto& row :
       postgres.query("SELECT agent_id, epoch, lane, seq, event_id FROM hookspool.watermarks")) {
    result.watermarks.push_back({.agent_id = row[0].value_or(""),
                                 .epoch = row[1].value_or(""),
                                 .lane = row[2].value_or(""),
                                 .seq = std::stoull(row[3].value_or("0")),
                                 .event_id = row[4].value_or("")});
  }
  for (const auto& row : postgres.query("SELECT epoch, lane, first_seq, last_seq FROM hookspool.gaps")) {
    result.gaps.push_back({.epoch = row[0].value_or(""),
                           .lane = row[1].value_or(""),
                           .first_seq = std::stoull(row[2].value_or("0")),
                           .last_seq = std::stoull(row[3].value_or("0"))});
  }
  for (const auto& row :
       postgres.query("SELECT id, coalesce(feed, 0), coalesce(arrival, 0) FROM hookspool.events")) {
    result.numbered.push_back({.id = row[0].value_or(""),
                               .feed = std::stoull(row[1].value_or("0")),
                               .arrival = std::stoull(row[2].value_or("0"))});
  }
  for (const auto& row : postgres.query("SELECT feed, agent_id, source, arrival FROM hookspool.feeds")) {
    result.feeds.push_back({.feed = std::stoull(row[0].value_or("0")),
                            .agent_id = row[1].value_or(""),
                            .source = row[2].value_or(""),
                            .arrival = std::stoull(row[3].value_or("0"))});
  }
  return result;
}

std::vector<Journaled> read_journal(const std::filesystem::path& journal, const std::filesystem::path& copy) {
  std::filesystem::remove_all(copy);
  testing::run_checked({.argv = {"cp", "-a", journal, copy}});
  storage::JournalOptions options;
  options.folder = copy;
  options.bytes_max = kNoLimitBytes;
  options.free_bytes_min = 0;
  options.random_bytes = [](std::span<std::byte> bytes) {
    static std::random_device random;
    for (auto& byte : bytes) byte = static_cast<std::byte>(random());
  };
  auto opened = storage::Journal::open(std::move(options));
  if (!opened) throw std::runtime_error("the journal cannot be opened: " + opened.error().text);
  storage::Journal& read = *opened->journal;
  std::vector<Journaled> events;
  for (const std::string& lane : read.lanes()) {
    for (const storage::LaneRun& run : read.runs(lane)) {
      for (std::uint64_t seq = run.first_seq; seq <= run.last_seq;) {
        const auto batch = read.read(lane, run.epoch, seq, kReadEvents, kReadBytes);
        if (!batch && batch.error().kind == storage::JournalError::Kind::kCorrupt) {
          ++seq;  // damaged: whether it was delivered before, the rows tell
          continue;
        }
        if (!batch) throw std::runtime_error("the journal cannot be read: " + batch.error().text);
        for (const EventPtr& event : *batch) {
          events.push_back({.id = event->id.to_string(),
                            .epoch = event->epoch.to_string(),
                            .lane = lane,
                            .seq = event->seq,
                            .again = !event->event.requeued_id.is_nil(),
                            .digest = testing::hex(testing::sha256(event->event.body))});
        }
        seq = batch->back()->seq + 1;
      }
    }
  }
  if (const auto closed = read.close(); !closed) throw std::runtime_error(closed.error().text);
  opened->journal.reset();
  std::filesystem::remove_all(copy);
  return events;
}

void dump_postgres(const testing::PgCluster& postgres, const std::filesystem::path& file) {
  testing::run_and_capture(
      {.argv = {testing::pg_program("pg_dump"), "-d", postgres.superuser_conninfo(), "-f", file.string()}});
}

std::string retry_dead_letters(const testing::AgentProcess& agent, const std::string& binary) {
  return testing::run_checked(
      {.argv = {binary, "dead", "retry", "--all", "--config", agent.config_file().string()}});
}

}  // namespace hookspool::history

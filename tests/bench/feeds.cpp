// What numbering rows costs a delivery, and how fast consume() is. Against a PostgreSQL that is given, which should do nothing
// else; it makes the schema that is named, and leaves it there. One figure a line.
//
//   hookspool-feeds live|drain CONNINFO SCHEMA          transactions a second of one row each; rows a second, 1000 each
//   hookspool-feeds consume CONNINFO SCHEMA             rows a second at batches of 1, 100, 1000 by 1, 2 and 4 workers
//   ... SCHEMA partitioned                              the same with the events table in weekly partitions
//
// `live` and `drain` compile with versions before feeds as well, for a before and after in turn.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "net/pg/delivery/delivery.h"
#include "net/pg/link/connection.h"
#include "net/pg/tables/schema.h"

namespace hookspool::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kEach{3};  // one figure
constexpr std::size_t kBodyBytes = 1'000;
constexpr std::size_t kDrainRows = 1'000;
constexpr std::size_t kConsumedRows = 60'000;
constexpr const char* kSources[] = {"a", "b", "c", "d"};

template <class T>
T value(net::PgResult<T> result) {
  if (!result) throw std::runtime_error(result.error().text);
  return std::move(*result);
}

class Lane {
 public:
  explicit Lane(const std::string& name) {
    std::random_device random;
    key_ = {"bench", {}, name};
    for (std::uint8_t& byte : key_.epoch.bytes) byte = static_cast<std::uint8_t>(random());
  }
  const net::LaneKey& key() const { return key_; }
  Position last() const { return last_; }
  std::vector<EventPtr> next(std::size_t count) {
    std::vector<EventPtr> events;
    for (std::size_t i = 0; i < count; ++i) {
      auto stored = std::make_shared<StoredEvent>();
      static std::uint64_t id = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
      ++id;
      for (std::size_t b = 0; b < 8; ++b) stored->id.bytes[b] = static_cast<std::uint8_t>(id >> (56 - 8 * b));
      stored->epoch = key_.epoch;
      stored->seq = last_.seq + 1;
      stored->event.lane = key_.lane;
      stored->event.received_at_us = 1'795'000'000'000'000;
      stored->event.method = "POST";
      stored->event.path = "/hooks/a";
      stored->event.headers = R"({"content-type":"application/json"})";
      stored->event.body = "{\"text\":\"" + std::string(kBodyBytes, 'x') + "\"}";
      last_ = {stored->seq, stored->id};
      events.push_back(std::move(stored));
    }
    return events;
  }

 private:
  net::LaneKey key_;
  Position last_;
};

void deliver(net::Connection& connection, const net::PgOptions& options, Lane& lane, std::size_t count) {
  auto transaction = value(net::DeliveryTransaction::begin(connection, options, lane.key(), true));
  const auto events = lane.next(count);
  if (auto copied = transaction.copy(events); !copied) throw std::runtime_error(copied.error().text);
  if (auto committed = transaction.commit(); !committed) throw std::runtime_error(committed.error().text);
}

void deliver_ahead(net::Connection& connection, const net::PgOptions& options, Lane& lane) {
  const Position from = lane.last();
  const auto events = lane.next(1);
  auto begun = value(net::DeliveryTransaction::begin_at(connection, options, lane.key(), from, events));
  if (!begun) throw std::runtime_error("the watermark stands elsewhere");
  if (auto committed = begun->commit(); !committed) throw std::runtime_error(committed.error().text);
}

double per_second(std::uint64_t count, Clock::time_point began) {
  return static_cast<double>(count) / std::chrono::duration<double>(Clock::now() - began).count();
}

void measure_deliveries(net::Connection& connection, const net::PgOptions& options, bool live) {
  Lane lane(kSources[0]);
  deliver(connection, options, lane, 1);
  std::uint64_t done = 0;
  const auto began = Clock::now();
  while (Clock::now() - began < kEach) {
    if (live) {
      deliver_ahead(connection, options, lane);
      done += 1;
    } else {
      deliver(connection, options, lane, kDrainRows);
      done += kDrainRows;
    }
  }
  std::printf("%s %.0f\n", live ? "live tx/s" : "drain rows/s", per_second(done, began));
}

// Until nothing is left, or the time is over; rows.
std::uint64_t consume(const net::PgOptions& options, int batch, Clock::time_point end) {
  auto connection = value(net::Connection::connect(options));
  std::uint64_t rows = 0;
  const std::string sql = "BEGIN;SELECT * FROM " + net::quote_identifier(options.schema) +
                          ".consume('bench', " + std::to_string(batch) + ")";
  int idle = 0;
  while (Clock::now() < end && idle < 20) {
    const auto deadline = Clock::now() + std::chrono::seconds(30);
    const auto taken = value(connection->query(sql, deadline));
    (void)value(connection->query("COMMIT", deadline));
    rows += taken.rows.size();
    idle = taken.rows.empty() ? idle + 1 : 0;
  }
  return rows;
}

void measure_consumers(net::Connection& connection, const net::PgOptions& options) {
  const auto soon = [] { return Clock::now() + std::chrono::seconds(60); };
  const std::string schema = net::quote_identifier(options.schema);
  for (const char* source : kSources) {
    Lane lane(source);
    for (std::size_t rows = 0; rows < kConsumedRows / std::size(kSources); rows += kDrainRows)
      deliver(connection, options, lane, kDrainRows);
  }
  (void)value(connection.query("VACUUM ANALYZE " + schema + ".events", soon()));
  (void)value(connection.query("SELECT " + schema + ".create_consumer('bench')", soon()));
  for (const int batch : {1, 100, 1000}) {
    for (const std::size_t workers : {1u, 2u, 4u}) {
      (void)value(connection.query("SELECT " + schema + ".seek('bench', 'beginning')", soon()));
      std::atomic<std::uint64_t> rows = 0;
      const auto began = Clock::now();
      std::vector<std::thread> threads;
      for (std::size_t i = 0; i < workers; ++i)
        threads.emplace_back([&] { rows += consume(options, batch, began + kEach); });
      for (std::thread& thread : threads) thread.join();
      std::printf("consume(%d) by %zu: %.0f rows/s\n", batch, workers, per_second(rows, began));
    }
  }
}

}  // namespace
}  // namespace hookspool::bench

int main(int argc, char** argv) try {
  using namespace hookspool;
  const bool partitioned = argc == 5 && std::string_view(argv[4]) == "partitioned";
  const std::string_view what = argc == 4 || partitioned ? argv[1] : "";
  if (what != "live" && what != "drain" && what != "consume") {
    std::fprintf(stderr, "hookspool-feeds live|drain|consume CONNINFO SCHEMA [partitioned]\n");
    return 64;
  }
  net::PgOptions options;
  options.conninfo = argv[2];
  options.schema = argv[3];
  auto connection = bench::value(net::Connection::connect(options));
  if (auto made = net::ensure_schema(*connection, options); !made)
    throw std::runtime_error(made.error().text);
  if (partitioned) {
    (void)bench::value(
        connection->query("SELECT " + net::quote_identifier(options.schema) + ".partition_events()",
                          net::statement_deadline(options)));
  }
  if (what == "consume") {
    bench::measure_consumers(*connection, options);
  } else {
    bench::measure_deliveries(*connection, options, what == "live");
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}

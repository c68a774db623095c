#include "tests/unit/net/pg_fixture.h"

#include <atomic>
#include <random>
#include <utility>

namespace hookspool::net {
namespace {

std::unique_ptr<testing::PgCluster>& the_cluster() {
  static std::unique_ptr<testing::PgCluster> cluster;
  return cluster;
}

class StopsTheCluster : public ::testing::Environment {
 public:
  void TearDown() override { the_cluster().reset(); }
};
[[maybe_unused]] const auto* const kStops = ::testing::AddGlobalTestEnvironment(new StopsTheCluster);

}  // namespace

testing::PgCluster& cluster() {
  if (!the_cluster()) the_cluster() = std::make_unique<testing::PgCluster>();
  return *the_cluster();
}

Deadline soon() {
  return std::chrono::steady_clock::now() + kLong;
}

PgTest::PgTest() {
  static int number = 0;
  schema_ = "Test \"schema\" " + std::to_string(++number);
}

PgOptions PgTest::options(std::optional<int> port) const {
  PgOptions options;
  options.conninfo = cluster().conninfo(port);
  options.schema = schema_;
  return options;
}

std::unique_ptr<Connection> PgTest::connect(const PgOptions& options) const {
  auto connection = Connection::connect(options);
  if (!connection) {
    ADD_FAILURE() << connection.error().text;
    return nullptr;
  }
  return std::move(connection).value();
}

void PgTest::make_schema() const {
  auto made = ensure_schema(*connect(), options());
  ASSERT_TRUE(made.ok()) << made.error().text;
}

std::string value(Connection& connection, const std::string& sql) {
  auto rows = connection.query(sql, soon(), "test");
  if (!rows) return "ERROR " + rows.error().sqlstate + " " + rows.error().text;
  if (rows->rows.size() != 1 || rows->rows.front().size() != 1) return "not one value";
  return rows->rows.front().front().value_or("NULL");
}

Lane::Lane(std::string the_name) : name(std::move(the_name)) {
  std::random_device random;
  for (std::uint8_t& byte : epoch.bytes) byte = static_cast<std::uint8_t>(random());
}

EventPtr Lane::add(std::string body) {
  static std::atomic<std::uint64_t> last_id{std::random_device{}()};
  auto stored = std::make_shared<StoredEvent>();
  const std::uint64_t id = ++last_id;
  for (std::size_t i = 0; i < 8; ++i) stored->id.bytes[i] = static_cast<std::uint8_t>(id >> (56 - 8 * i));
  stored->id.bytes[15] = 1;
  stored->epoch = epoch;
  stored->seq = events.size() + 1;
  stored->event.lane = name;
  stored->event.received_at_us = 1'795'000'000'000'000 + static_cast<std::int64_t>(stored->seq);
  stored->event.method = "POST";
  stored->event.path = "/hooks/" + name;
  stored->event.headers = R"({"content-type":"application/json"})";
  stored->event.body = std::move(body);
  return events.emplace_back(std::move(stored));
}

std::vector<EventPtr> Lane::from(std::uint64_t seq, std::size_t count) const {
  std::vector<EventPtr> run;
  for (std::size_t i = seq - 1; i < events.size() && run.size() < count; ++i) run.push_back(events[i]);
  return run;
}

Position Lane::last() const {
  return {events.back()->seq, events.back()->id};
}

PgResult<Position> deliver(Connection& connection, const PgOptions& options, const Lane& lane,
                           std::size_t count) {
  auto transaction = DeliveryTransaction::begin(connection, options, lane.key(), true);
  if (!transaction) return fail(std::move(transaction).error());
  Position position = transaction->watermark().value();
  const std::vector<EventPtr> run = lane.from(position.seq + 1, count);
  if (!run.empty()) position = {run.back()->seq, run.back()->id};
  if (auto copied = transaction->copy(run); !copied) return fail(std::move(copied).error());
  if (auto committed = transaction->commit(); !committed) return fail(std::move(committed).error());
  return position;
}

}  // namespace hookspool::net

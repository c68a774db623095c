#include "tests/integration/delivery/rig.h"

#include "agent/base/log.h"
#include "agent/base/random.h"
#include "agent/base/wall_clock.h"
#include "tests/support/wait.h"

namespace hookspool::agent {

testing::PgCluster& shared_cluster() {
  static testing::PgCluster cluster;
  return cluster;
}

Life::Life(const Options& given) {
  static const bool logging = (start_log("error"), true);
  (void)logging;
  config_.options.conninfo = given.conninfo;
  config_.options.schema = given.schema;
  config_.options.pool_size = given.pool_size;
  config_.options.tables = given.tables;
  config_.options.notify = given.notify;
  config_.options.connect_timeout = given.connect_timeout;
  config_.options.statement_timeout = given.statement_timeout;
  config_.options.lock_timeout = given.lock_timeout;
  config_.options.answer_margin = given.answer_margin;
  config_.backoff_min = milliseconds(20);
  config_.backoff_max = given.backoff_max;
  config_.batch_events_max = 100;

  storage::JournalOptions options;
  options.folder = given.journal;
  options.random_bytes = random_bytes;
  options.segment_bytes_max = given.segment_bytes_max;
  options.free_bytes_min = 0;
  options.on_committing = [this, while_writing = given.while_writing](std::span<const EventPtr> events) {
    if (begun_) lanes_->committing(events);
    if (while_writing) while_writing();
  };
  options.on_committed = [this](std::span<const EventPtr> events) {
    if (begun_) lanes_->committed(events);
  };
  auto opened = storage::Journal::open(std::move(options));
  if (!opened) throw std::runtime_error(opened.error().text);
  journal_ = std::move(opened->journal);
  pool_ = std::make_unique<net::Pool>(config_.options);
  settings_ = std::make_unique<Current<PostgresConfig>>(config_);
  lanes_ = std::make_unique<Lanes>(*journal_, *pool_, *settings_, given.on_buried);
  guard_ = std::make_unique<SinkGuard>(journal_->notes());
  uplink_ = std::make_unique<Uplink>(
      *pool_, config_.backoff_min, config_.backoff_max,
      [this](const net::SinkIdentity& identity) { return guard_->check(identity); },
      [this] { lanes_->uplink_changed(uplink_->status()); });
}

Life::~Life() {
  lanes_->stop(milliseconds(30'000));
  uplink_->stop(milliseconds(30'000));
  (void)journal_->close();
}

void Life::append(const std::string& lane, int count, const std::string& prefix) {
  for (int i = 1; i <= count; ++i) append_body(lane, "\"" + prefix + std::to_string(i) + "\"");
}

void Life::append_again(const std::string& lane, const std::string& body, const Uuid& again) {
  Event event;
  event.lane = lane;
  event.received_at_us = wall_clock_us();
  event.method = "POST";
  event.path = "/hooks/" + lane;
  event.headers = "{}";
  event.body = body;
  event.requeued_id = again;
  const auto stored = journal_->append(std::move(event));
  ASSERT_TRUE(stored) << stored.error().text;
}

void Life::begin() {
  begun_ = true;
  lanes_->start(*uplink_);
  uplink_->start();
}

bool Life::delivered(milliseconds limit) {
  return testing::wait_until(limit, [this] { return journal_->admin().stats().pending == 0; });
}

LaneStatus Life::lane(const std::string& name) {
  for (auto& status : lanes_->statuses()) {
    if (status.name == name) return status;
  }
  return {};
}

bool Life::held(const std::string& lane_name) {
  return testing::wait_until(std::chrono::seconds(20), [&] { return lane(lane_name).state == "held"; });
}

DeliveryTest::DeliveryTest() {
  static int number = 0;
  schema_ = "s" + std::to_string(++number);
  shared_cluster();
}

Life::Options DeliveryTest::options(const std::string& journal) const {
  Life::Options options;
  options.journal = folder_ / journal;
  options.conninfo = shared_cluster().conninfo();
  options.schema = schema_;
  return options;
}

std::string DeliveryTest::bodies(const std::string& lane) const {
  return value("SELECT string_agg(payload #>> '{}', ' ' ORDER BY id) FROM " + table("events") +
               " WHERE source = '" + lane + "'");
}

std::string DeliveryTest::doubled() const {
  return value("SELECT count(*) FROM (SELECT payload FROM " + table("events") +
               " GROUP BY source, payload HAVING count(*) > 1) AS twice");
}

}  // namespace hookspool::agent

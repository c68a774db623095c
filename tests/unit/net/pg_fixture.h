// What the tests of net/pg share: one PostgreSQL for the whole program, a schema of its own for each test.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/pg/delivery/delivery.h"
#include "net/pg/link/connection.h"
#include "net/pg/tables/schema.h"
#include "storage/model/event.h"
#include "tests/support/pg_cluster.h"

namespace hookspool::net {

testing::PgCluster& cluster();

// Where a wait ends a test that hangs.
inline constexpr std::chrono::seconds kLong{30};
Deadline soon();  // kLong from now

class PgTest : public ::testing::Test {
 protected:
  PgTest();
  // Over verified TLS, this test's schema; `port` of a proxy in front of the cluster.
  PgOptions options(std::optional<int> port = {}) const;
  std::unique_ptr<Connection> connect(const PgOptions& options) const;  // or fails the test
  std::unique_ptr<Connection> connect() const { return connect(options()); }
  void make_schema() const;
  std::string table(const std::string& name) const { return quote_identifier(schema_) + "." + name; }

  std::string schema_;
};

// The single value of a query, "NULL", or "ERROR" and its text.
std::string value(Connection& connection, const std::string& sql);

// A run of events of one lane and epoch, numbered from 1, with ids that grow.
class Lane {
 public:
  explicit Lane(std::string name = "github");
  EventPtr add(std::string body);
  // From number `seq` on, up to `count` of them.
  std::vector<EventPtr> from(std::uint64_t seq, std::size_t count) const;
  LaneKey key() const { return {"edge-1", epoch, name}; }
  Position last() const;

  std::string name;
  Uuid epoch;
  std::vector<EventPtr> events;
};

// One whole delivery: from the watermark on, up to `count` events. Reports what went wrong.
PgResult<Position> deliver(Connection& connection, const PgOptions& options, const Lane& lane,
                           std::size_t count);

}  // namespace hookspool::net

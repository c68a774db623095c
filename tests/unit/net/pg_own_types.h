// What the tests of tables of the user's own share: a table with one column of a type, a value for it, and what became of it.
#pragma once

#include "net/pg/tables/mapping.h"
#include "net/pg/tables/target_check.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {

class OwnTypes : public PgTest {
 protected:
  OwnTypes() {
    make_schema();
    admin(
        "CREATE SCHEMA IF NOT EXISTS extras; GRANT USAGE ON SCHEMA extras TO hookspool;"
        "CREATE EXTENSION IF NOT EXISTS citext SCHEMA extras; CREATE EXTENSION IF NOT EXISTS hstore SCHEMA "
        "extras");
    mapping_.schema = schema_;
    mapping_.table = "T \"1\" \xc3\xa4";
    connection_ = connect();
    maker_ = connect();
    run("SET TimeZone = 'UTC'; SET search_path = " + quote_identifier(schema_) + ", extras");
  }
  void admin(const std::string& sql) const { cluster().query(sql); }
  std::string mine() const { return mapping_.quoted_name(); }
  // As the role, in this test's schema, with settings that no test changes.
  void run(const std::string& sql) const {
    auto done = maker_->query(sql, soon());
    ASSERT_TRUE(done) << done.error().text << "\n" << sql;
  }
  void map(const std::string& column, const std::string& spec) {
    auto source = parse_column_source(spec);
    ASSERT_TRUE(source) << source.error();
    mapping_.columns.push_back({column, std::move(*source)});
  }
  PgOptions mapped() const {
    PgOptions with = options();
    auto tables = std::make_shared<LaneTables>();
    tables->by_lane.emplace("github", mapping_);
    with.tables = std::move(tables);
    return with;
  }
  // "" or the SQLSTATE with which it was refused.
  std::string send(Lane& lane, std::size_t count = 1000) {
    const auto sent = deliver(*connection_, mapped(), lane, count);
    if (sent) return "";
    EXPECT_EQ(sent.error().error_class == ErrorClass::kEvent, true)
        << sent.error().sqlstate << sent.error().text;
    return sent.error().sqlstate;
  }
  // The value as PostgreSQL has it, or the SQLSTATE with which the event was refused.
  std::string into(const std::string& type, const std::string& json, const std::string& spec = "/v",
                   const std::string& shown = "v::text") {
    run("DROP TABLE IF EXISTS " + mine() + "; CREATE TABLE " + mine() + " (v " + type + ")");
    mapping_.columns.clear();
    map("v", spec);
    Lane lane;
    lane.add("{\"v\": " + json + "}");
    const std::string refused = send(lane);
    if (!refused.empty()) return refused;
    return value(*maker_, "SELECT coalesce(" + shown + ", 'NULL') FROM " + mine());
  }
  std::string findings() {
    const auto found = look_at_target(*connection_, mapped(), mapping_);
    if (!found) return "ERROR " + found.error().text;
    std::string all;
    for (const auto& each : found->refused) all += "refused: " + each + "\n";
    for (const auto& each : found->faults) all += "fault: " + each + "\n";
    for (const auto& each : found->warnings) all += "warning: " + each + "\n";
    return all;
  }
  std::string rows(const std::string& expression) const {
    return cluster().value("SELECT coalesce(string_agg((" + expression +
                           ")::text, ' ' ORDER BY 1), '') FROM " + mine());
  }

  std::unique_ptr<Connection> connection_, maker_;
  TableMapping mapping_;
};

struct Case {
  std::string type, json, expected;
};

}  // namespace hookspool::net

// The checker itself: every way in which a table can break the promise, made by hand, is seen and named.
#include "tests/integration/system/fixture.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

class HistoryCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    AgentProcess agent(agent_options(postgres_.conninfo()));
    agent.start();
    Load load({.port = agent.intake_port(), .rounds_max = 10});
    ASSERT_TRUE(wait_until(std::chrono::seconds(20), [&] { return load.finished(); }));
    agent.wait_caught_up();
    histories_ = load.take_history();
    postgres_.query("CREATE TABLE untouched AS TABLE hookspool.events");
    ASSERT_TRUE(check().kept()) << check().text();
  }

  Verdict check() const { return check_history(histories_, postgres_); }

  // What the checker says of a table that was changed by this SQL; the change is undone.
  Verdict after(const std::string& sql) {
    postgres_.query(sql);
    const Verdict verdict = check();
    EXPECT_FALSE(verdict.kept()) << sql;
    EXPECT_FALSE(verdict.examples.empty()) << sql;
    postgres_.query("TRUNCATE hookspool.events; INSERT INTO hookspool.events TABLE untouched");
    return verdict;
  }

  PgCluster postgres_;
  std::vector<SourceHistory> histories_;
};

constexpr const char* kThird = "source = 's0-0' AND seq = 3";
constexpr const char* kLast = "source = 's0-0' AND seq = 10";

TEST_F(HistoryCheck, SeesEveryWayToBreakThePromise) {
  const std::string third = kThird;
  const Verdict without = after("DELETE FROM hookspool.events WHERE " + third);
  EXPECT_EQ(without.lost, 1u);
  EXPECT_EQ(without.gaps, 1u);
  EXPECT_EQ(after(std::string("DELETE FROM hookspool.events WHERE ") + kLast).lost, 1u);

  const Verdict twice = after(
      "INSERT INTO hookspool.events SELECT (r).* FROM (SELECT jsonb_populate_record(e, "
      "jsonb_build_object('id', gen_random_uuid(), 'seq', 11, 'feed', NULL, 'arrival', NULL)) AS r "
      "FROM hookspool.events e WHERE " +
      third + ") AS copied");
  EXPECT_EQ(twice.doubled, 1u);

  const Verdict altered =
      after("UPDATE hookspool.events SET payload = NULL, body = 'changed' WHERE " + third);
  EXPECT_EQ(altered.unexpected, 1u);
  EXPECT_EQ(altered.lost, 1u);

  EXPECT_EQ(after("UPDATE hookspool.events SET source = 's0-1' WHERE " + third).unexpected, 1u);
  EXPECT_GE(after("UPDATE hookspool.events SET id = gen_random_uuid() WHERE " + third).misnamed, 1u);

  const Verdict swapped = after(
      "UPDATE hookspool.events e SET payload = o.payload, body = o.body FROM untouched o WHERE e.source = "
      "'s0-0' AND "
      "o.source = 's0-0' AND ((e.seq = 2 AND o.seq = 3) OR (e.seq = 3 AND o.seq = 2))");
  EXPECT_EQ(swapped.disordered, 1u);
  EXPECT_EQ(swapped.misnamed, 2u);
}

}  // namespace
}  // namespace hookspool::testing

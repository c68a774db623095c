// What was lost stays on record, also where a watermark that was set back meets a range that is there already.
#include <gtest/gtest.h>

#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

class PgGapTest : public PgTest {
 protected:
  void SetUp() override {
    make_schema();
    connection_ = connect();
    for (int i = 0; i < 12; ++i) lane_.add("{}");
  }
  void skip(std::uint64_t last_seq) {
    auto transaction = DeliveryTransaction::begin(*connection_, options(), lane_.key(), true);
    ASSERT_TRUE(transaction.ok()) << transaction.error().text;
    ASSERT_TRUE(transaction->skip_gap(last_seq).ok());
    ASSERT_TRUE(transaction->commit().ok());
  }
  void set_back() {
    EXPECT_EQ(
        value(*connection_, "UPDATE " + table("watermarks") + " SET seq = 0, event_id = NULL RETURNING seq"),
        "0");
  }
  PgResult<std::uint64_t> heal(std::uint64_t first_seq, std::size_t count) {
    auto transaction = DeliveryTransaction::begin(*connection_, options(), lane_.key(), false);
    if (!transaction) return fail(transaction.error());
    auto healed = transaction->heal(lane_.from(first_seq, count));
    if (!healed) return healed;
    if (auto committed = transaction->commit(); !committed) return fail(committed.error());
    return healed;
  }
  std::string gaps() {
    return value(
        *connection_,
        "SELECT string_agg(first_seq || '-' || last_seq, ' ' ORDER BY first_seq) FROM " + table("gaps"));
  }

  Lane lane_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(PgGapTest, ALongerOneFromTheSameNumberCounts) {
  skip(5);
  EXPECT_EQ(gaps(), "1-5");
  set_back();
  skip(9);
  EXPECT_EQ(gaps(), "1-9");
  set_back();
  skip(3);
  EXPECT_EQ(gaps(), "1-9");
}

TEST_F(PgGapTest, WhatIsLeftOfOneMayBeginWhereAnotherBegins) {
  skip(10);
  ASSERT_EQ(
      value(*connection_, "INSERT INTO " + table("gaps") +
                              " (agent_id, epoch, lane, first_seq, last_seq) SELECT agent_id, epoch, lane, 6,"
                              " 8 FROM " +
                              table("gaps") + " RETURNING first_seq"),
      "6");
  const auto some = heal(3, 3);  // 6 to 10 is left of the first
  ASSERT_TRUE(some.ok()) << some.error().text;
  EXPECT_EQ(*some, 3u);
  EXPECT_EQ(gaps(), "1-2 6-10");
  const auto rest = heal(6, 5);
  ASSERT_TRUE(rest.ok()) << rest.error().text;
  EXPECT_EQ(*rest, 5u);
  EXPECT_EQ(gaps(), "1-2");
}

}  // namespace
}  // namespace hookspool::net

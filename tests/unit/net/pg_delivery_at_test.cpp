// Deliveries that begin where the watermark is known to stand.
#include <gtest/gtest.h>

#include "tests/support/wait.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

using namespace std::chrono_literals;

class PgDeliveryAtTest : public PgTest {
 protected:
  PgDeliveryAtTest() : connection_(connect()) {
    make_schema();
    for (int i = 0; i < 6; ++i) lane_.add("{}");
    EXPECT_TRUE(deliver(*connection_, options(), lane_, 2).ok());
  }
  PgResult<std::optional<DeliveryTransaction>> begin_at(const Position& from, std::uint64_t seq) {
    return DeliveryTransaction::begin_at(*connection_, options(), lane_.key(), from, lane_.from(seq, 2));
  }
  Position at(std::uint64_t seq) const { return {seq, lane_.events[seq - 1]->id}; }
  std::string watermark() const { return cluster().value("SELECT seq FROM " + table("watermarks")); }
  std::string rows() const {
    return cluster().value("SELECT string_agg(seq::text, ' ' ORDER BY id) FROM " + table("events"));
  }

  Lane lane_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(PgDeliveryAtTest, NothingIsSeenOfItBeforeTheCommit) {
  for (const bool commits : {false, true}) {
    auto begun = DeliveryTransaction::begin_at(*connection_, options(), lane_.key(), at(2), lane_.from(3, 2));
    ASSERT_TRUE(begun.ok()) << begun.error().text;
    ASSERT_TRUE(begun->has_value());
    std::optional<DeliveryTransaction> transaction(std::move(**begun));
    EXPECT_EQ(rows(), "1 2");
    EXPECT_EQ(watermark(), "2");
    EXPECT_EQ(transaction->position(), at(4));
    if (commits) {
      ASSERT_TRUE(transaction->commit().ok());
    }
    transaction.reset();
    EXPECT_TRUE(connection_->usable());
  }
  EXPECT_EQ(rows(), "1 2 3 4");
  EXPECT_EQ(watermark(), "4");
}

TEST_F(PgDeliveryAtTest, AWatermarkElsewhereIsLeftAlone) {
  for (const Position& expected : {at(1), at(3), Position{2, lane_.events[0]->id}, Position{2, Uuid{}}}) {
    auto begun = begin_at(expected, expected.seq + 1);
    ASSERT_TRUE(begun.ok()) << begun.error().text;
    EXPECT_FALSE(begun->has_value());
    EXPECT_TRUE(connection_->usable());
  }
  EXPECT_EQ(rows(), "1 2");
  EXPECT_EQ(watermark(), "2");
}

TEST_F(PgDeliveryAtTest, AGapsWatermarkHasNoEvent) {
  cluster().query("UPDATE " + table("watermarks") + " SET event_id = NULL");
  EXPECT_FALSE(begin_at(at(2), 3).value().has_value());
  auto begun = begin_at({2, Uuid{}}, 3);
  ASSERT_TRUE(begun.ok() && begun->has_value());
  EXPECT_TRUE((*begun)->commit().ok());
  EXPECT_EQ(watermark(), "4");
}

// The second waits for the first, and then finds the watermark elsewhere.
TEST_F(PgDeliveryAtTest, OneOfTwoGoesOn) {
  auto first = begin_at(at(2), 3);
  ASSERT_TRUE(first.ok() && first->has_value());
  std::optional<bool> second;
  std::jthread other([&] {
    auto connection = connect();
    auto begun = DeliveryTransaction::begin_at(*connection, options(), lane_.key(), at(2), lane_.from(3, 2));
    ASSERT_TRUE(begun.ok()) << begun.error().text;
    second = begun->has_value();
  });
  ASSERT_TRUE(testing::wait_until(10s, [] {
    return cluster().value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "1";
  }));
  ASSERT_TRUE((*first)->commit().ok());
  other.join();
  EXPECT_EQ(second, false);
  EXPECT_EQ(rows(), "1 2 3 4");
}

TEST_F(PgDeliveryAtTest, AHeldLockIsAnOutage) {
  auto holder = begin_at(at(2), 3);
  ASSERT_TRUE(holder.ok() && holder->has_value());
  auto other = connect();
  PgOptions hurried = options();
  hurried.lock_timeout = 50ms;
  auto refused = DeliveryTransaction::begin_at(*other, hurried, lane_.key(), at(2), lane_.from(3, 2));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().sqlstate, "55P03");
  EXPECT_EQ(refused.error().error_class, ErrorClass::kOutage);
  EXPECT_TRUE(other->usable()) << "rolled back";
}

TEST_F(PgDeliveryAtTest, ARefusedRowTakesAllOfItBack) {
  cluster().query("ALTER TABLE " + table("events") + " ADD CHECK (seq <> 4)");
  auto refused = begin_at(at(2), 3);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().sqlstate, "23514");
  EXPECT_EQ(refused.error().error_class, ErrorClass::kEvent);
  EXPECT_TRUE(connection_->usable());
  EXPECT_EQ(rows(), "1 2");
  EXPECT_EQ(watermark(), "2");
}

TEST_F(PgDeliveryAtTest, RowsThatVanishAreNotCommitted) {
  cluster().query(
      "CREATE FUNCTION " + table("drop_one") +
      "() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.seq = 3 THEN RETURN NULL; END IF; RETURN "
      "NEW; END'; CREATE TRIGGER t BEFORE INSERT ON " +
      table("events") + " FOR EACH ROW EXECUTE FUNCTION " + table("drop_one") + "()");
  auto refused = begin_at(at(2), 3);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().error_class, ErrorClass::kSetup);
  EXPECT_EQ(rows(), "1 2");
  EXPECT_EQ(watermark(), "2");
}

}  // namespace
}  // namespace hookspool::net

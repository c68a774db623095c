// Every way by which a row gets into the events table gives it the next number of its feed, and leaves no hole.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "net/pg/tables/schema_text.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

class PgFeedTest : public PgTest {
 protected:
  PgFeedTest() : connection_(connect()) { make_schema(); }

  std::string ask(const std::string& text) const { return cluster().value(with_schema(text, schema_)); }
  DeliveryTransaction begin(const Lane& lane) {
    auto begun = DeliveryTransaction::begin(*connection_, options(), lane.key(), true);
    if (!begun) throw std::runtime_error(begun.error().text);
    return std::move(*begun);
  }
  // The numbers of a source in the order of the rows' arrival, as "seq:arrival".
  std::string numbers(const std::string& source = "github") const {
    return ask(
        "SELECT coalesce(string_agg(seq || ':' || arrival, ' ' ORDER BY arrival), '') FROM S.events"
        " WHERE source = '" +
        source + "'");
  }
  void expect_no_hole() const {
    EXPECT_EQ(ask("SELECT count(*) FROM (SELECT f.feed FROM S.feeds f LEFT JOIN S.events e USING (feed)"
                  " GROUP BY f.feed, f.arrival HAVING count(e.id) <> f.arrival OR coalesce(max(e.arrival), "
                  "0) <> f.arrival) x"),
              "0");
  }

  std::unique_ptr<Connection> connection_;
};

TEST_F(PgFeedTest, DeliveriesCountOnAcrossTransactionsSlicesAndEpochs) {
  Lane first, second;
  for (int i = 0; i < 6; ++i) first.add("{}");
  for (int i = 0; i < 2; ++i) second.add("{}");
  ASSERT_TRUE(deliver(*connection_, options(), first, 2).ok());
  {
    auto transaction = begin(first);
    ASSERT_TRUE(transaction.copy_some(first.from(3, 1)).ok());
    ASSERT_TRUE(transaction.copy_some(first.from(4, 1)).ok());
    ASSERT_TRUE(transaction.finish_copy().ok());
    ASSERT_TRUE(transaction.copy(first.from(5, 1)).ok());  // another COPY
    ASSERT_TRUE(transaction.commit().ok());
  }
  ASSERT_TRUE(
      deliver(*connection_, options(), second, 9).ok());  // another epoch of the same source: the same feed
  ASSERT_TRUE(deliver(*connection_, options(), first, 1).ok());
  EXPECT_EQ(numbers(), "1:1 2:2 3:3 4:4 5:5 1:6 2:7 6:8");
  EXPECT_EQ(ask("SELECT count(*) FROM S.feeds"), "1");
  expect_no_hole();
}

TEST_F(PgFeedTest, ADeliveryThatKnowsTheWatermarkCountsOn) {
  Lane lane;
  for (int i = 0; i < 5; ++i) lane.add("{}");
  // Before the source has a feed there is nothing to count on: the caller takes the long way.
  ASSERT_TRUE(begin(lane).commit().ok());
  auto early = DeliveryTransaction::begin_at(*connection_, options(), lane.key(), {}, lane.from(1, 1));
  ASSERT_TRUE(early.ok()) << early.error().text;
  EXPECT_FALSE(early->has_value());
  EXPECT_TRUE(connection_->usable());
  ASSERT_TRUE(deliver(*connection_, options(), lane, 1).ok());
  for (const bool commits : {false, true}) {
    auto begun = DeliveryTransaction::begin_at(*connection_, options(), lane.key(), {1, lane.events[0]->id},
                                               lane.from(2, 3));
    ASSERT_TRUE(begun.ok()) << begun.error().text;
    ASSERT_TRUE(begun->has_value());
    if (commits) {
      ASSERT_TRUE((*begun)->commit().ok());
    }
  }
  ASSERT_TRUE(deliver(*connection_, options(), lane, 9).ok());
  EXPECT_EQ(numbers(), "1:1 2:2 3:3 4:4 5:5");
  expect_no_hole();
}

TEST_F(PgFeedTest, WhatIsRolledBackTriedOrThereAlreadyLeavesNoHole) {
  Lane lane, clone;
  clone.epoch = lane.epoch;
  for (int i = 0; i < 6; ++i) clone.events.push_back(lane.add("{}"));
  {
    auto dropped = begin(lane);
    ASSERT_TRUE(dropped.copy(lane.from(1, 3)).ok());
  }
  {
    auto transaction = begin(lane);  // its feed is made within the savepoint, and is not there after it
    ASSERT_TRUE(transaction.takes(lane.events[0]).value());
    ASSERT_TRUE(transaction.copy(lane.from(1, 1)).ok());
    ASSERT_TRUE(transaction.takes(lane.events[1]).value());
    ASSERT_TRUE(transaction.copy(lane.from(2, 1)).ok());
    ASSERT_TRUE(transaction.commit().ok());
  }
  EXPECT_EQ(numbers(), "1:1 2:2");
  {
    auto transaction = begin(lane);
    EXPECT_EQ(transaction.reconcile(lane.from(1, 4), UINT64_MAX).value(), 2u);
    EXPECT_EQ(transaction.reconcile(lane.from(2, 4), UINT64_MAX).value(), 1u);
    transaction.settle({5, lane.events[4]->id});
    ASSERT_TRUE(transaction.commit().ok());
  }
  EXPECT_EQ(numbers(), "1:1 2:2 3:3 4:4 5:5");
  {
    auto probed = begin(lane);
    ASSERT_TRUE(probed.probe().ok());
    ASSERT_TRUE(probed.commit().ok());
  }
  ASSERT_TRUE(deliver(*connection_, options(), lane, 9).ok());
  EXPECT_EQ(numbers(), "1:1 2:2 3:3 4:4 5:5 6:6");
  expect_no_hole();
}

TEST_F(PgFeedTest, WhatComesBackGetsTheNextNumberUnderItsOldId) {
  Lane lane;
  for (int i = 0; i < 4; ++i) lane.add("{}");
  {
    auto transaction = begin(lane);
    ASSERT_TRUE(transaction.bury(*lane.events[0], PgError{.sqlstate = "23514", .text = "no"}).ok());
    ASSERT_TRUE(transaction.skip_gap(2).ok());
    ASSERT_TRUE(transaction.copy(lane.from(3, 2)).ok());
    ASSERT_TRUE(transaction.commit().ok());
  }
  EXPECT_EQ(numbers(), "3:1 4:2");
  {
    auto transaction = begin(lane);
    EXPECT_EQ(transaction.heal(lane.from(2, 1)).value(), 1u);
    ASSERT_TRUE(transaction.commit().ok());
  }
  auto returned = std::make_shared<StoredEvent>(*lane.events[0]);  // as a dead letter that is put back
  returned->seq = 5;
  returned->event.requeued_id = returned->id;
  lane.events.push_back(returned);
  ASSERT_TRUE(deliver(*connection_, options(), lane, 9).ok());
  EXPECT_EQ(numbers(), "3:1 4:2 2:3 5:4");
  EXPECT_EQ(ask("SELECT count(*) FROM S.dead_letters"), "0");
  expect_no_hole();
}

// The lock is what makes the order in which numbers become visible that of the numbers.
TEST_F(PgFeedTest, ASecondDeliveryOfTheFeedWaitsForTheFirst) {
  Lane first, second;  // two epochs, so two watermarks
  first.add("{}");
  second.add("{}");
  second.add("{}");
  ASSERT_TRUE(deliver(*connection_, options(), second, 1).ok());
  auto held = begin(first);
  ASSERT_TRUE(held.copy(first.from(1, 1)).ok());
  PgOptions hasty = options();
  hasty.lock_timeout = std::chrono::milliseconds(100);
  auto other = connect(hasty);
  const auto waited = deliver(*other, hasty, second, 9);
  ASSERT_FALSE(waited.ok());
  EXPECT_EQ(waited.error().sqlstate, "55P03") << waited.error().text;
  EXPECT_EQ(waited.error().error_class, ErrorClass::kOutage);
  ASSERT_TRUE(held.commit().ok());
  ASSERT_TRUE(deliver(*other, hasty, second, 9).ok());
  EXPECT_EQ(numbers(), "1:1 1:2 2:3");
}

}  // namespace
}  // namespace hookspool::net

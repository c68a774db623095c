// The line is cut at every stage of a delivery, in both directions and both manners; whatever had happened, a
// fresh connection reads the watermark and goes on from there. Afterwards every event is there exactly once.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <utility>
#include <vector>

#include "net/pg/delivery/delivery.h"
#include "tests/support/cut_proxy.h"
#include "tests/support/wait.h"
#include "tests/unit/net/pg_fixture.h"

namespace hookspool::net {
namespace {

using namespace std::chrono_literals;
using testing::Cut;
using testing::CutProxy;
using testing::Direction;

constexpr std::size_t kBatch = 3;
constexpr std::uint64_t kPlaces =
    47;  // of a delivery, in each direction, beside those around each stage's end

class PgCutTest : public PgTest {
 protected:
  void SetUp() override {
    make_schema();
    admin_ = connect();
  }

  PgOptions through() const {
    PgOptions through = options(proxy_.port());
    through.statement_timeout = 5s;
    return through;
  }
  void add_batch() {
    for (std::size_t i = 0; i < kBatch; ++i) {
      const std::string number = std::to_string(lane_.events.size() + 1);
      lane_.add(i == 1 ? "binary \xff " + number : "{\"n\":" + number + "}");
    }
  }
  // What bytes have passed in either direction after each stage of one delivery, from its first byte on.
  using Stages = std::array<std::vector<std::uint64_t>, 2>;
  Stages measure() {
    add_batch();
    auto connection = connect(through());
    // The first delivery also makes the watermark, which the later ones do not.
    EXPECT_TRUE(deliver(*connection, through(), lane_, kBatch).ok());
    add_batch();
    const auto start = proxy_.counts();
    Stages stages;
    const auto note = [&] {
      const auto now = proxy_.counts();
      stages[0].push_back(now.bytes_to_server - start.bytes_to_server);
      stages[1].push_back(now.bytes_to_client - start.bytes_to_client);
    };
    auto transaction = DeliveryTransaction::begin(*connection, through(), lane_.key(), true);
    EXPECT_TRUE(transaction.ok());
    note();
    EXPECT_TRUE(transaction->copy(lane_.from(transaction->watermark()->seq + 1, kBatch)).ok());
    note();
    EXPECT_TRUE(transaction->commit().ok());
    note();
    return stages;
  }
  // One batch over a line that a cut ends; then what is left of it over a fresh one. True if the cut was
  // felt.
  bool deliver_over_cut(Direction direction, std::uint64_t bytes, Cut how) {
    add_batch();
    bool felt = false;
    {
      auto connection = connect(through());
      proxy_.cut_after(direction, bytes, how);
      auto delivered = deliver(*connection, through(), lane_, kBatch);
      if (!delivered) {
        felt = true;
        EXPECT_EQ(delivered.error().error_class, ErrorClass::kOutage) << bytes << delivered.error().text;
        EXPECT_TRUE(delivered.error().connection_lost) << bytes << delivered.error().text;
        EXPECT_TRUE(connection->broken());
        if (delivered.error().in_doubt) ++in_doubt_;
      }
    }
    proxy_.reset();
    auto fresh = connect(through());
    auto delivered = deliver(*fresh, through(), lane_, kBatch);
    EXPECT_TRUE(delivered.ok()) << delivered.error().text;
    EXPECT_TRUE(delivered && *delivered == lane_.last()) << bytes;
    return felt;
  }
  void expect_exactly_once() {
    auto rows = admin_->query("SELECT seq, id, coalesce(encode(body, 'escape'), payload::text) FROM " +
                                  table("events") + " ORDER BY id",
                              soon());
    ASSERT_TRUE(rows.ok());
    ASSERT_EQ(rows->rows.size(), lane_.events.size());
    for (std::size_t i = 0; i < rows->rows.size(); ++i) {
      ASSERT_EQ(rows->rows[i][0], std::to_string(i + 1));
      ASSERT_EQ(rows->rows[i][1], lane_.events[i]->id.to_string());
    }
    EXPECT_EQ(value(*admin_, "SELECT seq FROM " + table("watermarks")), std::to_string(lane_.last().seq));
  }

  CutProxy proxy_{cluster().port()};
  Lane lane_;
  int in_doubt_ = 0;
  std::unique_ptr<Connection> admin_;
};

TEST_F(PgCutTest, AtEveryStageOfADelivery) {
  const Stages stages = measure();
  int felt = 0;
  int cuts = 0;
  for (const Direction direction : {Direction::kToServer, Direction::kToClient}) {
    const std::vector<std::uint64_t>& ends = stages[static_cast<std::size_t>(direction)];
    ASSERT_GT(ends.back(), 300u);
    std::set<std::uint64_t> places;
    const std::uint64_t step = ends.back() / kPlaces;
    for (std::uint64_t at = 0; at < ends.back(); at += step) places.insert(at);
    for (const std::uint64_t end : ends) places.insert({end - 1, end, end + 1});
    for (const std::uint64_t at : places) {
      for (const Cut how : {Cut::kReset, Cut::kFin}) {
        felt += deliver_over_cut(direction, at, how) ? 1 : 0;
        ++cuts;
      }
      if (HasFailure()) return;
    }
  }
  // Behind the last byte a cut is not felt; elsewhere it is.
  EXPECT_GT(cuts, 200);
  EXPECT_GT(felt, cuts - 20);
  EXPECT_GT(in_doubt_, 10);
  expect_exactly_once();
}

// COMMIT arrives, its answer does not.
TEST_F(PgCutTest, TheAnswerToCommitIsSwallowed) {
  for (int round = 0; round < 5; ++round) {
    add_batch();
    PgOptions hurried = through();
    hurried.statement_timeout = 500ms;
    hurried.answer_margin = 100ms;
    auto connection = connect(hurried);
    auto transaction = DeliveryTransaction::begin(*connection, hurried, lane_.key(), true);
    ASSERT_TRUE(transaction.ok()) << transaction.error().text;
    const std::uint64_t before = transaction->watermark()->seq;
    ASSERT_TRUE(transaction->copy(lane_.from(before + 1, kBatch)).ok());
    proxy_.swallow_after(Direction::kToClient);
    auto committed = transaction->commit();
    ASSERT_FALSE(committed.ok());
    EXPECT_TRUE(committed.error().in_doubt);
    EXPECT_TRUE(committed.error().connection_lost);
    proxy_.reset();
    auto fresh = connect(through());
    auto next = DeliveryTransaction::begin(*fresh, through(), lane_.key(), false);
    ASSERT_TRUE(next.ok()) << next.error().text;
    EXPECT_EQ(next->watermark(), lane_.last()) << "committed, and the watermark says so";
  }
  expect_exactly_once();
}

// COMMIT never arrives: just as much in doubt, and the other answer.
TEST_F(PgCutTest, CommitItselfIsSwallowed) {
  for (int round = 0; round < 5; ++round) {
    add_batch();
    PgOptions hurried = through();
    hurried.statement_timeout = 500ms;
    hurried.answer_margin = 100ms;
    auto connection = connect(hurried);
    {
      auto transaction = DeliveryTransaction::begin(*connection, hurried, lane_.key(), true);
      ASSERT_TRUE(transaction.ok()) << transaction.error().text;
      ASSERT_TRUE(transaction->copy(lane_.from(transaction->watermark()->seq + 1, kBatch)).ok());
      proxy_.swallow_after(Direction::kToServer);
      auto committed = transaction->commit();
      ASSERT_FALSE(committed.ok());
      EXPECT_TRUE(committed.error().in_doubt);
    }
    proxy_.reset();  // ends the line, and with it the transaction that still holds the lock
    auto fresh = connect(through());
    auto next = DeliveryTransaction::begin(*fresh, through(), lane_.key(), true);
    ASSERT_TRUE(next.ok()) << next.error().text;
    const Position watermark = next->watermark().value();
    EXPECT_EQ(watermark.seq + kBatch, lane_.last().seq);
    ASSERT_TRUE(next->copy(lane_.from(watermark.seq + 1, kBatch)).ok());
    ASSERT_TRUE(next->commit().ok());
  }
  expect_exactly_once();
}

// The backend is killed at any moment: PostgreSQL's own end of the line.
TEST_F(PgCutTest, TheServerIsRestartedInTheMiddle) {
  for (int stage = 0; stage < 3; ++stage) {
    add_batch();
    auto connection = connect(through());
    auto transaction = DeliveryTransaction::begin(*connection, through(), lane_.key(), true);
    ASSERT_TRUE(transaction.ok());
    const std::uint64_t before = transaction->watermark()->seq;
    if (stage == 0) cluster().restart(testing::StopMode::kImmediate);
    auto copied = transaction->copy(lane_.from(before + 1, kBatch));
    EXPECT_EQ(copied.ok(), stage != 0);
    if (stage == 1) cluster().restart(testing::StopMode::kImmediate);
    if (copied) {
      auto committed = transaction->commit();
      EXPECT_EQ(committed.ok(), stage == 2);
      EXPECT_TRUE(committed.ok() || committed.error().in_doubt);
    } else {
      EXPECT_EQ(copied.error().error_class, ErrorClass::kOutage) << copied.error().text;
      EXPECT_TRUE(copied.error().connection_lost);
    }
    auto fresh = connect(through());
    EXPECT_EQ(deliver(*fresh, through(), lane_, kBatch).value(), lane_.last());
  }
  admin_ = connect();
  expect_exactly_once();
}

}  // namespace
}  // namespace hookspool::net

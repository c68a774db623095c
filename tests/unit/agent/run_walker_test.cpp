// A run with damaged rows, walked along.
#include "agent/delivery/run_walker.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::agent {
namespace {

using storage::JournalError;

class RunWalkerTest : public storage::JournalTest {
 protected:
  // A closed run of `events` events, of which some cannot be read.
  storage::LaneRun make_run(int events, const std::set<int>& damaged) {
    open();
    for (int n = 1; n <= events; ++n) append("a", n, 200);
    close();
    std::string bytes = storage::read_file(segment_file(1));
    for (const int n : damaged) {
      const std::string body = storage::body_of("a", n, 200);
      int copies = 0;  // a page's unused part may hold remnants
      for (std::size_t at = bytes.find(body); at != std::string::npos;
           at = bytes.find(body, at + 1), ++copies)
        bytes[at + 50] ^= 1;
      EXPECT_GT(copies, 0) << n;
    }
    storage::write_file(segment_file(1), bytes);
    open();
    return journal_->runs("a").front();
  }
  // "1-3 !4-5 6-7": what is readable and what is not, as next() yields it.
  std::string walk(const storage::LaneRun& run, std::uint64_t from_seq, const RunWalker::Limits& limits) {
    RunWalker walker(*journal_, "a", run, from_seq);
    std::string way;
    while (!walker.at_end()) {
      const std::uint64_t first = walker.next_seq();
      const auto stretch = walker.next(limits);
      if (!stretch) return way + "error";
      const std::uint64_t last = stretch->damage ? stretch->damage->last_seq : stretch->events.back()->seq;
      EXPECT_EQ(stretch->damage ? stretch->damage->first_seq : stretch->events.front()->seq, first);
      EXPECT_EQ(stretch->damage.has_value(), stretch->events.empty());
      EXPECT_EQ(walker.next_seq(), last + 1);
      way += std::string(way.empty() ? "" : " ") + (stretch->damage ? "!" : "") + std::to_string(first) +
             "-" + std::to_string(last);
    }
    return way;
  }
};

TEST_F(RunWalkerTest, YieldsBatchesAndStretchesOfDamage) {
  const auto run = make_run(12, {4, 5, 9, 12});
  EXPECT_EQ(walk(run, 1, {100, 1 << 20, 100}), "1-3 !4-5 6-8 !9-9 10-11 !12-12");
  EXPECT_EQ(walk(run, 1, {2, 1 << 20, 100}), "1-2 3-3 !4-5 6-7 8-8 !9-9 10-11 !12-12");
  EXPECT_EQ(walk(run, 5, {100, 1 << 20, 100}), "!5-5 6-8 !9-9 10-11 !12-12");
  EXPECT_EQ(walk(run, 0, {100, 1 << 20, 100}).substr(0, 3), "1-3") << "from the oldest that is retained";
  EXPECT_EQ(walk(run, 13, {100, 1 << 20, 100}), "");
}

TEST_F(RunWalkerTest, LooksBehindDamageNoFurtherThanItIsAllowedTo) {
  const auto run = make_run(12, {3, 4, 5, 6, 7, 8});
  EXPECT_EQ(walk(run, 1, {100, 1 << 20, 2}), "1-2 !3-5 !6-8 9-12");
}

TEST_F(RunWalkerTest, DamageEndsWithTheRun) {
  auto run = make_run(6, {4, 5, 6});
  run.last_seq = 5;  // a part of it
  EXPECT_EQ(walk(run, 1, {100, 1 << 20, 100}), "1-3 !4-5");
}

TEST_F(RunWalkerTest, AnErrorThatIsNoDamageLeavesItWhereItIs) {
  auto run = make_run(3, {});
  run.epoch = *Uuid::parse("11111111-2222-4333-8444-555555555555");
  RunWalker walker(*journal_, "a", run, 2);
  const auto read = walker.next({100, 1 << 20, 100});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, JournalError::Kind::kNotFound);
  EXPECT_EQ(walker.next_seq(), 2u);
}

}  // namespace
}  // namespace hookspool::agent

// Looking for retained events, and following what comes, in a real journal: over epochs, jumps of the clock, events that
// keep an older id, and what retention has dropped.
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <vector>

#include "agent/lookup/event_search.h"
#include "agent/lookup/event_tail.h"
#include "tests/support/wait.h"
#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::agent {
namespace {

using Numbers = std::vector<int>;

class EventLookupTest : public storage::JournalTest {
 protected:
  // Many at once, in order; `n` is in the body and in the delivery id.
  void append_all(const std::string& lane, int first, int last) {
    std::atomic<int> done = 0;
    for (int n = first; n <= last; ++n)
      journal_->append(storage::make_event(lane, n),
                       [&](const auto& stored) { done += stored.ok() ? 1 : 0; });
    ASSERT_TRUE(testing::wait_until(std::chrono::seconds(120), [&] { return done == last - first + 1; }));
  }
  EventPtr append_at(std::int64_t received_at_us, const Uuid& requeued = {}) {
    Event event = storage::make_event("a", 0);
    event.received_at_us = received_at_us;
    event.requeued_id = requeued;
    return *journal_->append(std::move(event));
  }
  static int number_of(const std::string& delivery_id) {
    return std::stoi(delivery_id.substr(std::string("delivery-").size()));
  }
  // What all slices bring, in their order.
  Numbers search(EventSearchRequest request) {
    Numbers numbers;
    looked_at_ = slices_ = 0;
    for (;;) {
      const auto slice = EventSearch(*journal_).run(request);
      EXPECT_TRUE(slice) << slice.error().text;
      if (!slice) return numbers;
      for (const auto& event : slice->events) numbers.push_back(number_of(event.event.delivery_id));
      looked_at_ += slice->looked_at;
      slices_ += 1;
      if (!slice->after) return numbers;
      request.after = slice->after;
    }
  }
  std::vector<std::int64_t> times_since(std::int64_t since_us) {
    EventSearchRequest request;
    request.criteria.since_us = since_us;
    request.per_source = 10'000;
    const auto slice = EventSearch(*journal_).run(request);
    std::vector<std::int64_t> times;
    for (const auto& event : slice->events) times.push_back(event.event.received_at_us - storage::kStartUs);
    looked_at_ = slice->looked_at;
    return times;
  }
  // What comes behind the places, until there is no more.
  Numbers follow(TailPlaces& places) {
    Numbers numbers;
    left_out_ = 0;
    for (std::uint64_t turn = 0;; ++turn) {
      const auto slice = tail_after(*journal_, "", places, turn);
      EXPECT_TRUE(slice) << slice.error().text;
      if (!slice) return numbers;
      EXPECT_LE(slice->events.size(), kTailEventsMax);
      for (const auto& event : slice->events) numbers.push_back(number_of(event->event.delivery_id));
      left_out_ += slice->left_out;
      places = slice->places;
      if (!slice->more) return numbers;
    }
  }
  static Numbers range(int first, int last) {
    Numbers numbers;
    for (int n = first; n <= last; ++n) numbers.push_back(n);
    return numbers;
  }

  std::uint64_t looked_at_ = 0, slices_ = 0, left_out_ = 0;
};

TEST_F(EventLookupTest, ASearchIsNewestFirstOverAllEpochs) {
  open();
  append_all("a", 1, 5);
  append_all("b", 6, 7);
  reopen();
  append_all("a", 8, 9);
  EventSearchRequest all;
  all.per_source = 100;
  EXPECT_EQ(search(all), (Numbers{9, 8, 5, 4, 3, 2, 1, 7, 6}));
  all.per_source = 3;
  EXPECT_EQ(search(all), (Numbers{9, 8, 5, 7, 6}));
  all.criteria.source = "b";
  EXPECT_EQ(search(all), (Numbers{7, 6}));
  all.criteria.source = "nosuch";
  EXPECT_FALSE(EventSearch(*journal_).run(all));
}

TEST_F(EventLookupTest, ASearchGoesOnWhereASliceEnded) {
  open();
  append_all("a", 1, 1'000);
  reopen();
  append_all("a", 1'001, 3'000);
  EventSearchRequest all;
  all.per_source = 100'000;
  Numbers found = search(all);
  EXPECT_GT(slices_, 3u) << "or nothing had to go on";
  std::reverse(found.begin(), found.end());
  EXPECT_EQ(found, range(1, 3'000));
  all.per_source = 2'100;
  EXPECT_EQ(search(all).size(), 2'100u);
  all.criteria.delivery_id = "delivery-17";
  EXPECT_EQ(search(all), Numbers{17});
}

TEST_F(EventLookupTest, ASearchStopsAtWhatIsOlderWhateverTheClockDid) {
  open();
  for (int n = 0; n < 300; ++n) append_at(storage::kStartUs + n);
  constexpr std::int64_t kSecond = 1'000'000;
  const EventPtr first = append_at(storage::kStartUs + 10 * kSecond);
  append_at(storage::kStartUs + 20 * kSecond);
  append_at(storage::kStartUs + 5 * kSecond);  // the clock was put back
  append_at(storage::kStartUs + 10 * kSecond, first->id);
  append_at(storage::kStartUs + 30 * kSecond);
  using Times = std::vector<std::int64_t>;
  EXPECT_EQ(times_since(storage::kStartUs + 15 * kSecond), (Times{30 * kSecond, 20 * kSecond}));
  EXPECT_LT(looked_at_, 300u) << "it has gone through all that is older";
  EXPECT_EQ(times_since(storage::kStartUs + 10 * kSecond),
            (Times{30 * kSecond, 10 * kSecond, 20 * kSecond, 10 * kSecond}));
  EventSearchRequest twice;
  twice.criteria.id = first->id;
  twice.per_source = 10;
  EXPECT_EQ(EventSearch(*journal_).run(twice)->events.size(), 2u);
}

TEST_F(EventLookupTest, AnIdIsFoundByHalving) {
  open();
  std::vector<Uuid> ids;
  for (int n = 0; n < 40; ++n) {
    ids.push_back(append_at(storage::kStartUs + n)->id);
    if (n % 3 == 0) append_at(storage::kStartUs, ids.front());
  }
  reopen();
  ids.push_back(append_at(storage::kStartUs)->id);
  const EventSearch lookup(*journal_);
  for (const Uuid& id : ids) {
    const auto found = lookup.find_accepted(id, "");
    ASSERT_TRUE(found && *found) << id.to_string();
    EXPECT_EQ((*found)->id, id);
    EXPECT_FALSE((*found)->event.has_preassigned_id());
  }
  EXPECT_EQ(*lookup.find_accepted(ids.front(), "other"), nullptr);
  EXPECT_EQ(*lookup.find_accepted(first_uuid_of(1), ""), nullptr);
}

TEST_F(EventLookupTest, WhatComesIsFollowedIntoNewEpochsAndLanes) {
  open();
  append_all("a", 1, 3);
  TailPlaces places = tail_now(*journal_, "");
  EXPECT_EQ(follow(places), Numbers{});
  append_all("a", 4, 5);
  reopen();
  append_all("a", 6, 7);
  append_all("new", 8, 9);
  EXPECT_EQ(follow(places), range(4, 9));
  EXPECT_EQ(left_out_, 0u);
  append_all("new", 10, 1'600);
  EXPECT_EQ(follow(places), range(10, 1'600));
  EXPECT_EQ(follow(places), Numbers{});
}

TEST_F(EventLookupTest, WhatAReaderMissesIsCounted) {
  open();
  append_all("a", 1, 2);
  TailPlaces places = tail_now(*journal_, "");
  append_all("a", 3, 12);
  ASSERT_TRUE(journal_->admin().rotate());
  append_all("a", 13, 20);
  const auto segments = journal_->admin().segments();
  confirm_all();
  ASSERT_TRUE(journal_->admin().drop_segment(segments.front().number));
  EXPECT_EQ(follow(places), range(13, 20));
  EXPECT_EQ(left_out_, 10u);
  const int behind = static_cast<int>(kTailBehindMax) + 30;
  append_all("a", 21, 20 + behind);
  EXPECT_EQ(follow(places), range(51, 20 + behind));
  EXPECT_EQ(left_out_, 30u);
}

}  // namespace
}  // namespace hookspool::agent

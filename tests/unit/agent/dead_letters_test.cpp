#include "agent/repair/dead_letters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "agent/base/random.h"
#include "agent/base/wall_clock.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

using Clock = DeadLetters::Clock;

constexpr int kLetters = 250;  // more than are put back in one go

class DeadLettersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    storage::JournalOptions options;
    options.folder = folder_.path() / "journal";
    options.random_bytes = random_bytes;
    auto opened = storage::Journal::open(std::move(options));
    ASSERT_TRUE(opened) << opened.error().text;
    journal_ = std::move(opened->journal);
    auto store = storage::DeadLetterStore::open(folder_.path());
    ASSERT_TRUE(store) << store.error().text;
    store_ = store->store.get();
    dead_letters_ = std::make_unique<DeadLetters>(*journal_, std::move(store->store), nullptr);
  }

  // An event of the journal that PostgreSQL has refused.
  void bury(const EventPtr& event) {
    net::PgError why;
    why.sqlstate = "23514";
    why.text = "no";
    dead_letters_->buried(*event, why);
  }
  void bury_new(int count) {
    for (int i = 0; i < count; ++i) {
      Event event;
      event.lane = "a";
      event.received_at_us = wall_clock_us();
      event.method = "POST";
      event.path = "/hooks/a";
      event.headers = "{}";
      event.body = std::to_string(i);
      const auto stored = journal_->append(std::move(event));
      ASSERT_TRUE(stored) << stored.error().text;
      bury(*stored);
    }
  }
  // All that the journal holds of the lane from `from_seq` on.
  std::vector<EventPtr> events(std::uint64_t from_seq) const {
    std::vector<EventPtr> all;
    for (;;) {
      auto read = journal_->read("a", journal_->epoch(), from_seq + all.size(), 100, 1u << 20);
      if (!read) return all;
      all.insert(all.end(), read->begin(), read->end());
    }
  }
  std::size_t on_their_way() const {
    const auto letters = dead_letters_->list("a", Uuid{}, 10 * kLetters);
    return static_cast<std::size_t>(std::count_if(letters->begin(), letters->end(),
                                                  [](const DeadLetter& each) { return each.put_back; }));
  }

  testing::TempFolder folder_;
  std::unique_ptr<storage::Journal> journal_;
  storage::DeadLetterStore* store_ = nullptr;  // owned by dead_letters_
  std::unique_ptr<DeadLetters> dead_letters_;
};

TEST_F(DeadLettersTest, AllArePutBackInTheirOrder) {
  bury_new(kLetters);
  const auto done = dead_letters_->put_back_all("a", Uuid{}, Clock::now() + std::chrono::hours(1));
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(done->count, static_cast<std::uint64_t>(kLetters));
  EXPECT_FALSE(done->more);
  EXPECT_EQ(on_their_way(), static_cast<std::size_t>(kLetters));
  const auto again = events(kLetters + 1);
  ASSERT_EQ(again.size(), static_cast<std::size_t>(kLetters));
  for (int i = 0; i < kLetters; ++i)
    EXPECT_EQ(again[static_cast<std::size_t>(i)]->event.body, std::to_string(i));
}

// As `hookspool dead retry --all` asks: slice by slice, while PostgreSQL refuses them once more.
TEST_F(DeadLettersTest, WhatIsRefusedOnceMoreIsNotTriedForEver) {
  bury_new(kLetters);
  std::uint64_t count = 0, slices = 0;
  DeadLetters::PutBack done;
  done.more = true;
  while (done.more) {
    ASSERT_LT(slices, 10u);
    const auto slice = dead_letters_->put_back_all("a", done.last, Clock::time_point::min());
    ASSERT_TRUE(slice) << slice.error().text;
    for (const EventPtr& event : events(kLetters + count + 1)) bury(event);
    done = *slice;
    count += done.count;
    slices += 1;
  }
  EXPECT_EQ(count, static_cast<std::uint64_t>(kLetters));
  EXPECT_EQ(slices, 3u);
}

TEST_F(DeadLettersTest, OneThatIsNotThereIsLeftOut) {
  bury_new(2);
  const auto letters = dead_letters_->list("a", Uuid{}, 2);
  ASSERT_EQ(letters->size(), 2u);
  const Uuid ids[] = {(*letters)[0].id, *Uuid::parse("01a21dcf-bb4d-75c3-a4c3-64d28b6842b8"),
                      (*letters)[1].id};
  const auto done = dead_letters_->put_back(ids);
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(*done, (std::vector<Uuid>{ids[0], ids[2]}));
}

// Its request is no JSON object, as of a damaged row: it is named, and what stands before it is put back.
TEST_F(DeadLettersTest, OneThatCannotBeReadHoldsBackNoneBeforeIt) {
  bury_new(3);
  const auto letters = dead_letters_->list("a", Uuid{}, 3);
  ASSERT_EQ(letters->size(), 3u);
  DeadLetter broken = *dead_letters_->find((*letters)[2].id);
  broken.request = "no object";
  ASSERT_TRUE(store_->keep(broken));
  const auto done = dead_letters_->put_back_all("a", Uuid{}, Clock::time_point::max());
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().text.find(broken.id.to_string()), std::string::npos) << done.error().text;
  EXPECT_EQ(on_their_way(), 2u);
  EXPECT_EQ(events(4).size(), 2u);
}

}  // namespace
}  // namespace hookspool::agent

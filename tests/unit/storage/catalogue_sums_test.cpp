// The catalogue keeps its sums with every change; they must be what adding up all of its pieces gives.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "storage/catalogue/catalogue.h"
#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

class CatalogueSumsTest : public ::testing::Test {
 protected:
  std::shared_ptr<SegmentFile> file() {
    const std::uint64_t number = ++number_;
    return std::make_shared<SegmentFile>(number, "segment-" + std::to_string(number), false);
  }
  std::string lane() { return std::string(1, static_cast<char>('a' + random_() % 6)); }

  void add_closed() {
    SegmentContents contents;
    contents.file = file();
    contents.epoch = old_epoch_;
    contents.bytes = 1000 + random_() % 100'000;
    std::uint32_t number = 0;
    for (char c = 'a'; c < 'g'; ++c) {
      if (random_() % 2 == 0) continue;
      const std::string name(1, c);
      const std::uint64_t first = old_last_[name] + 1;
      old_last_[name] += 1 + random_() % 20;
      contents.lanes.push_back({name, ++number, first, old_last_[name]});
    }
    if (random_() % 4 == 0) contents.file->unread = true;
    if (contents.lanes.empty()) return;
    ASSERT_TRUE(catalogue_.add_closed(contents));
    if (!contents.file->unread) return;
    // It can be read later, and holds more than was known.
    contents.file = std::make_shared<SegmentFile>(contents.file->number, "late", false);
    old_last_[contents.lanes.back().lane] += 3;
    contents.lanes.back().last_seq += 3;
    late_.push_back(contents);
  }
  void commit() {
    if (!writing_) {
      catalogue_.begin_segment(file(), Uuid{});
      writing_ = true;
      bytes_ = 4096;
      numbers_.clear();
    }
    std::vector<EventPtr> events;
    std::vector<std::uint32_t> numbers;
    std::vector<std::size_t> bytes;
    for (std::uint64_t i = random_() % 5 + 1; i > 0; --i) {
      auto stored = std::make_shared<StoredEvent>();
      stored->event.lane = lane();
      stored->epoch = catalogue_.epoch();
      stored->seq = ++last_[stored->event.lane];
      numbers.push_back(
          numbers_.try_emplace(stored->event.lane, static_cast<std::uint32_t>(numbers_.size() + 1))
              .first->second);
      bytes.push_back(random_() % 5000 + 1);
      bytes_ += bytes.back();
      events.push_back(std::move(stored));
    }
    catalogue_.committed(events, numbers, bytes, bytes_);
  }
  void confirm() {
    const std::string name = lane();
    for (const LaneRun& run : catalogue_.runs(name)) {
      if (random_() % 2 == 0) continue;
      catalogue_.confirm(name, run.epoch, Position{random_() % (run.last_seq + 1), Uuid{}},
                         random_() % 3 == 0);
    }
  }
  void drop() {
    for (const SegmentInfo& segment : catalogue_.segments()) {
      if (segment.active || !catalogue_.begin_drop(segment.number).ok()) continue;
      return catalogue_.forget(segment.number);
    }
  }
  void step() {
    switch (random_() % 10) {
      case 0:
        if (writing_) catalogue_.end_segment();
        writing_ = false;
        break;
      case 1:
        drop();
        break;
      case 2:
        if (writing_) break;
        catalogue_.begin_epoch(random_uuid(test_random_bytes()));
        last_.clear();
        break;
      case 3:
        if (late_.empty()) break;
        EXPECT_TRUE(catalogue_.add_late(late_.front()));
        late_.erase(late_.begin());
        break;
      case 4:
      case 5:
      case 6:
        confirm();
        break;
      default:
        commit();
    }
  }

  std::mt19937_64 random_;
  std::uint64_t number_ = 0;
  const Uuid old_epoch_ = random_uuid(test_random_bytes());
  Catalogue catalogue_{random_uuid(test_random_bytes())};
  std::map<std::string, std::uint64_t> old_last_, last_;
  std::map<std::string, std::uint32_t> numbers_;
  std::vector<SegmentContents> late_;
  bool writing_ = false;
  std::uint64_t bytes_ = 0;
};

TEST_F(CatalogueSumsTest, AreTheSameAsARecount) {
  random_.seed(20261127);
  for (int n = 0; n < 20; ++n) add_closed();
  for (int n = 0; n < 5000; ++n) {
    step();
    const auto kept = catalogue_.kept_sums(), counted = catalogue_.recounted_sums();
    ASSERT_EQ(kept.pending, counted.pending) << "step " << n;
    ASSERT_EQ(kept.pending_bytes, counted.pending_bytes) << "step " << n;
    ASSERT_EQ(kept.held_bytes, counted.held_bytes) << "step " << n;
    ASSERT_TRUE(kept == counted) << "step " << n;
    ASSERT_EQ(catalogue_.pending(), counted.pending);
    for (const auto& [lane, bytes] : counted.held_bytes) ASSERT_EQ(catalogue_.held_bytes(lane), bytes);
  }
}

}  // namespace
}  // namespace hookspool::storage

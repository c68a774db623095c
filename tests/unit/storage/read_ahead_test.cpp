// What is read of a closed segment before it is asked for, and when.
#include <gtest/gtest.h>

#include "storage/catalogue/catalogue.h"
#include "storage/segment/row.h"
#include "storage/segment/segment_reader.h"
#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

constexpr std::size_t kMany = 100;

class ReadAheadTest : public JournalTest {
 protected:
  // A closed segment: each lane with so many events.
  void add(std::uint64_t number, const std::vector<std::pair<std::string, std::uint64_t>>& lanes) {
    SegmentContents contents;
    contents.file = std::make_shared<SegmentFile>(number, segment_file(number), false);
    contents.epoch = epoch_;
    contents.bytes = 1 << 20;
    std::uint32_t lane_number = 0;
    for (const auto& [lane, events] : lanes) contents.lanes.push_back({lane, ++lane_number, 1, events});
    ASSERT_TRUE(catalogue_.add_closed(contents));
  }
  std::optional<double> read_ahead_at(const std::string& lane, std::uint64_t seq, std::size_t events_max) {
    const auto slices = catalogue_.locate(lane, epoch_, seq, events_max);
    EXPECT_EQ(slices.size(), 1u);
    return slices.empty() ? std::nullopt : slices.front().read_ahead_at;
  }

  const Uuid epoch_ = random_uuid(test_random_bytes());
  Catalogue catalogue_{epoch_};
};

TEST_F(ReadAheadTest, WhereALaneIsAmongItsRows) {
  add(1, {{"a", 1000}, {"b", 100}});
  EXPECT_EQ(read_ahead_at("a", 1, kMany), 0.0);
  EXPECT_EQ(read_ahead_at("a", 501, kMany), 0.5);
  EXPECT_EQ(read_ahead_at("b", 51, kMany), 0.5);
  EXPECT_EQ(read_ahead_at("a", 501, 1), std::nullopt) << "who wants one event wants one page";
}

TEST_F(ReadAheadTest, NotForTheLittleThatWaitsAmongWhatIsDelivered) {
  add(1, {{"large", 10'000}, {"small", 10}});
  EXPECT_TRUE(read_ahead_at("small", 1, kMany)) << "the other lane has use for it as well";
  catalogue_.confirm("large", epoch_, {10'000, Uuid{}}, false);
  EXPECT_FALSE(read_ahead_at("small", 1, kMany));
}

TEST_F(ReadAheadTest, ReadsThePartsAroundAndEachOnce) {
  open();
  for (int n = 1; n <= 400; ++n) append("a", n, 1000);
  const Uuid epoch = journal_->epoch();
  close();
  const auto file = std::make_shared<SegmentFile>(1, segment_file(1), false);
  const auto reader = SegmentReader::open(file, "");
  ASSERT_TRUE(reader.ok()) << reader.error().text;
  std::vector<EventPtr> events;
  const auto read = [&](std::uint64_t seq, std::optional<double> at) {
    events.clear();
    std::size_t bytes = 0;
    const auto done = (*reader)->read({file, 1, seq, 400, at}, "a", epoch, 10, 1 << 20, events, bytes);
    ASSERT_TRUE(done.ok()) << done.error().text;
    ASSERT_EQ(events.size(), 10u);
    EXPECT_EQ(events.front()->event.body, body_of("a", static_cast<int>(seq), 1000));
  };
  read(1, std::nullopt);
  EXPECT_EQ(file->read_ahead, 0u);
  read(1, 0.0);
  EXPECT_EQ(file->read_ahead, 0b11u);
  read(201, 0.5);
  EXPECT_EQ(file->read_ahead, std::uint64_t{0b11} | std::uint64_t{0b111} << 31);
  read(391, 1.0);
  EXPECT_EQ(file->read_ahead >> 62, 0b11u);
}

TEST_F(ReadAheadTest, NotOfAFileThatStillGrows) {
  open();
  append("a", 1);
  const auto file = std::make_shared<SegmentFile>(1, segment_file(1), true);
  const auto reader = SegmentReader::open(file, "");
  ASSERT_TRUE(reader.ok()) << reader.error().text;
  std::vector<EventPtr> events;
  std::size_t bytes = 0;
  ASSERT_TRUE((*reader)->read({file, 1, 1, 1, 0.0}, "a", journal_->epoch(), 10, 1 << 20, events, bytes).ok());
  EXPECT_EQ(file->read_ahead, 0u);
}

}  // namespace
}  // namespace hookspool::storage

// The scan of damaged segments: every row whose bytes are whole is found, and nothing else. The damage is seeded; a
// failing seed is printed.
#include "storage/salvage/salvage_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>

#include "tests/unit/storage/salvage_fixture.h"

namespace hookspool::storage {
namespace {

namespace fs = std::filesystem;

using SalvageScanTest = SalvageTest;

// Pages that hold bytes of an event; those of the other tables only hold names.
std::set<std::pair<std::string, std::uint64_t>> touched_by(
    const std::string& bytes, std::size_t begin, std::size_t end,
    const std::map<std::pair<std::string, std::uint64_t>, EventPtr>& sent) {
  std::set<std::pair<std::string, std::uint64_t>> touched;
  for (const auto& [number, event] : sent) {
    // The row is around its id; its body may go on in overflow pages, which are found by their content.
    const std::string id(event->id.bytes.begin(), event->id.bytes.end());
    for (std::size_t at = bytes.find(id); at != std::string::npos; at = bytes.find(id, at + 1)) {
      const std::size_t row_end = at + std::min<std::size_t>(event->event.body.size() + 600, kPageBytes);
      if (begin < row_end && end > at - std::min<std::size_t>(at, 80)) touched.insert(number);
    }
    if (event->event.body.size() > 3000) touched.insert(number);  // its overflow pages may lie anywhere
  }
  return touched;
}

TEST_F(SalvageScanTest, AWholeSegmentGivesAllAlsoFromItsWal) {
  fill(false);
  auto with_wal = scan(segment_file(1));
  EXPECT_EQ(checked(with_wal).size(), sent_.size());
  EXPECT_EQ(with_wal.damaged(), 0u);
  // The same as SQLite reads there.
  open();
  std::size_t read = 0;
  for (const char* lane : {"github", "shop"}) {
    for (const EventPtr& event : read_all(lane)) {
      EXPECT_EQ(event->event.body, sent_.at({lane, event->seq})->event.body);
      ++read;
    }
  }
  EXPECT_EQ(read, sent_.size());
}

TEST_F(SalvageScanTest, AVersion1JournalGivesAll) {
  std::size_t intact = 0;
  for (int number = 1; number <= 5; ++number) {
    auto scan = SalvageScan::scan(
        fs::path(STORAGE_FIXTURES) / "v1" / "journal" / ("segment-0000000" + std::to_string(number) + ".db"),
        {});
    ASSERT_TRUE(scan.ok());
    intact += scan->intact();
    EXPECT_EQ(scan->damaged(), 0u);
  }
  EXPECT_EQ(intact, 24u);
}

TEST_F(SalvageScanTest, FlippedBitsCostTheRowsTheyHitAndNoOthers) {
  fill(true);
  const std::string whole = read_file(segment_file(1));
  const fs::path damaged = folder_ / "damaged.db";
  const SalvageHints hints{{epoch_}, {"github", "shop"}};
  std::mt19937 engine(20261123);
  std::size_t flips = 0, lost = 0;
  for (int seed = 0; seed < 300; ++seed) {
    std::string bytes = whole;
    const std::size_t at = engine() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << engine() % 8));
    write_file(damaged, bytes);
    auto found = scan(damaged, hints);
    const auto numbers = checked(found);
    const auto touched = touched_by(whole, at, at + 1, sent_);
    for (const auto& [number, event] : sent_) {
      if (numbers.contains(number)) continue;
      EXPECT_TRUE(touched.contains(number))
          << "byte " << at << " lost " << number.first << " " << number.second;
      ++lost;
    }
    EXPECT_LE(sent_.size() - numbers.size(), 1u) << "byte " << at;
    ++flips;
  }
  EXPECT_EQ(flips, 300u);
  EXPECT_GT(lost, 20u) << "the damage hit nothing";
}

TEST_F(SalvageScanTest, ZeroedPagesAndTruncationsCostWhatWasInThem) {
  fill(true, 40);
  const std::string whole = read_file(segment_file(1));
  const fs::path damaged = folder_ / "damaged.db";
  const SalvageHints hints{{epoch_}, {"github", "shop"}};
  std::size_t checks = 0;
  for (std::size_t page = 0; page * kPageBytes < whole.size(); ++page) {
    std::string zeroed = whole;
    std::fill_n(zeroed.begin() + static_cast<std::ptrdiff_t>(page * kPageBytes), kPageBytes, '\0');
    for (const std::string& bytes : {zeroed, whole.substr(0, page * kPageBytes + 100)}) {
      write_file(damaged, bytes);
      auto found = scan(damaged, hints);
      const auto numbers = checked(found);
      const bool cut = bytes.size() != whole.size();
      const auto touched = touched_by(whole, page * kPageBytes + (cut ? 100 : 0),
                                      cut ? whole.size() : (page + 1) * kPageBytes, sent_);
      for (const auto& [number, event] : sent_) {
        EXPECT_TRUE(numbers.contains(number) || touched.contains(number))
            << "page " << page << (cut ? " cut" : " zeroed") << " lost " << number.first << " "
            << number.second;
      }
      ++checks;
    }
  }
  EXPECT_GT(checks, 30u);
}

TEST_F(SalvageScanTest, GarbageIsNoReasonToStop) {
  fill(true);
  std::mt19937 engine(7);
  for (int round = 0; round < 20; ++round) {
    std::string garbage(engine() % 60'000, '\0');
    for (char& c : garbage) c = static_cast<char>(engine());
    write_file(folder_ / "garbage.db", garbage);
    write_file(folder_ / "garbage.db-wal", garbage.substr(0, garbage.size() / 2));
    auto found = scan(folder_ / "garbage.db");
    EXPECT_EQ(found.intact(), 0u);
  }
  EXPECT_FALSE(SalvageScan::scan(folder_ / "nothing.db", {}).ok());
  EXPECT_FALSE(SalvageScan::scan(folder_.path(), {}).ok());
}

// A page of the file's, full of rows that claim to be long and go on in a page that goes on in itself.
std::string page_of_claims(std::uint64_t body_bytes, std::uint32_t goes_on_in) {
  const auto varint = [](std::uint64_t value) {
    std::string bytes(1, static_cast<char>(value & 0x7f));
    for (value >>= 7; value > 0; value >>= 7)
      bytes.insert(bytes.begin(), static_cast<char>((value & 0x7f) | 0x80));
    return bytes;
  };
  std::string types("\x00\x2c\x06", 3);  // NULL, a UUID, the time
  types += std::string(7, '\x0d');       // seven empty texts
  types += varint(12 + 2 * body_bytes) + std::string("\x08\x04", 2);
  std::string header(1, static_cast<char>(types.size() + 1));
  header += types;
  const std::uint64_t record_bytes = header.size() + 16 + 8 + body_bytes + 4;
  const std::string content = header + std::string(16 + 8, 'i');
  std::string page = varint(record_bytes) + "\x01" + content;
  constexpr std::uint64_t kUsable = 4096, kLocalMin = (kUsable - 12) * 32 / 255 - 23;
  std::uint64_t local = kLocalMin + (record_bytes - kLocalMin) % (kUsable - 4);
  if (local > kUsable - 35) local = kLocalMin;
  page.resize(page.size() - content.size() + local, 'b');
  for (int shift = 24; shift >= 0; shift -= 8) page += static_cast<char>(goes_on_in >> shift);
  page.resize(kUsable, '\0');
  return page;
}

TEST_F(SalvageScanTest, ARowThatGoesOnInCirclesCostsNoMoreThanTheFileHas) {
  const fs::path file = folder_ / "circle.db";
  // Page 1 goes on in itself; its claim is 400 MiB.
  write_file(file, page_of_claims(400ull << 20, 1));
  auto alone = scan(file);
  EXPECT_EQ(alone.intact(), 0u);
  EXPECT_EQ(alone.damaged(), 1u);
  EXPECT_EQ(alone.followed(), 0u) << "the file is shorter than what the row claims";

  // The claim fits the file, and its chain is a circle of two pages.
  std::string circle = page_of_claims(1ull << 20, 2);
  for (const char next : {'\3', '\2'}) {
    std::string page(4096, '\0');
    page[3] = next;
    circle += page;
  }
  circle.resize(2u << 20, '\0');
  write_file(file, circle);
  auto in_circles = scan(file);
  EXPECT_EQ(in_circles.damaged(), 1u);
  EXPECT_LE(in_circles.followed(), 2u * SalvagePages::kViews);
}

}  // namespace
}  // namespace hookspool::storage

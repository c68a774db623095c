// Bit rot and lost ends, at hundreds of places: whatever happens to a file of a journal that was killed, every
// acknowledged event is either read as it was or reported as lost by its lane, epoch and number. Nothing is
// silent, nothing is invented, and no opening fails.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

constexpr int kWalFlips = 500;
constexpr int kWalCuts = 200;
constexpr int kPageFlips = 500;

using Number = std::pair<std::string, std::uint64_t>;  // lane and sequence number

// What an opening and reading all of it gave.
struct Outcome {
  std::set<Number> intact;
  std::set<Number> corrupt;  // reported, one by one
  std::set<Number> invented;
  std::uint64_t lost = 0;  // as the journal counts them at its opening
  std::size_t aside = 0;
  std::string trouble;
};

class DamageTest : public JournalTest {
 protected:
  // Two lanes, groups of one; a copy of the folder is what a kill would leave.
  void fill(int events, std::size_t body_bytes) {
    open();
    for (int n = 1; n <= events; ++n) {
      const std::string lane = n % 3 == 0 ? "b" : "a";
      Event event = make_event(lane, n, body_bytes);
      if (packable_) event.body = packable_body(n, body_bytes);
      const auto appended = journal_->append(event);
      ASSERT_TRUE(appended.ok()) << appended.error().text;
      const EventPtr stored = *appended;
      bodies_[{lane, stored->seq}] = stored->event.body;
      ids_[{lane, stored->seq}] = stored->id;
    }
    epoch_ = journal_->epoch();
  }

  // Opens a copy of `dead` in which one file has other bytes.
  Outcome open_with(const std::filesystem::path& dead, const std::string& file, const std::string& bytes) {
    const auto folder = copies_ / "copy";
    std::filesystem::remove_all(folder);
    std::filesystem::copy(dead, folder);
    write_file(folder / file, bytes);
    return open_copy(folder);
  }

  Outcome open_copy(const std::filesystem::path& folder) {
    Outcome outcome;
    JournalOptions options = options_;
    options.folder = folder;
    const auto opened = Journal::open(options);
    if (!opened.ok()) {
      outcome.trouble = "it cannot be opened: " + opened.error().text;
      return outcome;
    }
    const Journal& journal = *opened->journal;
    outcome.lost = journal.admin().stats().lost;
    for (const std::string& lane : journal.lanes()) {
      for (const LaneRun& run : journal.runs(lane)) read_run(journal, lane, run, outcome);
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().filename().string().starts_with("damaged-")) ++outcome.aside;
    }
    return outcome;
  }

  void read_run(const Journal& journal, const std::string& lane, const LaneRun& run, Outcome& outcome) {
    for (std::uint64_t next = run.first_seq; next <= run.last_seq;) {
      if (run.epoch != epoch_ || !bodies_.contains({lane, next})) {
        outcome.invented.insert({lane, next++});
        if (outcome.invented.size() > 1000) return;
        continue;
      }
      const auto events = journal.read(lane, run.epoch, next, 64, 1 << 20);
      if (events.ok()) {
        for (const EventPtr& event : *events) {
          const Number number{lane, next++};
          if (!bodies_.contains(number)) {
            outcome.invented.insert(number);
          } else if (event->event.body != bodies_.at(number) || event->id != ids_.at(number)) {
            outcome.trouble += "another event at " + lane + " " + std::to_string(number.second);
          }
          outcome.intact.insert(number);
        }
        continue;
      }
      if (events.error().kind != JournalError::Kind::kCorrupt) outcome.trouble += events.error().text + "; ";
      const std::string named = "event " + std::to_string(next) + " of lane '" + lane + "'";
      if (events.error().text.find(named) == std::string::npos) outcome.trouble += events.error().text + "; ";
      outcome.corrupt.insert({lane, next++});
    }
  }

  // Every acknowledged event is there or reported.
  void expect_nothing_silent(const Outcome& outcome, const std::string& where) {
    EXPECT_EQ(outcome.trouble, "") << where;
    EXPECT_TRUE(outcome.invented.empty())
        << where << ": " << outcome.invented.begin()->first << " " << outcome.invented.begin()->second;
    for (const auto& [number, body] : bodies_) {
      if (outcome.intact.contains(number) || outcome.corrupt.contains(number)) continue;
      ADD_FAILURE() << where << ": SILENT about " << number.first << " " << number.second;
      return;
    }
  }

  std::filesystem::path die(const char* name = "dead") {
    const auto dead = folder_ / name;
    std::filesystem::copy(options_.folder, dead);
    return dead;
  }

  // In memory where there is such a place: a thousand openings need not wait for a disk.
  struct Copies {
    std::string path = std::filesystem::is_directory("/dev/shm") ? "/dev/shm/hookspool-damage-XXXXXX"
                                                                 : "/tmp/hookspool-damage-XXXXXX";
    Copies() { EXPECT_NE(::mkdtemp(path.data()), nullptr); }
    ~Copies() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
    Copies(const Copies&) = delete;
    Copies& operator=(const Copies&) = delete;
    std::filesystem::path operator/(const char* name) const { return std::filesystem::path(path) / name; }
  };

  Copies copies_;
  std::map<Number, std::string> bodies_;
  std::map<Number, Uuid> ids_;
  Uuid epoch_;
  bool packable_ = false;  // JSON that is kept packed
};

const std::string kDb = "segment-00000001.db";
const std::string kWal = "segment-00000001.db-wal";
const std::string kAcked = "segment-00000001.acked";

TEST_F(DamageTest, ABitFlippedAnywhereInTheWalIsNoticed) {
  fill(60, 700);
  const auto dead = die();
  const std::string wal = read_file(dead / kWal);
  std::mt19937_64 random(20261123);
  int with_loss = 0;
  for (int i = 0; i < kWalFlips; ++i) {
    const std::size_t bit = random() % (wal.size() * 8);
    std::string flipped = wal;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const Outcome outcome = open_with(dead, kWal, flipped);
    const std::string where = "bit " + std::to_string(bit);
    expect_nothing_silent(outcome, where);
    EXPECT_EQ(outcome.lost, outcome.corrupt.size()) << where;
    if (outcome.lost > 0) {
      ++with_loss;
      EXPECT_GT(outcome.aside, 0u) << where << ": what cannot be read is kept";
    }
    if (HasFailure()) break;
  }
  std::printf("%d flips, %d of them lost events\n", kWalFlips, with_loss);
  EXPECT_GT(with_loss, kWalFlips / 2) << "the flips did not hit";
}

TEST_F(DamageTest, AWalCutOffAnywhereIsNoticed) {
  fill(60, 700);
  const auto dead = die();
  const std::string wal = read_file(dead / kWal);
  int with_loss = 0;
  for (int i = 0; i < kWalCuts; ++i) {
    const std::size_t size = wal.size() * static_cast<std::size_t>(i) / kWalCuts;
    const Outcome outcome = open_with(dead, kWal, wal.substr(0, size));
    expect_nothing_silent(outcome, "cut at " + std::to_string(size));
    EXPECT_EQ(outcome.lost, outcome.corrupt.size()) << size;
    with_loss += outcome.lost > 0 ? 1 : 0;
    if (HasFailure()) break;
  }
  std::printf("%d cuts, %d of them lost events\n", kWalCuts, with_loss);
  EXPECT_EQ(with_loss, kWalCuts);
}

TEST_F(DamageTest, WhatWasWrittenAndNotAcknowledgedRaisesNoAlarm) {
  fill(20, 700);
  const auto dead = die();
  const std::string earlier_record = read_file(dead / kAcked);
  append("c", 100, 700);
  append("a", 101, 700);
  // The WAL goes on, the record does not: killed between the sync and the answers. All of it counts.
  const Outcome ahead = open_with(die("later"), kAcked, earlier_record);
  EXPECT_EQ(ahead.trouble, "");
  EXPECT_EQ(ahead.lost, 0u);
  EXPECT_TRUE(ahead.corrupt.empty());
  EXPECT_EQ(ahead.invented.size(), 2u) << "the two that were never acknowledged";
}

TEST_F(DamageTest, ADamagedOrForeignRecordRaisesNoAlarm) {
  fill(20, 300);
  const auto dead = die();
  const std::string record = read_file(dead / kAcked);
  ASSERT_EQ(record.size(), 4096u);
  // Its header, and the slots of its two lanes.
  for (std::size_t bit = 0; bit < 3 * 128 * 8; bit += 7) {
    std::string flipped = record;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const Outcome outcome = open_with(dead, kAcked, flipped);
    expect_nothing_silent(outcome, "bit " + std::to_string(bit));
    EXPECT_EQ(outcome.lost, 0u) << bit;
    EXPECT_TRUE(outcome.corrupt.empty()) << bit;
    if (HasFailure()) break;
  }
  for (const std::size_t size : {0u, 100u, 128u, 200u, 256u}) {
    const Outcome outcome = open_with(dead, kAcked, record.substr(0, size));
    expect_nothing_silent(outcome, "record of " + std::to_string(size));
    EXPECT_EQ(outcome.lost, 0u) << size;
  }
}

TEST_F(DamageTest, ASegmentThatVanishedIsNoticed) {
  fill(20, 300);
  const auto dead = die();
  for (const bool truncated : {false, true}) {
    const auto folder = folder_ / (truncated ? "truncated" : "vanished");
    std::filesystem::copy(dead, folder);
    for (const std::string& name : {kDb, kWal, kDb + "-shm"}) {
      if (truncated) {
        write_file(folder / name, "");
      } else {
        std::filesystem::remove(folder / name);
      }
    }
    const Outcome outcome = open_copy(folder);
    expect_nothing_silent(outcome, folder);
    EXPECT_EQ(outcome.lost, 20u);
    EXPECT_EQ(outcome.corrupt.size(), 20u);
  }
}

class PageDamageTest : public DamageTest {
 protected:
  void flip_pages(const std::filesystem::path& dead, std::uint64_t seed) {
    const std::string db = read_file(dead / kDb);
    ASSERT_GT(db.size(), 100'000u);
    std::mt19937_64 random(seed);
    std::size_t within_a_body = 0;
    std::size_t cost_a_row = 0;
    std::size_t aside = 0;
    for (int i = 0; i < kPageFlips; ++i) {
      const std::size_t bit = random() % (db.size() * 8);
      std::string flipped = db;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      const std::string where = "bit " + std::to_string(bit);
      const Outcome outcome = open_with(dead, kDb, flipped);
      if (outcome.trouble.find("newer hookspool") != std::string::npos)
        continue;  // the version in its header
      expect_nothing_silent(outcome, where);
      aside += outcome.aside > 0 ? 1 : 0;
      if (packable_) {
        cost_a_row += outcome.corrupt.empty() ? 0u : 1u;
      } else if (is_within_a_body(db, bit / 8)) {
        ++within_a_body;
        // None at all in what a page keeps of rows that moved elsewhere.
        EXPECT_LE(outcome.corrupt.size(), 1u) << where << ": it costs its row and no other";
        cost_a_row += outcome.corrupt.size();
        EXPECT_EQ(outcome.aside, 0u) << where;
      }
      if (HasFailure()) break;
    }
    std::printf("%d flips, %zu within a body, of which %zu cost a row; %zu times the segment was set aside\n",
                kPageFlips, within_a_body, cost_a_row, aside);
    EXPECT_GT(cost_a_row, static_cast<std::size_t>(kPageFlips) / 3);
    EXPECT_LT(aside, static_cast<std::size_t>(kPageFlips) / 20);
  }

  // A body is one letter many times.
  static bool is_within_a_body(const std::string& db, std::size_t at) {
    constexpr std::size_t kAround = 12;
    if (at < kAround || at + kAround >= db.size() || db[at] < 'a' || db[at] > 'z') return false;
    return db.substr(at - kAround, 2 * kAround) == std::string(2 * kAround, db[at]);
  }
};

TEST_F(PageDamageTest, AFlippedBitInAClosedSegmentCostsItsRowAtMost) {
  fill(300, 600);
  close();
  flip_pages(die(), 1);
}

TEST_F(PageDamageTest, AFlippedBitInARecoveredSegmentCostsItsRowAtMost) {
  options_.segment_bytes_max = 800 << 10;  // so that a part of it is checkpointed while it grows
  fill(300, 600);
  flip_pages(die(), 2);
}

TEST_F(PageDamageTest, AFlippedBitInPackedBodiesIsNeverSilent) {
  packable_ = true;
  fill(120, 12'000);
  close();
  flip_pages(die(), 3);
}

}  // namespace
}  // namespace hookspool::storage

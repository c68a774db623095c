// The power is cut in the middle of everything, a thousand times: while events are written, while a segment is made,
// closed or dropped, while an opening recovers from the cut before. After each cut the folder is rebuilt as a disk
// may hold it (simulated_disk.h), and the journal must hold what it has promised (journal_ledger.h) and report no
// loss where there is none.
//
// A seed decides everything but what several appending threads do to each other's order. One seed again:
//   HOOKSPOOL_SEED=17 build/release/tests/unit/storage/storage_power_test --gtest_filter='*OneSeed'
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/unit/storage/journal_ledger.h"
#include "tests/unit/storage/simulated_disk.h"

namespace hookspool::storage {
namespace {

using testing::DiskCall;
using testing::JournalLedger;
using testing::SimulatedDisk;

constexpr std::uint64_t kSeedsPerBlock = 100;
constexpr std::uint64_t kBlocks = 10;
constexpr std::int64_t kStartUs = 1'700'000'000'000'000;

struct Scenario {
  std::optional<std::string> lie_about{};  // syncs of these names do nothing
};

// What an opening may say after an honest power cut. A first transaction that was cut short is set aside, which later
// openings tell of.
bool is_expected(const std::string& note, bool& set_aside) {
  const auto has = [&](const char* words) { return note.find(words) != std::string::npos; };
  set_aside = set_aside || has("never acknowledged, as far as the record beside it knows");
  return has("events were recovered") ||
         (set_aside && (has("never acknowledged, as far as") || has("damaged files lie in")));
}

// One disk and one journal on it, through some lives.
class Story {
 public:
  Story(std::uint64_t seed, const Scenario& scenario) : random_(seed), disk_(seed ^ 0x9e3779b97f4a7c15u) {
    disk_.lie_about_syncs_of(scenario.lie_about);
    options_.folder = disk_.root() / "journal";
    options_.random_bytes = testing::seeded_random_bytes(seed);
    options_.free_bytes_min = 0;
    options_.reserve_bytes = 64 << 10;
    options_.segment_bytes_max = std::array<std::uint64_t, 3>{24 << 10, 64 << 10, 1 << 20}[random_() % 3];
    disk_faults_ = random_() % 4 == 0;
  }

  void trace_to(std::ostream& stream) { disk_.trace_to(&stream); }

  std::vector<std::string> run() {
    const std::uint64_t lives = 2 + random_() % 3;
    for (std::uint64_t life = 0; life < lives && ledger_.problems().empty(); ++life) {
      // A third of the lives do not get far: their openings are cut.
      disk_.freeze_at(1 + random_() % (random_() % 3 == 0 ? 30 : 250));
      live();
    }
    disk_.freeze_at(0);
    for (int last = 0; last < 2; ++last) {
      if (!open()) break;
      for (int n = 0; n < 4; ++n) {
        if (!append()) ledger_.problem("an event was refused after the power came back");
      }
      ledger_.check(*journal_, [this] { return !disk_.frozen(); });
      if (const auto closed = journal_->close(); !closed) ledger_.problem("closing: " + closed.error().text);
      journal_.reset();
    }
    return ledger_.problems();
  }

  std::size_t acknowledged() const { return ledger_.acknowledged(); }
  std::size_t recovered() const { return ledger_.recovered(); }
  std::uint64_t cuts() const { return cuts_; }
  std::uint64_t cuts_while_opening() const { return cuts_while_opening_; }

 private:
  void live() {
    if (open()) {
      for (std::uint64_t steps = 5 + random_() % 60; steps > 0 && !disk_.frozen(); --steps) step();
      if (random_() % 8 == 0 && !disk_.frozen()) (void)journal_->close();
    } else if (disk_.frozen()) {
      ++cuts_while_opening_;
    }
    disk_.freeze();
    journal_.reset();
    disk_.heal();
    if (const std::string unseen = disk_.divergence(); !unseen.empty()) ledger_.problem(unseen);
    if (random_() % 5 == 0) {
      disk_.tell("killed");
      disk_.after_kill();
    } else {
      ++cuts_;
      disk_.tell("power cut");
      disk_.power_cut();
    }
  }

  bool open() {
    JournalResult<Journal::Opened> opened = Journal::open(options_);
    if (!opened) {
      if (!disk_.frozen()) ledger_.problem("the journal does not open: " + opened.error().text);
      return false;
    }
    journal_ = std::move(opened->journal);
    if (disk_.frozen()) return true;  // what it found was seen by no process
    disk_.tell("opened");
    for (const std::string& note : opened->notes) {
      disk_.tell("  " + note);
      if (!is_expected(note, set_aside_)) ledger_.problem("false alarm: " + note);
    }
    if (!agent_id_.empty() && journal_->agent_id() != agent_id_) ledger_.problem("another agent id");
    agent_id_ = journal_->agent_id();
    ledger_.check(*journal_, [this] { return !disk_.frozen(); });
    return true;
  }

  void step() {
    const std::uint64_t choice = random_() % 100;
    if (choice < 66) {
      (void)append();
    } else if (choice < 69) {
      append_from_threads();
    } else if (choice < 84) {
      confirm_something();
    } else if (choice < 87) {
      (void)journal_->admin().save_cursors();
    } else if (choice < 90) {
      (void)journal_->admin().rotate();
    } else if (choice < 95) {
      drop_something();
    } else if (choice < 96) {
      (void)journal_->begin_epoch();
    } else if (choice < 98) {
      write_note();
    } else if (disk_faults_) {
      disk_.fail({random_() % 2 == 0 ? DiskCall::kSync : DiskCall::kWrite, 1 + random_() % 6, false, EIO});
    }
  }

  std::size_t some_size() {
    const std::uint64_t kind = random_() % 20;
    if (kind < 14) return random_() % 400;
    if (kind < 19) return random_() % 9000;
    return random_() % 60'000;
  }

  Event some_event() {
    now_us_ += static_cast<std::int64_t>(random_() % 3000);
    return ledger_.make_event(random_, now_us_, some_size());
  }

  bool append() {
    const Event event = some_event();
    const bool acknowledged = ledger_.append(*journal_, event);
    disk_.tell("event " + event.delivery_id + (acknowledged ? " acknowledged" : " refused"));
    return acknowledged;
  }

  void append_from_threads() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      std::vector<Event> events = {some_event(), some_event()};
      threads.emplace_back([this, mine = std::move(events)] {
        for (const Event& event : mine) (void)ledger_.append(*journal_, event);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  void confirm_something() {
    const std::vector<std::string> lanes = journal_->lanes();
    if (lanes.empty()) return;
    const std::string& lane = lanes[random_() % lanes.size()];
    const std::vector<LaneRun> runs = journal_->runs(lane);
    if (runs.empty()) return;
    const LaneRun& run = runs[random_() % runs.size()];
    const std::uint64_t seq = random_() % 3 == 0 ? random_() % (run.last_seq + 1) : run.last_seq;
    ledger_.confirm(*journal_, lane, run.epoch, Position{seq, Uuid{}}, random_() % 5 == 0);
  }

  void drop_something() {
    ledger_.before_drop(*journal_);
    for (const SegmentInfo& segment : journal_->admin().segments()) {
      if (segment.delivered && !segment.active) (void)journal_->admin().drop_segment(segment.number);
    }
  }

  void write_note() {
    const std::string text = std::to_string(random_());
    const auto before = journal_->notes().read("sink");
    const bool frozen = disk_.frozen();
    if (!frozen && before.ok() && *before != note_ && *before != attempted_note_)
      ledger_.problem("a note was lost");
    attempted_note_ = text;
    if (journal_->notes().write("sink", text).ok()) note_ = text;
  }

  std::mt19937_64 random_;
  SimulatedDisk disk_;
  JournalOptions options_;
  JournalLedger ledger_;
  std::unique_ptr<Journal> journal_;
  std::int64_t now_us_ = kStartUs;
  bool disk_faults_ = false;
  bool set_aside_ = false;  // an opening has set aside what was never acknowledged
  std::string agent_id_;
  std::optional<std::string> note_;
  std::optional<std::string> attempted_note_;
  std::uint64_t cuts_ = 0;
  std::uint64_t cuts_while_opening_ = 0;
};

std::string report(std::uint64_t seed, const std::vector<std::string>& problems) {
  std::string text = "seed " + std::to_string(seed) + ":";
  for (const std::string& problem : problems) text += "\n  " + problem;
  return text;
}

class PowerCutBlock : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(PowerCutBlock, EverySeedKeepsThePromise) {
  const std::uint64_t first = GetParam() * kSeedsPerBlock + 1;
  std::size_t acknowledged = 0;
  std::size_t recovered = 0;
  std::uint64_t cuts = 0;
  std::uint64_t cuts_while_opening = 0;
  for (std::uint64_t seed = first; seed < first + kSeedsPerBlock; ++seed) {
    Story story(seed, {});
    const std::vector<std::string> problems = story.run();
    EXPECT_TRUE(problems.empty()) << report(seed, problems);
    acknowledged += story.acknowledged();
    recovered += story.recovered();
    cuts += story.cuts();
    cuts_while_opening += story.cuts_while_opening();
  }
  std::cout << "seeds " << first << " to " << first + kSeedsPerBlock - 1 << ": " << cuts << " power cuts, "
            << cuts_while_opening << " of all ends during an opening, " << acknowledged
            << " events acknowledged, " << recovered << " recovered without\n";
  EXPECT_GT(cuts, kSeedsPerBlock);
  EXPECT_GT(cuts_while_opening, 0u);
  EXPECT_GT(acknowledged, 10 * kSeedsPerBlock);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PowerCutBlock, ::testing::Range<std::uint64_t>(0, kBlocks));

TEST(PowerCutTest, OneSeed) {
  const char* given = std::getenv("HOOKSPOOL_SEED");
  const std::uint64_t seed = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  Story story(seed, {});
  if (given != nullptr) story.trace_to(std::cout);
  const std::vector<std::string> problems = story.run();
  EXPECT_TRUE(problems.empty()) << report(seed, problems);
  std::cout << "seed " << seed << ": " << story.cuts() << " power cuts, " << story.acknowledged()
            << " events acknowledged\n";
}

// The disk says that it has synced and has not: then events must be missing, or this test sees nothing.
void expect_noticed(const std::string& lie_about) {
  constexpr std::uint64_t kSeedsMax = 60;
  for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    Story story(seed, {lie_about});
    if (!story.run().empty()) {
      std::cout << "noticed by seed " << seed << '\n';
      return;
    }
  }
  ADD_FAILURE() << kSeedsMax << " seeds have noticed nothing of a disk that does not sync " << lie_about;
}

TEST(PowerCutTest, ADiskThatDoesNotSyncTheWalIsNoticed) {
  expect_noticed("-wal");
}

TEST(PowerCutTest, ADiskThatDoesNotSyncNamesIsNoticed) {
  expect_noticed("journal");
}

TEST(PowerCutTest, ADiskThatDoesNotSyncNewSegmentsIsNoticed) {
  expect_noticed(".new");
}

}  // namespace
}  // namespace hookspool::storage

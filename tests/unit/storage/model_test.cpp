// Random use of a journal against a simple model (journal_ledger.h): appends of 0 to 200 kB from one thread or several,
// confirms, rewinds, saved cursors, rotations, drops, new epochs, clocks that jump by a year both ways, kills, power cuts,
// reopenings. The seeds of model_seeds.h run every time, and one that no run had before, which is printed.
//
// One seed again: HOOKSPOOL_SEED=17 build/release/tests/unit/storage/storage_model_test --gtest_filter='*AFreshSeed'
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/storage/journal_ledger.h"
#include "tests/unit/storage/model_seeds.h"
#include "tests/unit/storage/simulated_disk.h"

namespace hookspool::storage {
namespace {

using testing::JournalLedger;
using testing::SimulatedDisk;

constexpr std::uint64_t kSteps = 150;
constexpr std::int64_t kStartUs = 1'700'000'000'000'000;
constexpr std::int64_t kYearUs = 365ll * 24 * 3600 * 1'000'000;

class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed), disk_(seed) {
    options_.folder = disk_.root() / "journal";
    options_.random_bytes = testing::seeded_random_bytes(seed);
    options_.free_bytes_min = 0;
    options_.segment_bytes_max = std::array<std::uint64_t, 3>{32 << 10, 256 << 10, 4 << 20}[random_() % 3];
  }

  std::vector<std::string> run() {
    open();
    for (std::uint64_t step = 0; step < kSteps && journal_ != nullptr && ledger_.problems().empty(); ++step) {
      take_a_step();
    }
    if (journal_ != nullptr) end_life(0);
    return ledger_.problems();
  }
  std::size_t acknowledged() const { return ledger_.acknowledged(); }

 private:
  void take_a_step() {
    const std::uint64_t choice = random_() % 100;
    if (choice < 50) {
      expect_append(some_event());
    } else if (choice < 54) {
      append_from_threads();
    } else if (choice < 72) {
      confirm_something(false);
    } else if (choice < 75) {
      confirm_something(true);
    } else if (choice < 79) {
      expect(journal_->admin().save_cursors(), "save_cursors");
    } else if (choice < 83) {
      expect(journal_->admin().rotate(), "rotate");
    } else if (choice < 88) {
      drop_something();
    } else if (choice < 90) {
      const Uuid before = journal_->epoch();
      expect(journal_->begin_epoch(), "begin_epoch");
      if (journal_->epoch() == before) ledger_.problem("begin_epoch() began none");
    } else if (choice < 94) {
      check();
    } else if (choice < 96) {
      now_us_ += random_() % 2 == 0 ? kYearUs : -kYearUs;
    } else {
      end_life(random_() % 3);
    }
  }

  // 0: closed, 1: killed, 2: the power is cut. A cursor that was saved must be there in the next life.
  void end_life(std::uint64_t how) {
    if (how == 0) expect(journal_->close(), "close");
    disk_.freeze();
    journal_.reset();
    if (const std::string unseen = disk_.divergence(); !unseen.empty()) ledger_.problem(unseen);
    if (how == 2) {
      disk_.power_cut();
    } else {
      disk_.after_kill();
    }
    open();
  }

  void open() {
    JournalResult<Journal::Opened> opened = Journal::open(options_);
    if (!opened) return ledger_.problem("the journal does not open: " + opened.error().text);
    journal_ = std::move(opened->journal);
    for (const std::string& note : opened->notes) {
      if (note.find("events were recovered") == std::string::npos) ledger_.problem("false alarm: " + note);
    }
    check();
  }

  void check() {
    ledger_.check(*journal_, [] { return true; });
    std::uint64_t events = 0;
    for (const SegmentInfo& segment : journal_->admin().segments()) events += segment.events;
    std::uint64_t of_runs = 0;
    std::uint64_t pending = 0;
    for (const std::string& lane : journal_->lanes()) {
      for (const LaneRun& run : journal_->runs(lane)) {
        of_runs += run.last_seq + 1 - run.first_seq;
        const std::uint64_t done = std::max(run.confirmed.seq, run.first_seq - 1);
        pending += run.last_seq - std::min(done, run.last_seq);
      }
    }
    if (events != of_runs) {
      ledger_.problem("segments say " + std::to_string(events) + " events, runs " + std::to_string(of_runs));
    }
    if (pending != journal_->admin().stats().pending) {
      ledger_.problem("pending is said to be " + std::to_string(journal_->admin().stats().pending) +
                      ", runs give " + std::to_string(pending));
    }
  }

  Event some_event() {
    now_us_ += static_cast<std::int64_t>(random_() % 5000);
    const std::uint64_t kind = random_() % 20;
    const std::size_t bytes = kind == 0   ? 0
                              : kind < 15 ? random_() % 500
                              : kind < 19 ? random_() % 9000
                                          : random_() % 200'000;
    return ledger_.make_event(random_, now_us_, bytes);
  }

  void expect(const JournalResult<void>& result, const std::string& what) {
    if (!result) ledger_.problem(what + ": " + result.error().text);
  }

  void expect_append(Event event) {
    if (!ledger_.append(*journal_, std::move(event))) ledger_.problem("an event was refused");
  }

  void append_from_threads() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      std::vector<Event> events = {some_event(), some_event(), some_event()};
      threads.emplace_back([this, mine = std::move(events)] {
        for (const Event& event : mine) expect_append(event);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  void confirm_something(bool rewind) {
    const std::vector<std::string> lanes = journal_->lanes();
    if (lanes.empty()) return;
    const std::string& lane = lanes[random_() % lanes.size()];
    const std::vector<LaneRun> runs = journal_->runs(lane);
    if (runs.empty()) return;
    const LaneRun& run = runs[random_() % runs.size()];
    // Now and then more than there is: that must be ignored.
    const std::uint64_t seq = random_() % 8 == 0 ? run.last_seq + 1000 : random_() % (run.last_seq + 1);
    const std::uint64_t before = run.confirmed.seq;
    const bool expect_moved = seq <= newest(runs, run.epoch) && (rewind || seq > before);
    if (expect_moved) ledger_.confirm(*journal_, lane, run.epoch, Position{seq, Uuid{}}, rewind);
    if (!expect_moved) journal_->confirm(lane, run.epoch, Position{seq, Uuid{}}, rewind);
    for (const LaneRun& now : journal_->runs(lane)) {
      if (now.epoch != run.epoch || now.confirmed.seq == (expect_moved ? seq : before)) continue;
      ledger_.problem("confirm() of " + std::to_string(seq) + " after " + std::to_string(before) + " gave " +
                      std::to_string(now.confirmed.seq));
    }
  }

  static std::uint64_t newest(const std::vector<LaneRun>& runs, const Uuid& epoch) {
    std::uint64_t last = 0;
    for (const LaneRun& run : runs) {
      if (run.epoch == epoch) last = std::max(last, run.last_seq);
    }
    return last;
  }

  void drop_something() {
    ledger_.before_drop(*journal_);
    for (const SegmentInfo& segment : journal_->admin().segments()) {
      const bool may_go = segment.delivered && !segment.active;
      const bool gone = journal_->admin().drop_segment(segment.number).ok();
      if (gone != may_go)
        ledger_.problem("drop_segment() of " + std::to_string(segment.number) +
                        (gone ? " went" : " did not"));
    }
  }

  std::mt19937_64 random_;
  SimulatedDisk disk_;
  JournalOptions options_;
  JournalLedger ledger_;
  std::unique_ptr<Journal> journal_;
  std::int64_t now_us_ = kStartUs;
};

void run_seed(std::uint64_t seed) {
  Model model(seed);
  std::string text;
  for (const std::string& problem : model.run()) text += "\n  " + problem;
  EXPECT_TRUE(text.empty()) << "seed " << seed << " (add it to model_seeds.h):" << text;
  EXPECT_GT(model.acknowledged(), kSteps / 4);
}

TEST(ModelTest, KeptSeeds) {
  for (const std::uint64_t seed : kModelSeeds) run_seed(seed);
  std::cout << kModelSeeds.size() << " seeds\n";
}

TEST(ModelTest, AFreshSeed) {
  const char* given = std::getenv("HOOKSPOOL_SEED");
  const std::uint64_t seed = given == nullptr ? std::random_device{}() : std::strtoull(given, nullptr, 10);
  std::cout << "seed " << seed << '\n';
  run_seed(seed);
}

}  // namespace
}  // namespace hookspool::storage

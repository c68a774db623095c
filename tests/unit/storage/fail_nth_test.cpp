// Every call that can fail does, one run for each: the first write, the second, ... until a run makes fewer of them;
// once, and from there on until the disk is well again. Nothing acknowledged may be lost; an error is answered, not an
// acknowledgement; and when the fault is gone, the journal takes events again without a restart.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/storage/failing_heap.h"
#include "tests/unit/storage/journal_ledger.h"
#include "tests/unit/storage/simulated_disk.h"

namespace hookspool::storage {
namespace {

using testing::DiskCall;
using testing::DiskFault;
using testing::FailingHeap;
using testing::JournalLedger;
using testing::SimulatedDisk;

constexpr std::uint64_t kRunsMax = 20'000;
constexpr std::uint64_t kAllocationStep = 37;
constexpr std::int64_t kStartUs = 1'700'000'000'000'000;

// One journal that is opened, used and closed while something fails.
class Trial {
 public:
  explicit Trial(std::uint64_t seed) : random_(seed), disk_(seed) {
    options_.folder = disk_.root() / "journal";
    options_.random_bytes = testing::seeded_random_bytes(seed);
    options_.free_bytes_min = 0;
    options_.segment_bytes_max = 64 << 10;
    // An earlier life that was killed, so that the opening has something to recover and something to remove.
    expect_open();
    if (journal_ == nullptr) return;
    (void)append(100);
    (void)append(9000);
    (void)journal_->admin().rotate();
    (void)append(200);
    confirm_all();
    disk_.freeze();
    journal_.reset();
    disk_.after_kill();
  }

  SimulatedDisk& disk() { return disk_; }

  // With the fault, wherever it strikes. Errors are what is expected; what is acknowledged counts.
  void use() {
    JournalResult<Journal::Opened> opened = Journal::open(options_);
    if (!opened) return;
    take(std::move(*opened));
    (void)append(300);
    (void)append(20'000);
    confirm_all();
    (void)journal_->admin().save_cursors();
    (void)journal_->admin().rotate();
    (void)append(50);
    read_back();
    drop_what_is_delivered();
    (void)journal_->notes().write("sink", "text");
    (void)append(30'000);
    (void)append(40'000);
    (void)append(60);
  }

  // Without it again. Segments that could not be read at the opening come back with the next one.
  std::vector<std::string> recover(bool all_was_read) {
    if (journal_ == nullptr) expect_open();
    if (journal_ != nullptr) {
      expect_append();
      if (all_was_read) check();
      close_and_reopen();
      disk_.freeze();
      journal_.reset();
      if (const std::string unseen = disk_.divergence(); !unseen.empty()) ledger_.problem(unseen);
      disk_.power_cut();
      expect_open();
      if (journal_ != nullptr) close_and_reopen();
    }
    std::vector<std::string> problems = ledger_.problems();
    if (!problems.empty()) std::copy(notes_.begin(), notes_.end(), std::back_inserter(problems));
    return problems;
  }

 private:
  void expect_open() {
    JournalResult<Journal::Opened> opened = Journal::open(options_);
    if (!opened) return ledger_.problem("the journal does not open: " + opened.error().text);
    take(std::move(*opened));
  }

  void take(Journal::Opened opened) {
    journal_ = std::move(opened.journal);
    std::move(opened.notes.begin(), opened.notes.end(), std::back_inserter(notes_));
  }

  bool append(std::size_t bytes) {
    now_us_ += 1000;
    return ledger_.append(*journal_, ledger_.make_event(random_, now_us_, bytes));
  }

  void expect_append() {
    if (!append(70))
      ledger_.problem("refuses events although the fault is gone: " + journal_->admin().stats().last_error);
    if (!journal_->admin().stats().accepting)
      ledger_.problem("does not accept: " + journal_->admin().stats().refusing_because);
  }

  void check() {
    ledger_.check(*journal_, [] { return true; });
  }

  void close_and_reopen() {
    if (const auto closed = journal_->close(); !closed) ledger_.problem("closing: " + closed.error().text);
    journal_.reset();
    expect_open();
    if (journal_ == nullptr) return;
    check();
    expect_append();
  }

  void confirm_all() {
    for (const std::string& lane : journal_->lanes()) {
      for (const LaneRun& run : journal_->runs(lane)) {
        ledger_.confirm(*journal_, lane, run.epoch, Position{run.last_seq, Uuid{}}, false);
      }
    }
    // On a disk without room the journal itself drops what is delivered.
    ledger_.before_drop(*journal_);
  }

  // A disk that does not answer is one thing, a row that is damaged another: nothing is damaged here.
  void read_back() {
    for (const std::string& lane : journal_->lanes()) {
      for (const LaneRun& run : journal_->runs(lane)) {
        const auto events = journal_->read(lane, run.epoch, run.first_seq, 100, 1 << 20);
        if (!events && events.error().kind == JournalError::Kind::kCorrupt)
          ledger_.problem(events.error().text);
      }
    }
  }

  void drop_what_is_delivered() {
    ledger_.before_drop(*journal_);
    for (const SegmentInfo& segment : journal_->admin().segments()) {
      if (segment.delivered && !segment.active) (void)journal_->admin().drop_segment(segment.number);
    }
  }

  std::mt19937_64 random_;
  SimulatedDisk disk_;
  JournalOptions options_;
  JournalLedger ledger_;
  std::unique_ptr<Journal> journal_;
  std::vector<std::string> notes_;  // of all openings, to explain a problem
  std::int64_t now_us_ = kStartUs;
};

std::string joined(const std::vector<std::string>& problems) {
  std::string text;
  for (const std::string& problem : problems) text += "\n  " + problem;
  return text;
}

struct Kind {
  bool from_then_on;
  int error;
  const char* name;
};

class DiskCallTest : public ::testing::TestWithParam<Kind> {};

TEST_P(DiskCallTest, EachCallThatFailsCostsNothingThatWasAcknowledged) {
  const Kind& kind = GetParam();
  for (const auto& [call, name] : testing::kDiskCalls) {
    std::uint64_t nth = 1;
    for (; nth <= kRunsMax; ++nth) {
      Trial trial(nth);
      trial.disk().fail({call, nth, kind.from_then_on, kind.error});
      trial.use();
      const bool struck = trial.disk().faults() > 0;
      trial.disk().heal();
      const std::vector<std::string> problems = trial.recover(!struck);
      EXPECT_TRUE(problems.empty()) << name << " number " << nth << ", " << kind.name << ":"
                                    << joined(problems);
      if (!struck) break;
    }
    std::cout << name << ", " << kind.name << ": " << nth - 1 << " calls failed, one a run\n";
    const bool may_be_unused = call == DiskCall::kAllocate || call == DiskCall::kMakeFolder;
    EXPECT_TRUE(nth > 2 || may_be_unused) << name << ": nothing of it was made to fail";
    EXPECT_LT(nth, kRunsMax);
  }
}

INSTANTIATE_TEST_SUITE_P(Errors, DiskCallTest,
                         ::testing::Values(Kind{false, EIO, "eio_once"}, Kind{true, EIO, "eio_from_then_on"},
                                           Kind{false, ENOSPC, "enospc_once"},
                                           Kind{true, ENOSPC, "enospc_from_then_on"}),
                         [](const auto& kind) { return std::string(kind.param.name); });

class OpeningTest : public ::testing::TestWithParam<DiskFault> {};

// Each of these once set healthy segments aside as damaged, and with them events that were not delivered.
TEST_P(OpeningTest, AFaultOfTheDiskSetsNoSegmentAside) {
  for (std::uint64_t nth = 1; nth < 30; ++nth) {
    Trial trial(nth);
    DiskFault fault = GetParam();
    fault.nth = nth;
    trial.disk().fail(fault);
    trial.use();
    trial.disk().heal();
    for (const auto& entry : std::filesystem::directory_iterator(trial.disk().root() / "journal")) {
      EXPECT_FALSE(entry.path().filename().string().starts_with("damaged-")) << entry.path() << ", " << nth;
    }
    const std::vector<std::string> problems = trial.recover(false);
    EXPECT_TRUE(problems.empty()) << nth << ":" << joined(problems);
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, OpeningTest,
                         ::testing::Values(DiskFault{DiskCall::kRead, 1, false, EIO},
                                           DiskFault{DiskCall::kRead, 1, true, EIO},
                                           DiskFault{DiskCall::kWrite, 1, false, EIO},
                                           DiskFault{DiskCall::kWrite, 1, true, ENOSPC},
                                           DiskFault{DiskCall::kTruncate, 1, true, ENOSPC},
                                           DiskFault{DiskCall::kOpen, 1, false, EMFILE},
                                           DiskFault{DiskCall::kOpen, 1, true, EMFILE},
                                           DiskFault{DiskCall::kOpen, 1, true, EACCES},
                                           DiskFault{DiskCall::kOpen, 1, true, ENOMEM},
                                           DiskFault{DiskCall::kRead, 1, true, ENOMEM}));

class MemoryTest : public ::testing::TestWithParam<bool> {};

// Without memory for a reader, the connection of a sealed segment once went before its statements, which ended the
// process. A run makes thousands of them, so each test takes one in kAllocationStep, beginning at another one.
TEST_P(MemoryTest, AllocationsOfSqliteThatFailCostNothingThatWasAcknowledged) {
  const bool from_then_on = GetParam();
  std::uint64_t nth = from_then_on ? 1 : 2;
  std::uint64_t runs = 0;
  for (; nth <= kRunsMax; nth += kAllocationStep) {
    Trial trial(nth);
    FailingHeap::fail(nth, from_then_on);
    trial.use();
    const bool struck = FailingHeap::heal() > 0;
    const std::vector<std::string> problems = trial.recover(!struck);
    EXPECT_TRUE(problems.empty()) << "allocation " << nth << ":" << joined(problems);
    if (!struck) break;
    ++runs;
  }
  std::cout << runs << " of " << nth << " allocations failed, one a run\n";
  EXPECT_GT(runs, 10u);
  EXPECT_LT(nth, kRunsMax);
}

INSTANTIATE_TEST_SUITE_P(Errors, MemoryTest, ::testing::Bool(), [](const auto& from_then_on) {
  return std::string(from_then_on.param ? "from_then_on" : "once");
});

}  // namespace
}  // namespace hookspool::storage

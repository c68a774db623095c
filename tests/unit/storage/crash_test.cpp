// SIGKILL at every system call by which the journal changes the disk, one run for each, and after each a look
// whether the promise held: what was acknowledged is there, once, as it was, in numbers without a gap.
//
// strace counts a call for each thread by itself. So the thread that opens, delivers and drops is enumerated
// under `strace` (which then follows only that one), and the journal's writer under `strace -p` of its thread
// alone.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "storage/journal/journal.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"
#include "tests/unit/storage/crash_workload.h"

namespace hookspool::storage {
namespace {

namespace fs = std::filesystem;
using testing::ExitStatus;
using testing::Process;
using testing::wait_until;

constexpr auto kRunMax = std::chrono::seconds(60);
constexpr std::size_t kRunsAtOnce = 2;
constexpr std::size_t kAppendingThreadsMax = 4;

// Every call that can change what a later opening finds. Between two of them nothing changes, so a kill
// anywhere is a kill before one of these, or after the last.
const std::vector<std::string> kCalls = {"openat",    "mkdir", "flock",     "write",  "pwrite64", "ftruncate",
                                         "fallocate", "fsync", "fdatasync", "rename", "unlink",   "close"};

// A leak check cannot run in a process that strace follows.
const std::map<std::string, std::optional<std::string>> kEnvironment = {{"ASAN_OPTIONS", "detect_leaks=0"}};

std::string joined_calls() {
  std::string text;
  for (const std::string& call : kCalls) text += (text.empty() ? "" : ",") + call;
  return text;
}

std::string read_text(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// A folder in memory where there is one: a kill leaves the page cache as it is, so what the disk has got by
// then plays no part, and a thousand lives need not wait for it.
class Scratch {
 public:
  Scratch() {
    std::string name =
        fs::is_directory("/dev/shm") ? "/dev/shm/hookspool-crash-XXXXXX" : "/tmp/hookspool-crash-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

struct KillPoint {
  std::string call;
  int nth = 0;
};

// A start: a folder as an earlier life left it, and that life's log. Each run gets a copy.
struct Start {
  fs::path folder;  // empty: none, the run makes it
  std::string log;
};

// One run's own place.
struct Place {
  Scratch scratch;
  fs::path journal = scratch / "journal";
  fs::path log = scratch / "log";
  fs::path trace = scratch / "trace";
  fs::path output = scratch / "output";

  explicit Place(const Start& start) {
    if (!start.folder.empty()) fs::copy(start.folder, journal, fs::copy_options::recursive);
    std::ofstream(log, std::ios::binary) << start.log;
  }
  std::vector<std::string> writer(const std::string& life, const std::string& how) const {
    return {CRASH_WRITER, journal.string(), log.string(), life, how};
  }
};

std::vector<std::string> strace_options(const Place& place, const std::optional<KillPoint>& kill) {
  if (!kill) return {"-o", place.trace.string(), "-e", "trace=" + joined_calls()};
  return {"-o", "/dev/null",
          "-e", "trace=" + kill->call,
          "-e", "inject=" + kill->call + ":signal=SIGKILL:when=" + std::to_string(kill->nth)};
}

std::optional<ExitStatus> run_main_thread(const Place& place, const std::optional<KillPoint>& kill) {
  std::vector<std::string> argv = {"strace", "-qq"};
  for (const auto& part : {strace_options(place, kill), place.writer("2", "alternate")}) {
    argv.insert(argv.end(), part.begin(), part.end());
  }
  Process process({.argv = argv, .env = kEnvironment, .output = place.output});
  return process.wait(kRunMax);
}

std::optional<ExitStatus> run_writer_thread(const Place& place, const std::string& how,
                                            const std::optional<KillPoint>& kill) {
  std::vector<std::string> argv = place.writer("2", how);
  argv.push_back("wait");
  Process process({.argv = argv, .env = kEnvironment, .output = place.output});
  std::string thread;
  const bool named = wait_until(kRunMax, [&] {
    const std::string log = read_text(place.log);
    const std::size_t at = log.find("writer ");
    if (at == std::string::npos) return !process.running();
    const std::size_t end = log.find('\n', at);
    thread = end == std::string::npos ? "" : log.substr(at + 7, end - at - 7);
    return !thread.empty();
  });
  if (!named || thread.empty()) return std::nullopt;
  argv = {"strace", "-p", thread};
  for (const std::string& part : strace_options(place, kill)) argv.push_back(part);
  Process strace({.argv = argv, .env = kEnvironment, .output = place.output});
  if (!wait_until(kRunMax, [&] { return read_text(place.output).find("attached") != std::string::npos; })) {
    return std::nullopt;
  }
  process.signal(SIGUSR1);
  const std::optional<ExitStatus> status = process.wait(kRunMax);
  strace.wait(kRunMax);
  return status;
}

// Reads a trace: how often each call was made, and from which one on it was the journal's business.
std::vector<KillPoint> kill_points(const fs::path& trace, const std::string& folder) {
  std::map<std::string, int> counts;
  std::vector<KillPoint> points;
  bool begun = folder.empty();
  std::istringstream lines(read_text(trace));
  for (std::string line; std::getline(lines, line);) {
    const std::string call = line.substr(0, line.find('('));
    if (std::find(kCalls.begin(), kCalls.end(), call) == kCalls.end()) continue;
    const int nth = ++counts[call];
    begun = begun || line.find(folder) != std::string::npos;
    if (begun) points.push_back({call, nth});
  }
  return points;
}

struct Promise {
  std::string id;
  std::string epoch;
  std::string lane;
  std::uint64_t seq = 0;
  int n = 0;
};

// What the killed process was promised, and what it had handed on.
struct Promises {
  std::vector<Promise> acks;
  std::map<std::pair<std::string, std::string>, std::uint64_t> passed;  // (epoch, lane) -> seq

  explicit Promises(const fs::path& log) {
    std::istringstream lines(read_text(log));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string kind;
      words >> kind;
      Promise promise;
      if (kind == "ack") {
        words >> promise.id >> promise.epoch >> promise.lane >> promise.seq >> promise.n;
        acks.push_back(promise);
      } else if (kind == "passed") {
        words >> promise.epoch >> promise.lane >> promise.seq;
        passed[{promise.epoch, promise.lane}] = promise.seq;
      }
    }
  }
  std::uint64_t passed_to(const std::string& epoch, const std::string& lane) const {
    const auto found = passed.find({epoch, lane});
    return found == passed.end() ? 0 : found->second;
  }
};

// Opens what the kill left and holds it against the promises. Answers what is wrong; empty if nothing is.
class Judge {
 public:
  explicit Judge(const Place& place) : place_(place), promises_(place.log) {}

  std::string judge() {
    JournalResult<Journal::Opened> opened = Journal::open(crash_options(place_.journal));
    if (!opened.ok()) return "cannot be opened: " + opened.error().text;
    Journal& journal = *opened->journal;
    for (const auto& entry : fs::directory_iterator(place_.journal)) {
      if (entry.path().filename().string().starts_with("damaged-"))
        complain("set aside: " + entry.path().string());
    }
    for (const std::string& lane : journal.lanes()) {
      for (const LaneRun& run : journal.runs(lane)) read_run(journal, lane, run);
    }
    check_promises();
    if (const auto next = journal.append(crash_event("a", 9999)); !next.ok()) {
      complain("takes no more events: " + next.error().text);
    } else if (!found_.empty() && (*next)->id.to_string() <= found_.rbegin()->first) {
      complain("the next id is not greater");
    }
    if (const auto closed = journal.close(); !closed.ok())
      complain("cannot be closed: " + closed.error().text);
    return complaints_;
  }

 private:
  void complain(const std::string& what) { complaints_ += "  " + what + "\n"; }

  void read_run(const Journal& journal, const std::string& lane, const LaneRun& run) {
    const std::string epoch = run.epoch.to_string();
    const std::string name = lane + "@" + epoch;
    if (!runs_.insert(name).second) complain(name + " has a hole");
    const std::uint64_t passed = promises_.passed_to(epoch, lane);
    if (run.first_seq > passed + 1) complain(name + " begins at " + std::to_string(run.first_seq));
    if (run.confirmed.seq > passed) complain(name + " is confirmed too far");
    for (std::uint64_t next = run.first_seq; next <= run.last_seq;) {
      const auto events = journal.read(lane, run.epoch, next, 7, 1 << 20);
      if (!events.ok()) return complain(events.error().text);
      for (const EventPtr& event : *events) {
        if (event->seq != next++) complain(name + " has a gap at " + std::to_string(event->seq));
        if (!found_.emplace(event->id.to_string(), event).second)
          complain(event->id.to_string() + " is there twice");
      }
    }
  }

  void check_promises() {
    std::size_t acknowledged = 0;
    for (const Promise& promise : promises_.acks) {
      const auto found = found_.find(promise.id);
      if (found == found_.end()) {
        if (promise.seq > promises_.passed_to(promise.epoch, promise.lane)) complain("LOST: " + promise.id);
        continue;
      }
      ++acknowledged;
      const StoredEvent& event = *found->second;
      if (event.epoch.to_string() != promise.epoch || event.event.lane != promise.lane ||
          event.seq != promise.seq || event.event.body != crash_event(promise.lane, promise.n).body) {
        complain(promise.id + " is not what was acknowledged");
      }
    }
    // What was being written when the kill came may be there or not; more than that cannot be.
    if (found_.size() > acknowledged + kAppendingThreadsMax * 2)
      complain("there are events that no client sent");
  }

  const Place& place_;
  const Promises promises_;
  std::map<std::string, EventPtr> found_;
  std::set<std::string> runs_;
  std::string complaints_;
};

class CrashTest : public ::testing::Test {
 protected:
  static constexpr double kMostMustDie = 0.95;  // where every run does the same work

  // A life that ended in the middle of its work, with a WAL that was never checkpointed.
  Start earlier_life() {
    const Place place(Start{});
    std::vector<std::string> argv = place.writer("1", "alternate");
    argv.push_back("die");
    testing::run_checked({.argv = argv, .env = kEnvironment});
    fs::copy(place.journal, kept_ / "journal", fs::copy_options::recursive);
    return {kept_ / "journal", read_text(place.log)};
  }

  // `run(place, kill)` under each of the points, two at a time. A run that does not die must have ended well without
  // making that many calls: runs differ by a call or two, because the other thread's readers come when they come.
  // `must_die` is the share of the points that must really kill.
  template <class Run>
  void enumerate(const std::string& name, const Start& start, const std::vector<KillPoint>& points,
                 double must_die, Run run) {
    std::atomic<std::size_t> next = 0;
    std::atomic<std::size_t> killed = 0;
    std::mutex mutex;
    std::vector<std::thread> workers;
    for (std::size_t worker = 0; worker < kRunsAtOnce; ++worker) {
      workers.emplace_back([&] {
        for (std::size_t i = next++; i < points.size(); i = next++) {
          const Place place(start);
          const std::optional<ExitStatus> status = run(place, points[i]);
          const std::string wrong = status ? Judge(place).judge() : "  the run did not end\n";
          const bool died = status == ExitStatus{-1, SIGKILL};
          killed += died ? 1 : 0;
          const std::lock_guard lock(mutex);
          const std::string where =
              name + ", killed at " + points[i].call + " number " + std::to_string(points[i].nth);
          if (!wrong.empty()) ADD_FAILURE() << where << ":\n" << wrong << read_text(place.output);
          if (!died && status != ExitStatus{0, 0})
            ADD_FAILURE() << where << ": it neither died there nor ended well\n" << read_text(place.output);
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
    std::map<std::string, int> by_call;
    for (const KillPoint& point : points) ++by_call[point.call];
    std::string shares;
    for (const auto& [call, count] : by_call) shares += " " + call + " " + std::to_string(count);
    std::printf("%s: killed at %zu of %zu system calls:%s\n", name.c_str(), killed.load(), points.size(),
                shares.c_str());
    ASSERT_GT(points.size(), 0u) << "nothing was enumerated";
    EXPECT_GE(static_cast<double>(killed.load()), must_die * static_cast<double>(points.size()));
  }

  Scratch kept_;
};

TEST_F(CrashTest, TheThreadThatOpensDeliversAndDropsInANewFolder) {
  const Start start;
  const Place place(start);
  ASSERT_EQ(run_main_thread(place, std::nullopt), (ExitStatus{0, 0})) << read_text(place.output);
  enumerate("opening a new journal", start, kill_points(place.trace, place.journal.string()), kMostMustDie,
            [](const Place& at, const KillPoint& kill) { return run_main_thread(at, kill); });
}

TEST_F(CrashTest, TheThreadThatOpensDeliversAndDropsAfterAnEarlierCrash) {
  const Start start = earlier_life();
  const Place place(start);
  ASSERT_EQ(run_main_thread(place, std::nullopt), (ExitStatus{0, 0})) << read_text(place.output);
  enumerate("opening after a crash", start, kill_points(place.trace, place.journal.string()), kMostMustDie,
            [](const Place& at, const KillPoint& kill) { return run_main_thread(at, kill); });
}

// The first opening after an upgrade: older segments are read, drained and dropped beside new ones.
TEST_F(CrashTest, TheThreadThatOpensDeliversAndDropsAJournalOfVersion1) {
  const fs::path kept = fs::path(STORAGE_FIXTURES) / "v1";
  const Start start{kept / "journal", read_text(kept / "log")};
  const Place place(start);
  ASSERT_EQ(run_main_thread(place, std::nullopt), (ExitStatus{0, 0})) << read_text(place.output);
  enumerate("opening a journal of version 1", start, kill_points(place.trace, place.journal.string()),
            kMostMustDie, [](const Place& at, const KillPoint& kill) { return run_main_thread(at, kill); });
}

TEST_F(CrashTest, TheWriterWithOneEventAfterTheOther) {
  const Start start = earlier_life();
  const Place place(start);
  ASSERT_EQ(run_writer_thread(place, "alternate", std::nullopt), (ExitStatus{0, 0}))
      << read_text(place.output);
  enumerate("writing one by one", start, kill_points(place.trace, ""), kMostMustDie,
            [](const Place& at, const KillPoint& kill) { return run_writer_thread(at, "alternate", kill); });
}

TEST_F(CrashTest, TheWriterWithGroups) {
  const Start start;
  const Place place(start);
  ASSERT_EQ(run_writer_thread(place, "together", std::nullopt), (ExitStatus{0, 0}))
      << read_text(place.output);
  // Groups form as they like, so the last calls of this trace need not exist in every run.
  enumerate("writing groups", start, kill_points(place.trace, ""), 0.5,
            [](const Place& at, const KillPoint& kill) { return run_writer_thread(at, "together", kill); });
}

}  // namespace
}  // namespace hookspool::storage

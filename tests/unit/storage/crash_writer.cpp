// The process that storage_crash_test kills: it lives through everything a journal does and writes down, with
// one write(2) each, what it was promised. Usage: crash_writer FOLDER LOG LIFE alternate|together [wait|die]
//
//   alternate  two threads take turns, so that every run makes the same system calls in the same order
//   together   four threads append at once, so that groups form
//   wait       names its journal's writer thread in the log and waits for SIGUSR1
//   die        ends without closing anything, in the middle of its work
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "storage/journal/journal.h"
#include "tests/unit/storage/crash_workload.h"

namespace hookspool::storage {
namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "crash_writer: %s\n", why.c_str());
  std::exit(2);
}

class Log {
 public:
  explicit Log(const char* file) : fd_(::open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
  void line(const std::string& text) const {
    const std::string with_end = text + "\n";
    if (::write(fd_, with_end.data(), with_end.size()) != static_cast<ssize_t>(with_end.size()))
      give_up("no log");
  }

 private:
  int fd_;
};

// Lets the threads in one after the other, or all at once.
class Turns {
 public:
  Turns(bool strict, std::size_t threads) : strict_(strict), threads_(threads) {}
  template <class Work>
  void take(std::size_t thread, Work work) {
    if (!strict_) return work();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return next_ == thread; });
    work();
    next_ = (next_ + 1) % threads_;
    changed_.notify_all();
  }

 private:
  const bool strict_;
  const std::size_t threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;
};

class Life {
 public:
  Life(const char* folder, const char* log, int number, bool strict)
      : folder_(folder), log_(log), next_event_(number * 1000), strict_(strict) {
    open();
  }

  void open() {
    JournalResult<Journal::Opened> opened = Journal::open(crash_options(folder_));
    if (!opened.ok()) give_up(opened.error().text);
    journal_ = std::move(opened->journal);
  }
  void close() {
    if (const auto closed = journal_->close(); !closed.ok()) give_up(closed.error().text);
    journal_.reset();
  }

  void wait_for_the_signal() {
    std::string writer;
    while (writer.empty()) {  // until it has given itself its name
      for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::getline(std::ifstream(entry.path() / "comm"), name);
        if (name == "journal") writer = entry.path().filename().string();
      }
    }
    log_.line("writer " + writer);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int received = 0;
    sigwait(&set, &received);
  }

  void append(int each) {
    const std::size_t threads = strict_ ? 2 : 4;
    Turns turns(strict_, threads);
    std::vector<std::thread> running;
    for (std::size_t thread = 0; thread < threads; ++thread) {
      running.emplace_back([&, thread] {
        const std::string lane = thread % 2 == 0 ? "a" : "b";
        const int first = next_event_ + static_cast<int>(thread) * each;
        for (int n = first; n < first + each; ++n) turns.take(thread, [&] { append_one(lane, n); });
      });
    }
    for (std::thread& thread : running) thread.join();
    next_event_ += static_cast<int>(threads) * each;
  }

  // As a lane does it: read what is there, have it delivered, confirm it.
  void deliver(const std::string& lane) {
    for (const LaneRun& run : journal_->runs(lane)) {
      for (std::uint64_t next = std::max(run.first_seq, run.confirmed.seq + 1); next <= run.last_seq;) {
        const auto events = journal_->read(lane, run.epoch, next, 5, 1 << 20);
        if (!events.ok()) give_up(events.error().text);
        next += events->size();
        const Position position{events->back()->seq, events->back()->id};
        log_.line("passed " + run.epoch.to_string() + " " + lane + " " + std::to_string(position.seq));
        journal_->confirm(lane, run.epoch, position);
      }
    }
  }

  void save_cursors() {
    if (const auto saved = journal_->admin().save_cursors(); !saved.ok()) give_up(saved.error().text);
  }
  void rotate() {
    if (const auto rotated = journal_->admin().rotate(); !rotated.ok()) give_up(rotated.error().text);
  }
  void drop_delivered() {
    for (const SegmentInfo& segment : journal_->admin().segments()) {
      if (segment.active || !segment.delivered) continue;
      if (const auto dropped = journal_->admin().drop_segment(segment.number); !dropped.ok())
        give_up(dropped.error().text);
    }
  }

 private:
  void append_one(const std::string& lane, int n) {
    const auto stored = journal_->append(crash_event(lane, n));
    if (!stored.ok()) give_up(stored.error().text);
    const StoredEvent& event = **stored;
    log_.line("ack " + event.id.to_string() + " " + event.epoch.to_string() + " " + lane + " " +
              std::to_string(event.seq) + " " + std::to_string(n));
  }

  const std::filesystem::path folder_;
  const Log log_;
  int next_event_;
  const bool strict_;
  std::unique_ptr<Journal> journal_;
};

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 5) give_up("FOLDER LOG LIFE alternate|together [wait|die]");
  const std::string how = arguments.size() > 5 ? arguments[5] : "";
  Life life(arguments[1].c_str(), arguments[2].c_str(), std::stoi(arguments[3]), arguments[4] == "alternate");
  if (how == "wait") life.wait_for_the_signal();
  life.append(6);
  life.deliver("a");
  if (how == "die") ::_exit(0);
  life.deliver("b");
  life.drop_delivered();
  life.append(4);
  life.deliver("a");
  life.save_cursors();
  life.drop_delivered();
  life.close();

  life.open();
  life.deliver("b");
  life.append(2);
  life.deliver("a");
  life.deliver("b");
  life.rotate();
  life.drop_delivered();  // nothing is left but the greatest id
  life.append(2);
  life.close();
  return 0;
}

}  // namespace
}  // namespace hookspool::storage

int main(int argc, char** argv) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);  // strace comes to one thread of it
  return hookspool::storage::run(std::vector<std::string>(argv, argv + argc));
}

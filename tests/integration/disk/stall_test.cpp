// The disk takes its time, or none moves at all; and systemd's watchdog, which must tell a slow disk from a process
// that is stuck.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <thread>

#include "tests/integration/disk/fixture.h"

namespace hookspool::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// systemd's end of the notification socket. Thread-safe.
class Manager {
 public:
  Manager() : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path().c_str());
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot bind " + path());
    timeval limit{.tv_sec = 0, .tv_usec = 50'000};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~Manager() {
    thread_ = {};
    close(fd_);
  }
  std::string path() const { return (folder_ / "notify").string(); }
  int fed() const { return fed_; }
  bool wait_fed(int more) const {
    const int goal = fed_ + more;
    return wait_until(seconds(30), [&] { return fed_ >= goal; });
  }
  // No word for so long; false if it goes on for half a minute.
  bool wait_silence(milliseconds time) const {
    int last = fed_;
    auto since = std::chrono::steady_clock::now();
    return wait_until(seconds(30), [&] {
      const auto now = std::chrono::steady_clock::now();
      if (fed_ != last) since = now;
      last = fed_;
      return now - since >= time;
    });
  }
  std::map<std::string, std::optional<std::string>> env(milliseconds watchdog) const {
    return {{"NOTIFY_SOCKET", path()}, {"WATCHDOG_USEC", std::to_string(watchdog.count() * 1000)}};
  }

 private:
  void run(const std::stop_token& stop) {
    std::array<char, 4096> text{};
    while (!stop.stop_requested()) {
      const ssize_t size = recv(fd_, text.data(), text.size(), 0);
      if (size > 0 && std::string_view(text.data(), static_cast<std::size_t>(size)) == "WATCHDOG=1") ++fed_;
    }
  }

  TempFolder folder_{"hookspool-notify"};
  int fd_;
  std::atomic<int> fed_ = 0;
  std::jthread thread_;
};

constexpr milliseconds kWatchdog{2'000};

class Stall : public FaultyDisk {
 protected:
  AgentProcess& start_watched(std::unique_ptr<Volume> volume) {
    return start(std::move(volume), "", [this](AgentOptions& options) {
      options.env = manager_.env(kWatchdog);
      options.env["WATCHDOG_PID"] = std::nullopt;
    });
  }
  Manager manager_;
};

TEST_F(Stall, SyncsOfASecondSlowDownTheAnswersAndNothingElse) {
  AgentProcess& agent = start_watched(nullptr);
  Load& load = post();
  {
    const Injector fault(agent.pid(), {.thread = "journal", .faults = {"fdatasync:delay_enter=1000000"}});
    fault.wait_hits(2);
    EXPECT_TRUE(load.wait_acknowledged(3 * 2 * kConnections));
    EXPECT_TRUE(manager_.wait_fed(2));
    EXPECT_GE(agent.health_number("/journal/commit_ms/last"), 1000) << agent.health();
    EXPECT_TRUE(ready());
  }
  EXPECT_EQ(load.counts().fail + load.counts().unknown, 0u) << "a slow disk reached the senders as an error";
  expect_all_kept();
}

TEST_F(Stall, AFrozenDiskAcknowledgesNothingAndFeedsTheWatchdog) {
  AgentProcess& agent = start_watched(Volume::ext4(64));
  Load& load = post();
  if (volume_->is_ext4()) {
    volume_->freeze_for(seconds(5));
  } else {
    std::cout << "tmpfs cannot be frozen: the writer's syncs wait instead\n";
  }
  std::optional<Injector> wait;
  if (!volume_->is_ext4())
    wait.emplace(agent.pid(),
                 Injection{.thread = "journal", .faults = {"pwrite64:delay_enter=5000000:when=1"}});
  // What was synced before may still be answered: one request of each connection.
  const LoadCounts frozen = load.counts();
  EXPECT_TRUE(manager_.wait_fed(3));
  EXPECT_LE(load.counts().ok, frozen.ok + 2 * kConnections) << "acknowledged on a frozen disk";
  EXPECT_EQ(agent.health("/postgres/up"), "true") << "a request must be answered";
  volume_->wait_thawed();
  wait.reset();
  EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  EXPECT_TRUE(ready());
  expect_all_kept();
}

// A disk that stops must not keep the main thread from feeding the watchdog, so that one asks no file and no file system.
TEST_F(Stall, TheMainThreadTouchesNoFile) {
  AgentProcess& agent = start_watched(nullptr);
  Load& load = post();
  {
    const Injector fault(agent.pid(),
                         {.thread = "hookspool",
                          .faults = {"openat,pread64,pwrite64,read,write,statfs,newfstatat,fcntl,fsync,"
                                     "fdatasync,unlink,rename,ftruncate:delay_enter=1000"}});
    EXPECT_TRUE(manager_.wait_fed(4));
    ::kill(agent.pid(), SIGHUP);
    EXPECT_TRUE(
        wait_until(seconds(20), [&] { return agent.log().find("reload: done") != std::string::npos; }));
    EXPECT_TRUE(manager_.wait_fed(1));
    EXPECT_EQ(fault.hits(), 0u);
  }
  EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  expect_all_kept();
}

// What may take minutes has a thread of its own: cursors, retention and the watchdog do not wait for it.
TEST_F(Stall, ChoresThatDoNotGetOnHoldUpNothing) {
  AgentProcess& agent = start(nullptr, "max_bytes = \"32MiB\"\n", [this](AgentOptions& options) {
    options.env = manager_.env(kWatchdog);
    options.env["WATCHDOG_PID"] = std::nullopt;
  });
  Load& load = post();
  {
    const Injector fault(agent.pid(), {.thread = "chores", .faults = {"futex:delay_enter=600000000"}});
    fault.wait_delayed();
    EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
    EXPECT_TRUE(manager_.wait_fed(4));
    EXPECT_TRUE(wait_until(seconds(30), [&] { return agent.health_number("/journal/segments") <= 2; }))
        << agent.health();
  }
  expect_all_kept();
}

// The writer is held where it waits for work: no disk is to blame, and nothing gets on.
TEST_F(Stall, AStuckWriterIsNoLongerVouchedFor) {
  AgentProcess& agent = start_watched(nullptr);
  Load& load = post();
  EXPECT_TRUE(manager_.wait_fed(1));
  {
    const Injector fault(agent.pid(), {.thread = "journal", .faults = {"futex:delay_enter=600000000"}});
    EXPECT_TRUE(manager_.wait_silence(2 * kWatchdog)) << "the watchdog is fed by a process that is stuck";
    EXPECT_NE(agent.log().find("watchdog is not fed"), std::string::npos);
  }
  EXPECT_TRUE(manager_.wait_fed(1));
  EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  expect_all_kept();
}

}  // namespace
}  // namespace hookspool::testing

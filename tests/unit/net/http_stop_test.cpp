// What meets in one turn of the loop. The loop's thread is held by a signal while the parts are put in place, so that
// each interleaving happens every time.
#include <dirent.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "net/http/server.h"
#include "tests/support/wait.h"
#include "tests/unit/net/http_fixture.h"
#include "tests/unit/net/http_raw_client.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::echo;
using testing::post;
using testing::RawClient;
using testing::serve;
using testing::wait_until;

pid_t thread_named(const std::string& name) {
  pid_t found = 0;
  DIR* const folder = ::opendir("/proc/self/task");
  while (const dirent* entry = ::readdir(folder)) {
    std::ifstream file("/proc/self/task/" + std::string(entry->d_name) + "/comm");
    std::string line;
    if (std::getline(file, line) && line == name) found = static_cast<pid_t>(std::stol(entry->d_name));
  }
  ::closedir(folder);
  return found;
}

std::atomic<bool> held{false};
std::atomic<bool> release{false};

// Holds the only loop of this process from construction to destruction.
class HeldLoop {
 public:
  HeldLoop() {
    struct sigaction action {};
    action.sa_handler = [](int) {
      held = true;
      while (!release) ::usleep(1000);
      held = false;
    };
    ::sigaction(SIGUSR1, &action, nullptr);
    release = false;
    ::syscall(SYS_tgkill, ::getpid(), thread_named("http-loop"), SIGUSR1);
    EXPECT_TRUE(wait_until(seconds(10), [] { return held.load(); }));
  }
  ~HeldLoop() {
    release = true;
    EXPECT_TRUE(wait_until(seconds(10), [] { return !held; }));
  }
  HeldLoop(const HeldLoop&) = delete;
  HeldLoop& operator=(const HeldLoop&) = delete;
};

// Stopping looks at every connection once more. Bytes that one of them brings may need the room of another one, which
// then is gone before its turn comes.
TEST(HttpStop, SurvivesAnEvictionWhileItWindsDown) {
  constexpr int kPairs = 8;
  constexpr std::size_t kBody = 100'000;
  HttpOptions options;
  options.body_bytes_max = kBody;
  options.bytes_in_flight_max = kBody * kPairs;
  auto server = serve(echo, options);
  std::vector<RawClient> greedy, holders;
  const std::string request = post(std::string(kBody, 'x'));
  for (int i = 0; i < kPairs; ++i) {
    greedy.emplace_back(server->port());
    holders.emplace_back(server->port()).send(request.substr(0, 60'000));
  }
  ASSERT_TRUE(wait_until(seconds(10), [&] { return server->stats().connections == 2 * kPairs; }));
  std::thread stopper;
  {
    // Long enough for the holders to be evictable.
    ASSERT_FALSE(wait_until(milliseconds(400), [&] { return server->stats().connections_evicted > 0; }));
    const HeldLoop hold;
    for (RawClient& client : greedy) EXPECT_TRUE(client.send(request));
    std::atomic<bool> stopping{false};
    stopper = std::thread([&] {
      stopping = true;
      server->stop(seconds(20));
    });
    EXPECT_TRUE(wait_until(seconds(5), [&] { return stopping.load(); }));
    ::usleep(50'000);  // stop() has no sign of its own before the loop goes on
  }
  int whole = 0;
  for (RawClient& client : greedy) {
    const auto answer = client.read_answer();
    if (answer && answer->status == 200) ++whole;
  }
  stopper.join();
  EXPECT_GT(server->stats().connections_evicted, 0u);
  EXPECT_GT(whole, 0);
}

// The request that a sender writes in the moment when its idle connection is to be closed.
TEST(HttpIdle, ARequestInTheLastMomentIsAnswered) {
  HttpOptions options;
  options.idle_deadline = milliseconds(300);
  auto server = serve(echo, options);
  RawClient client(server->port());
  client.send(post("first"));
  ASSERT_EQ(client.read_answer().value().body, "first");
  {
    const HeldLoop hold;
    ::usleep(400'000);  // the deadline passes while nothing is read
    EXPECT_TRUE(client.send(post("second")));
  }
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "second");
  EXPECT_TRUE(client.sees_end()) << "then idle for too long";
}

// Line ends are no request, and buy no time.
TEST(HttpIdle, LineEndsDoNotMoveTheDeadline) {
  HttpOptions options;
  options.idle_deadline = milliseconds(500);
  auto server = serve(echo, options);
  RawClient client(server->port());
  client.send(post("first") + "\r\n");
  ASSERT_EQ(client.read_answer().value().body, "first");
  client.send("\r\n");
  EXPECT_TRUE(client.sees_end()) << "without a 408: nothing had begun";
  EXPECT_EQ(server->stats().refused, 0u);
  RawClient kept(server->port());
  kept.send("\r\n" + post("one") + "\r\n");
  EXPECT_EQ(kept.read_answer().value().body, "one");
  kept.send(post("two"));
  EXPECT_EQ(kept.read_answer().value().body, "two");
}

// One that is turned away beyond those that are kept open for their 503. What it has sent is read up to a limit, so that
// an endless sender does not keep the loop; closing a socket with more in it is a reset.
TEST(HttpShed, AnEndlessSenderIsNotReadToItsEnd) {
  constexpr int kShed = 64;
  HttpOptions options;
  options.connections_per_address_max = 1;
  options.without_address_limit = Networks();
  auto server = serve(echo, options);
  RawClient genuine(server->port());
  genuine.send(post("x"));
  ASSERT_TRUE(genuine.read_answer());
  std::vector<RawClient> shed;
  const std::string block(1u << 20, 'x');
  {
    const HeldLoop hold;
    for (int i = 0; i <= kShed; ++i) shed.emplace_back(server->port());
    std::size_t sent = 0;
    EXPECT_TRUE(wait_until(seconds(10), [&] {
      const auto n = ::send(shed.back().fd(), block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      sent += n > 0 ? static_cast<std::size_t>(n) : 0;
      return sent > 512 * 1024;
    }));
  }
  EXPECT_TRUE(wait_until(seconds(10), [&] {
    pollfd state{shed.back().fd(), 0, 0};
    return ::poll(&state, 1, 0) == 1 && (state.revents & POLLHUP) != 0;
  })) << "all that it had sent was read";
  genuine.send(post("y"));
  EXPECT_EQ(genuine.read_answer().value().body, "y");
}

}  // namespace
}  // namespace hookspool::net

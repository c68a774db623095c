#include "tests/support/cut_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <future>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/free_port.h"

namespace hookspool::testing {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kChunkBytes = 64 * 1024;
constexpr std::size_t kBufferedBytesMax = 1024 * 1024;  // of one direction of one connection

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

void prepare(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  fcntl(fd, F_SETFL, O_NONBLOCK);
}

struct Chunk {
  Clock::time_point due;
  std::string bytes;
};

// One direction of one connection: from a socket, over a queue, to a socket.
struct Pipe {
  int from = -1;
  int to = -1;
  std::deque<Chunk> chunks;
  std::size_t buffered = 0;
  bool ended = false;       // the sender will send no more
  bool end_passed = false;  // and the receiver knows
  bool lossy = false;       // bytes were dropped
};

struct Link {
  std::array<Pipe, 2> pipes;            // by Direction
  std::optional<Cut> cut_when_flushed;  // of what was let through before the cut
  bool dead = false;
};

// What is to happen to one direction, of all connections together.
struct Rule {
  std::optional<std::uint64_t> cut_after;
  Cut how = Cut::kReset;
  std::optional<std::uint64_t> swallow_after;
  bool stalled = false;
};

}  // namespace

class CutProxy::Loop {
 public:
  explicit Loop(int target_port)
      : target_port_(target_port), port_(free_port()), wake_(eventfd(0, EFD_NONBLOCK)) {
    open_listener();
    if (listener_ < 0) throw std::runtime_error("proxy cannot listen on port " + std::to_string(port_));
    thread_ = std::thread([this] { run(); });
  }
  ~Loop() {
    command([this] { stopping_ = true; });
    thread_.join();
    for (Link& link : links_) end(link, Cut::kReset);
    if (listener_ >= 0) close(listener_);
    close(wake_);
  }

  int port() const { return port_; }

  // Runs `action` on the proxy's thread, which owns all state, and waits for it.
  void command(std::function<void()> action) {
    std::packaged_task<void()> task(std::move(action));
    std::future<void> done = task.get_future();
    {
      const std::lock_guard lock(mutex_);
      commands_.push_back(std::move(task));
    }
    const std::uint64_t one = 1;
    if (write(wake_, &one, sizeof(one)) < 0) throw std::runtime_error("proxy: eventfd");
    done.get();
  }

  Rule& rule(Direction direction) { return rules_[static_cast<std::size_t>(direction)]; }

  void open_listener() {
    if (listener_ >= 0) return;
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const sockaddr_in address = loopback(port_);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(listener_, 128) != 0) {
      close(listener_);
      listener_ = -1;
    }
  }
  void close_listener() {
    if (listener_ >= 0) close(listener_);
    listener_ = -1;
  }
  void cut_all(Cut how) {
    for (Link& link : links_) {
      end(link, how);
      ++counts_.cuts;
    }
    links_.clear();
  }
  void reset() {
    rules_ = {};
    delay_ = {};
    for (Link& link : links_) {
      if (link.pipes[0].lossy || link.pipes[1].lossy) end(link, Cut::kReset);
    }
    links_.remove_if([](const Link& link) { return link.dead; });
    open_listener();
  }
  void set_delay(std::chrono::milliseconds by) { delay_ = by; }
  CutProxyCounts counts() const {
    CutProxyCounts counts = counts_;
    counts.open = links_.size();
    return counts;
  }

 private:
  void run() {
    while (!stopping_) {
      wait_for_something();
      run_commands();
      if (listener_ >= 0) accept_all();
      for (Link& link : links_) {
        for (std::size_t direction = 0; direction < 2 && !link.dead; ++direction) serve(link, direction);
      }
      links_.remove_if([](const Link& link) { return link.dead; });
    }
    run_commands();
  }

  bool wants_input(const Link& link, std::size_t direction) const {
    const Pipe& pipe = link.pipes[direction];
    return !pipe.ended && !link.cut_when_flushed && !rules_[direction].stalled &&
           pipe.buffered < kBufferedBytesMax;
  }

  void wait_for_something() {
    std::vector<pollfd> fds{{wake_, POLLIN, 0}};
    if (listener_ >= 0) fds.push_back({listener_, POLLIN, 0});
    std::optional<Clock::time_point> next;
    const Clock::time_point now = Clock::now();
    for (const Link& link : links_) {
      for (std::size_t direction = 0; direction < 2; ++direction) {
        const Pipe& pipe = link.pipes[direction];
        if (wants_input(link, direction)) fds.push_back({pipe.from, POLLIN, 0});
        if (pipe.chunks.empty()) continue;
        if (pipe.chunks.front().due <= now) {
          fds.push_back({pipe.to, POLLOUT, 0});
        } else {
          next = std::min(next.value_or(pipe.chunks.front().due), pipe.chunks.front().due);
        }
      }
    }
    int timeout_ms = -1;
    if (next) {
      timeout_ms = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(*next - now).count());
    }
    poll(fds.data(), fds.size(), timeout_ms);
  }

  void run_commands() {
    std::uint64_t ignored = 0;
    if (read(wake_, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN) stopping_ = true;
    std::deque<std::packaged_task<void()>> commands;
    {
      const std::lock_guard lock(mutex_);
      commands.swap(commands_);
    }
    for (auto& task : commands) task();
  }

  void accept_all() {
    for (;;) {
      const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      ++counts_.connections;
      const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_in address = loopback(target_port_);
      Link link;
      link.pipes[0].from = link.pipes[1].to = client;
      link.pipes[0].to = link.pipes[1].from = server;
      if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        end(link, Cut::kReset);
        continue;
      }
      prepare(client);
      prepare(server);
      links_.push_back(std::move(link));
    }
  }

  void serve(Link& link, std::size_t direction) {
    Pipe& pipe = link.pipes[direction];
    if (wants_input(link, direction)) take(link, direction);
    flush(link, pipe);
    if (link.dead) return;
    if (link.cut_when_flushed && link.pipes[0].chunks.empty() && link.pipes[1].chunks.empty()) {
      end(link, *link.cut_when_flushed);
      ++counts_.cuts;
      return;
    }
    if (pipe.ended && pipe.chunks.empty() && !pipe.end_passed) {
      shutdown(pipe.to, SHUT_WR);
      pipe.end_passed = true;
    }
    if (link.pipes[0].end_passed && link.pipes[1].end_passed) end(link, Cut::kFin);
  }

  void take(Link& link, std::size_t direction) {
    Pipe& pipe = link.pipes[direction];
    std::string bytes(kChunkBytes, '\0');
    const ssize_t n = recv(pipe.from, bytes.data(), bytes.size(), 0);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) end(link, Cut::kReset);
      return;
    }
    if (n == 0) {
      pipe.ended = true;
      return;
    }
    bytes.resize(static_cast<std::size_t>(n));
    (direction == 0 ? counts_.bytes_to_server : counts_.bytes_to_client) += bytes.size();
    apply(rules_[direction], link, pipe, bytes);
    if (bytes.empty()) return;
    pipe.buffered += bytes.size();
    pipe.chunks.push_back({Clock::now() + delay_, std::move(bytes)});
  }

  static void apply(Rule& rule, Link& link, Pipe& pipe, std::string& bytes) {
    if (rule.swallow_after) {
      const std::size_t passed = std::min<std::size_t>(*rule.swallow_after, bytes.size());
      *rule.swallow_after -= passed;
      if (passed < bytes.size()) pipe.lossy = true;
      bytes.resize(passed);
    }
    if (rule.cut_after) {
      if (bytes.size() < *rule.cut_after) {
        *rule.cut_after -= bytes.size();
      } else {
        bytes.resize(*rule.cut_after);
        link.cut_when_flushed = rule.how;
        rule.cut_after.reset();
      }
    }
  }

  void flush(Link& link, Pipe& pipe) {
    while (!pipe.chunks.empty() && pipe.chunks.front().due <= Clock::now()) {
      std::string& bytes = pipe.chunks.front().bytes;
      const ssize_t n = send(pipe.to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) end(link, Cut::kReset);
        return;
      }
      pipe.buffered -= static_cast<std::size_t>(n);
      bytes.erase(0, static_cast<std::size_t>(n));
      if (bytes.empty()) pipe.chunks.pop_front();
    }
  }

  static void end(Link& link, Cut how) {
    if (link.dead) return;
    for (const Pipe& pipe : link.pipes) {
      if (how == Cut::kReset) {
        const linger now{1, 0};
        setsockopt(pipe.from, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
      }
      close(pipe.from);
    }
    link.dead = true;
  }

  const int target_port_;
  const int port_;
  const int wake_;
  std::mutex mutex_;  // of commands_; everything below belongs to the thread
  std::deque<std::packaged_task<void()>> commands_;
  int listener_ = -1;
  std::list<Link> links_;
  std::array<Rule, 2> rules_;
  std::chrono::milliseconds delay_{0};
  CutProxyCounts counts_;
  bool stopping_ = false;
  std::thread thread_;
};

CutProxy::CutProxy(int target_port) : loop_(std::make_unique<Loop>(target_port)) {}
CutProxy::~CutProxy() = default;

int CutProxy::port() const {
  return loop_->port();
}

void CutProxy::cut_after(Direction direction, std::uint64_t bytes, Cut how) {
  loop_->command([&] {
    loop_->rule(direction).cut_after = bytes;
    loop_->rule(direction).how = how;
  });
}

void CutProxy::cut_all(Cut how) {
  loop_->command([&] { loop_->cut_all(how); });
}

void CutProxy::swallow_after(Direction direction, std::uint64_t bytes) {
  loop_->command([&] { loop_->rule(direction).swallow_after = bytes; });
}

void CutProxy::stall(Direction direction) {
  loop_->command([&] { loop_->rule(direction).stalled = true; });
}

void CutProxy::refuse() {
  loop_->command([&] { loop_->close_listener(); });
}

void CutProxy::accept_again() {
  loop_->command([&] { loop_->open_listener(); });
}

void CutProxy::delay(std::chrono::milliseconds by) {
  loop_->command([&] { loop_->set_delay(by); });
}

void CutProxy::reset() {
  loop_->command([&] { loop_->reset(); });
}

CutProxyCounts CutProxy::counts() const {
  CutProxyCounts counts;
  loop_->command([&] { counts = loop_->counts(); });
  return counts;
}

}  // namespace hookspool::testing

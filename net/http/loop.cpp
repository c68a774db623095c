#include "net/http/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kReadBytes = 64 * 1024;  // one read
constexpr int kAcceptsPerTurn = 64;
constexpr int kEventsPerTurn = 256;
constexpr milliseconds kAcceptPause{100};        // after accept failed for want of descriptors or memory
constexpr std::size_t kShedConnectionsMax = 64;  // open beyond connections_max, only to be answered 503

constexpr std::uint64_t kListenerId = 0;
constexpr std::uint64_t kWakeId = 1;
constexpr std::uint64_t kFirstConnectionId = 2;

constexpr Refusal kSlowHead{408, "the head of the request took too long"};
constexpr Refusal kSlowRequest{408, "the request took too long"};
constexpr Refusal kFull{503, "too many connections"};

bool add_to_epoll(int epoll, int fd, std::uint64_t id, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Loop::Loop(const HttpOptions& options, Listener listener, Counters& counters)
    : options_(options),
      limits_{options.head_bytes_max, options.header_lines_max, options.path_bytes_max,
              options.body_bytes_max},
      budget_(std::max(options.bytes_in_flight_max, options.body_bytes_max)),
      listener_(std::move(listener)),
      counters_(counters),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      next_id_(kFirstConnectionId),
      scratch_(kReadBytes) {}

Result<std::unique_ptr<Loop>, HttpError> Loop::make(const HttpOptions& options, Listener listener,
                                                    Counters& counters) {
  std::unique_ptr<Loop> loop(new Loop(options, std::move(listener), counters));
  if (!loop->epoll_.is_open() || !loop->wake_.is_open() ||
      !add_to_epoll(loop->epoll_.get(), loop->listener_.fd(), kListenerId, EPOLLIN) ||
      // Edge-triggered: each write is an event of its own, and the counter never has to be read.
      !add_to_epoll(loop->epoll_.get(), loop->wake_.get(), kWakeId, EPOLLIN | EPOLLET))
    return fail(HttpError{HttpError::Kind::kSystem, "cannot watch the connections of " + options.listen +
                                                        ": " + std::generic_category().message(errno)});
  return loop;
}

void Loop::run(const Submit& submit) {
  std::array<epoll_event, kEventsPerTurn> events{};
  std::vector<std::uint64_t> turns;
  for (now_ = Clock::now(); !stop_is_over();) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, wait_ms());
    now_ = Clock::now();
    take_finished();
    turns.swap(unfinished_turns_);
    for (int i = 0; i < count; ++i)
      dispatch(events[static_cast<std::size_t>(i)].data.u64, events[static_cast<std::size_t>(i)].events);
    for (const std::uint64_t id : turns) {
      const auto found = connections_.find(id);
      if (found == connections_.end()) continue;
      found->second->turn_queued = false;
      turn(*found->second);
    }
    turns.clear();
    expire_deadlines();
    if (!jobs_.empty()) submit(jobs_);
  }
  // What is left has outlived the grace. A descriptor that a worker still has stays open until the loop goes.
  for (auto it = connections_.begin(); it != connections_.end();) {
    ClientConnection& connection = *(it++)->second;
    if (connection.state != ClientConnection::State::kHandled) remove(connection);
  }
}

int Loop::wait_ms() const {
  if (!unfinished_turns_.empty()) return 0;
  Clock::time_point next = std::min(deadlines_.next(), accept_again_at_);
  if (stopping_) next = std::min(next, stop_at_);
  if (next == Clock::time_point::max()) return -1;
  const auto wait = std::chrono::ceil<milliseconds>(next - now_).count();
  return static_cast<int>(std::clamp<std::int64_t>(wait, 0, 60'000));
}

void Loop::dispatch(std::uint64_t id, std::uint32_t events) {
  if (id == kListenerId) return accept_some();
  if (id == kWakeId) return;  // its news was fetched at the start of this turn
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  ClientConnection& connection = *found->second;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection.readable = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection.hung_up = true;
  turn(connection);
}

void Loop::give_back(Finished finished) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    finished_.push_back(std::move(finished));
    wake = !std::exchange(wake_sent_, true);
  }
  if (wake) ::eventfd_write(wake_.get(), 1);
}

void Loop::stop(Clock::time_point until) {
  const std::lock_guard lock(mutex_);
  stop_asked_ = true;
  stop_until_ = until;
  ::eventfd_write(wake_.get(), 1);
}

void Loop::take_finished() {
  std::vector<Finished> finished;
  bool stop_asked = false;
  {
    const std::lock_guard lock(mutex_);
    finished.swap(finished_);
    wake_sent_ = false;
    stop_asked = stop_asked_;
    stop_at_ = stop_until_;
  }
  for (Finished& one : finished) {
    ClientConnection& connection = *connections_.at(one.connection_id);
    if (one.broken) {
      remove(connection);
    } else if (one.sent < one.answer.size()) {
      connection.state = ClientConnection::State::kWriting;
      connection.unsent = std::move(one.answer);
      connection.unsent_from = one.sent;
      connection.close_after_answer = one.close;
      deadlines_.set(connection.id, connection.timer, now_ + options_.answer_deadline);
      watch(connection, true);
    } else {
      answered(connection, one.close);
    }
  }
  if (stop_asked && !stopping_) begin_stop();
}

void Loop::expire_deadlines() {
  if (accept_again_at_ <= now_) pause_accepting(false);
  while (const auto id = deadlines_.pop(now_)) {
    ClientConnection& connection = *connections_.at(*id);
    if (!deadlines_.settle(*id, connection.timer, now_)) continue;
    if (connection.state != ClientConnection::State::kReading) {
      remove(connection);
    } else if (connection.reader.phase() == RequestReader::Phase::kIdle) {
      remove(connection);
    } else {
      refuse(connection, connection.reader.phase() == RequestReader::Phase::kHead ? kSlowHead : kSlowRequest);
    }
  }
}

void Loop::begin_stop() {
  // What has arrived in whole before this moment is still answered: one last look at the queue and at each
  // socket.
  accept_some();
  stopping_ = true;
  listener_.close();
  accept_again_at_ = Clock::time_point::max();
  std::vector<std::uint64_t> ids;
  ids.reserve(connections_.size());
  for (const auto& entry : connections_) ids.push_back(entry.first);
  for (const std::uint64_t id : ids) wind_down(id);
}

bool Loop::stop_is_over() const {
  return stopping_ && (connections_.empty() || now_ >= stop_at_);
}

void Loop::accept_some() {
  if (stopping_) return;
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    std::string remote_addr;
    Fd fd = listener_.accept(remote_addr);
    if (fd.is_open()) {
      add(std::move(fd), std::move(remote_addr));
      continue;
    }
    switch (errno) {
      case EAGAIN:
        return;
      case EINTR:
      case ECONNABORTED:
      case EPROTO:
      case ENETDOWN:
      case ENETUNREACH:
      case EHOSTDOWN:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENOPROTOOPT:
        continue;  // this one connection failed on its way in
      default:
        // No descriptors or no memory: the listener stays readable, so asking again at once would spin.
        pause_accepting(true);
        return;
    }
  }
}

void Loop::pause_accepting(bool pause) {
  epoll_event event{};
  if (!pause) event.events = EPOLLIN;
  event.data.u64 = kListenerId;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_.fd(), &event);
  accept_again_at_ = pause ? now_ + kAcceptPause : Clock::time_point::max();
}

void Loop::add(Fd fd, std::string remote_addr) {
  const bool shed = connections_.size() - shed_open_ >= options_.connections_max;
  if (shed) ++counters_.connections_refused;
  if (shed && shed_open_ >= kShedConnectionsMax) {
    std::size_t sent = 0;
    send_some(fd.get(), refusal_answer(kFull), sent);
    return;
  }
  const std::uint64_t id = next_id_++;
  auto owned =
      std::make_unique<ClientConnection>(id, std::move(fd), std::move(remote_addr), limits_, budget_);
  ClientConnection& connection = *owned;
  if (!add_to_epoll(epoll_.get(), connection.fd.get(), id, EPOLLIN | EPOLLRDHUP | EPOLLET)) return;
  connections_.emplace(id, std::move(owned));
  connection.shed = shed;
  shed_open_ += shed ? 1 : 0;
  counters_.connections = connections_.size();
  if (shed) {
    refuse(connection, kFull);
  } else {
    deadlines_.set(id, connection.timer, now_ + options_.idle_deadline);
  }
}

}  // namespace hookspool::net

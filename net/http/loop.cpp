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
constexpr int kEventsPerTurn = 256;
constexpr milliseconds kStopLinger{1000};  // stopping: for a request that is on its way

constexpr Refusal kSlowHead{408, "the head of the request took too long"};
constexpr Refusal kSlowRequest{408, "the request took too long"};
constexpr Refusal kStopping{503, "the agent is stopping; send again later"};
constexpr Refusal kBusy{503, "too many requests at once; send again later"};

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
      reserve_(spare_descriptor()),
      scratch_(kReadBytes) {}

Result<std::unique_ptr<Loop>, HttpError> Loop::make(const HttpOptions& options, Listener listener,
                                                    Counters& counters) {
  std::unique_ptr<Loop> loop(new Loop(options, std::move(listener), counters));
  if (!loop->epoll_.is_open() || !loop->wake_.is_open() ||
      !loop->add_to_epoll(loop->listener_.fd(), kListenerId, EPOLLIN) ||
      // Edge-triggered: each write is an event of its own, and the counter never has to be read.
      !loop->add_to_epoll(loop->wake_.get(), kWakeId, EPOLLIN | EPOLLET))
    return fail(HttpError{HttpError::Kind::kSystem, "cannot watch the connections of " + options.listen +
                                                        ": " + std::generic_category().message(errno)});
  return loop;
}

void Loop::run(WorkerPool& workers) {
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
    expire_deadlines(workers);
    if (!jobs_.empty()) workers.submit(jobs_);
  }
  // What is left has outlived the grace. A descriptor that a worker still has stays open until the loop goes.
  for (auto it = connections_.begin(); it != connections_.end();) {
    ClientConnection& connection = *(it++)->second;
    if (connection.state != ClientConnection::State::kHandled)
      remove(connection);
    else
      left_one_handled_ = true;
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
  if ((events & EPOLLOUT) != 0 && std::exchange(connection.wants_write, false)) {
    watch(connection, false);
    connection.readable = true;
  }
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

void Loop::set_tls(std::shared_ptr<const TlsContext> tls) {
  const std::lock_guard lock(mutex_);
  tls_ = std::move(tls);
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
      crowd_.move(connection.place, Crowd::Rank::kRegular, now_);
      deadlines_.set(connection.id, connection.timer, now_ + options_.answer_deadline);
      watch(connection, true);
    } else {
      answered(connection, one.close);
    }
  }
  if (stop_asked && !stopping_) begin_stop();
}

void Loop::expire_deadlines(WorkerPool& workers) {
  if (accept_again_at_ <= now_) pause_accepting(false);
  while (const auto id = deadlines_.pop(now_)) {
    ClientConnection& connection = *connections_.at(*id);
    if (deadlines_.settle(*id, connection.timer, now_)) expire(connection, workers);
  }
}

void Loop::expire(ClientConnection& connection, WorkerPool& workers) {
  switch (connection.state) {
    case ClientConnection::State::kHandled:
      return shed_waiting(workers);
    case ClientConnection::State::kWriting:
    case ClientConnection::State::kDraining:
      return remove(connection);
    case ClientConnection::State::kReading:
      break;
  }
  switch (connection.reader.phase()) {
    case RequestReader::Phase::kIdle:
      return remove(connection);
    case RequestReader::Phase::kHead:
      return refuse(connection, stopping_ ? kStopping : kSlowHead);
    default:
      return refuse(connection, stopping_ ? kStopping : kSlowRequest);
  }
}

// An answer that says "later" while the sender still listens is better than a good one after it has gone. A
// request that a worker has already taken is left to it.
void Loop::shed_waiting(WorkerPool& workers) {
  for (const Job& job : workers.take_back(now_ - options_.worker_deadline)) {
    ++counters_.requests_shed;
    ClientConnection& connection = *connections_.at(job.connection_id);
    deadlines_.clear(connection.timer);
    refuse(connection, kBusy);
  }
}

void Loop::begin_stop() {
  // What has arrived in whole before this moment is answered, and what arrives within a moment too. Those that
  // still wait to be accepted on a socket that somebody else holds as well are the next process's.
  if (!listener_.is_inherited()) accept_some();
  stopping_ = true;
  listener_.close();
  accept_again_at_ = Clock::time_point::max();
  linger_until_ = std::min(stop_at_, now_ + kStopLinger);
  std::vector<std::uint64_t> ids;
  ids.reserve(connections_.size());
  for (const auto& entry : connections_) ids.push_back(entry.first);
  for (const std::uint64_t id : ids) wind_down(id);
}

bool Loop::stop_is_over() const {
  return stopping_ && (connections_.empty() || now_ >= stop_at_);
}

}  // namespace hookspool::net

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
constexpr milliseconds kHintAhead{5000};
constexpr milliseconds kStopLinger{1000};  // stopping: for a request that is on its way

// Clients that listen to it close an idle connection a little before we do, so that no request meets the close.
std::chrono::seconds keep_alive_hint(milliseconds idle_deadline) {
  const auto shorter = idle_deadline - std::min(idle_deadline / 4, kHintAhead);
  return std::max(std::chrono::floor<std::chrono::seconds>(shorter), std::chrono::seconds(1));
}

constexpr Refusal kSlowHead{408, "the head of the request took too long"};
constexpr Refusal kSlowRequest{408, "the request took too long"};
constexpr Refusal kStopping{503, "the agent is stopping; send again later"};
constexpr Refusal kBusy{503, "too many requests at once; send again later"};
constexpr Refusal kNoReply{503, "this takes too long; send again later"};

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
      bridge_(keep_alive_hint(options.idle_deadline)),
      scratch_(kReadBytes) {
  budget_.set_relief([this] { return make_room_for_bytes(); });
}

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
      ClientConnection* const connection = find(id);
      if (connection == nullptr) continue;
      connection->turn_queued = false;
      turn(*connection);
    }
    turns.clear();
    expire_deadlines(workers);
    begin_handshakes();  // after all that concerns those who are there already
    submit(workers);
  }
  // What is left has outlived the grace. A request that was taken is answered even now, by the thread that gives it back.
  for (auto it = connections_.begin(); it != connections_.end();) {
    ClientConnection& connection = *(it++)->second;
    if (connection.state == ClientConnection::State::kHandled) {
      left_one_handled_ = true;
    } else {
      remove(connection);
    }
  }
  const std::lock_guard lock(mutex_);
  is_over_ = true;
  for (Finished& one : finished_) answer_late(std::move(one));
}

ClientConnection* Loop::find(std::uint64_t id) const {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

int Loop::wait_ms() const {
  if (!unfinished_turns_.empty()) return 0;
  Clock::time_point next = std::min(deadlines_.next(), accept_again_at_);
  if (!awaiting_handshake_.empty())
    next = std::min(next, std::max(awaiting_handshake_.begin()->first, handshakes_.next()));
  if (stopping_) next = std::min(next, stop_at_);
  if (next == Clock::time_point::max()) return -1;
  const auto wait = std::chrono::ceil<milliseconds>(next - now_).count();
  return static_cast<int>(std::clamp<std::int64_t>(wait, 0, 60'000));
}

void Loop::dispatch(std::uint64_t id, std::uint32_t events) {
  if (id == kListenerId) return accept_some();
  if (id == kWakeId) return;  // its news was fetched at the start of this turn
  ClientConnection* const found = find(id);
  if (found == nullptr) return;
  ClientConnection& connection = *found;
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
    if (is_over_) return answer_late(std::move(finished));
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

// By the loop's own thread, like everything that reads them: a request in the middle keeps what it was measured by.
void Loop::take_limits(const HttpOptions& options) {
  options_.body_bytes_max = limits_.body_bytes_max = options.body_bytes_max;
  options_.request_deadline = options.request_deadline;
  options_.idle_deadline = options.idle_deadline;
  bridge_.set_keep_alive_hint(keep_alive_hint(options.idle_deadline));
  options_.connections_max = options.connections_max;
  options_.connections_per_address_max = options.connections_per_address_max;
  options_.proxies = options.proxies;
}

void Loop::set_limits(const HttpOptions& options) {
  const std::lock_guard lock(mutex_);
  new_limits_ = options;
}

void Loop::take_finished() {
  std::vector<Finished> finished;
  std::optional<HttpOptions> new_limits;
  bool stop_asked = false;
  {
    const std::lock_guard lock(mutex_);
    finished.swap(finished_);
    new_limits.swap(new_limits_);
    wake_sent_ = false;
    stop_asked = stop_asked_;
    stop_at_ = stop_until_;
  }
  if (new_limits) take_limits(*new_limits);
  handed_over_ -= finished.size();
  for (Finished& one : finished) answer(std::move(one));
  if (stop_asked && !stopping_) begin_stop();
}

void Loop::submit(WorkerPool& workers) {
  for (; !waiting_.empty() && handed_over_ < options_.in_handler_max; ++handed_over_) {
    jobs_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (!jobs_.empty()) workers.submit(jobs_);
}

void Loop::expire_deadlines(WorkerPool& workers) {
  if (accept_again_at_ <= now_) pause_accepting(false);
  while (const auto id = deadlines_.pop(now_)) {
    ClientConnection* const connection = find(*id);
    if (connection == nullptr) continue;
    if (deadlines_.settle(*id, connection->timer, now_)) expire(*connection, workers);
  }
}

void Loop::expire(ClientConnection& connection, WorkerPool& workers) {
  switch (connection.state) {
    case ClientConnection::State::kHandled:
      return expire_handled(connection, workers);
    case ClientConnection::State::kWriting:
    case ClientConnection::State::kDraining:
      return remove(connection);
    case ClientConnection::State::kReading:
      break;
  }
  switch (connection.reader.phase()) {
    case RequestReader::Phase::kIdle:
      return expire_idle(connection);
    case RequestReader::Phase::kHead:
      return refuse(connection, stopping_ ? kStopping : kSlowHead);
    default:
      return refuse(connection, stopping_ ? kStopping : kSlowRequest);
  }
}

// A request may have come in this very moment: then its sender gets an answer instead of a reset.
void Loop::expire_idle(ClientConnection& connection) {
  if (connection.tls != nullptr && !connection.handshaken) return remove(connection);
  char first = 0;
  const bool has_more = ::recv(connection.fd.get(), &first, sizeof first, MSG_PEEK | MSG_DONTWAIT) > 0;
  if (!has_more || stopping_ || connection.idle_expired) return remove(connection);
  connection.idle_expired = true;
  connection.readable = true;
  wait_for(connection, now_ + options_.head_deadline);
  turn(connection);
}

void Loop::expire_handled(ClientConnection& connection, WorkerPool& workers) {
  const std::uint64_t id = connection.id;
  shed_waiting(workers);
  if (find(id) == nullptr || connection.state != ClientConnection::State::kHandled) return;
  // The handler has it. Whatever it replies after this moment goes nowhere, since no connection has this id any more.
  const Clock::time_point due = connection.handed_over_at + options_.reply_deadline;
  if (now_ < due) return deadlines_.set(id, connection.timer, due);
  ++counters_.requests_given_up;
  refuse(connection, kNoReply);
}

// An answer that says "later" while the sender still listens is better than a good one after it has gone. A
// request that a worker has already taken is left to it.
void Loop::shed_waiting(WorkerPool& workers) {
  const Clock::time_point latest = now_ - options_.worker_deadline;
  std::vector<Job> late = workers.take_back(latest);
  handed_over_ -= late.size();
  // In the order they came, so those that waited for longest stand in front.
  for (; !waiting_.empty() && waiting_.front().queued_at <= latest; waiting_.pop_front())
    late.push_back(std::move(waiting_.front()));
  for (const Job& job : late) {
    ClientConnection* const connection = find(job.connection_id);
    if (connection == nullptr || connection->state != ClientConnection::State::kHandled) continue;
    ++counters_.requests_shed;
    deadlines_.clear(connection->timer);
    refuse(*connection, kBusy);
  }
}

void Loop::begin_stop() {
  // What has arrived in whole before this moment is answered, and what arrives within a moment too. Those that
  // still wait to be accepted on a socket that another process holds as well are the next process's.
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

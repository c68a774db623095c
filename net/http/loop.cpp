#include "net/http/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kWakeId = 1;
static_assert(Acceptor::kListenerId < kWakeId && kWakeId < Connections::kFirstId);

constexpr std::size_t kEventsPerTurn = 256;
constexpr int kHandshakesPerTurn = 4;      // before those who are there have another turn
constexpr milliseconds kStopLinger{1000};  // stopping: for a request that is on its way

// The loop that this thread runs.
thread_local const Loop* running_here = nullptr;

constexpr Refusal kBusy{503, "too many requests at once; send again later"};
constexpr Refusal kNoReply{503, "this takes too long; send again later"};

}  // namespace

Loop::Loop(const HttpOptions& options, Listener listener, Counters& counters)
    : state_(options),
      counters_(counters),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      connections_(state_, counters),
      handshakes_(state_, connections_, counters),
      exchange_({state_, poller_, connections_, handshakes_, handover_, counters}),
      acceptor_(std::move(listener), {state_, poller_, tls_, connections_, exchange_, counters}) {}

Result<std::unique_ptr<Loop>, HttpError> Loop::make(const HttpOptions& options, Listener listener,
                                                    Counters& counters) {
  std::unique_ptr<Loop> loop(new Loop(options, std::move(listener), counters));
  if (!loop->poller_.is_open() || !loop->wake_.is_open() || !loop->acceptor_.begin() ||
      // Edge-triggered: each write is an event of its own, and the counter never has to be read.
      !loop->poller_.add(loop->wake_.get(), kWakeId, EPOLLIN | EPOLLET))
    return fail(HttpError{HttpError::Kind::kSystem, "cannot watch the connections of " + options.listen +
                                                        ": " + std::generic_category().message(errno)});
  return loop;
}

void Loop::run(WorkerPool& workers, const Handover::ServeHere& here, std::chrono::microseconds here_max) {
  running_here = this;
  std::array<epoll_event, kEventsPerTurn> events{};
  std::vector<std::uint64_t> turns;
  for (state_.now = Clock::now(); !stop_is_over();) {
    const int count = poller_.wait(events, wait_ms());
    state_.now = Clock::now();
    take_news();
    exchange_.swap_unfinished_turns(turns);
    for (int i = 0; i < count; ++i)
      dispatch(events[static_cast<std::size_t>(i)].data.u64, events[static_cast<std::size_t>(i)].events);
    for (const std::uint64_t id : turns) {
      ClientConnection* const connection = connections_.find(id);
      if (connection == nullptr) continue;
      connection->turn_queued = false;
      exchange_.turn(*connection);
    }
    turns.clear();
    expire_deadlines(workers);
    begin_handshakes();  // after all that concerns those who are there already
    const std::size_t out_max = state_.options.in_handler_max;
    if (here) handover_.serve_here(here, out_max, here_max);
    handover_.submit(workers, out_max);
  }
  leave();
  running_here = nullptr;
}

// What is left has outlived the grace. A request that was taken is answered even now, by the thread that gives it back.
void Loop::leave() {
  for (Finished& one : finished_here_) exchange_.answer_and_remove(std::move(one));
  for (const std::uint64_t id : connections_.ids()) {
    ClientConnection& connection = *connections_.find(id);
    if (connection.state == ClientConnection::State::kHandled) {
      left_one_handled_ = true;
    } else {
      connections_.remove(connection);
    }
  }
  const MutexLock lock(mutex_);
  is_over_ = true;
  for (Finished& one : finished_) exchange_.answer_and_remove(std::move(one));
}

int Loop::wait_ms() const {
  if (exchange_.has_unfinished_turns() || !finished_here_.empty()) return 0;
  Clock::time_point next =
      std::min({connections_.next_deadline(), acceptor_.resume_at(), handshakes_.next()});
  if (state_.stopping) next = std::min(next, stop_at_);
  if (next == Clock::time_point::max()) return -1;
  const auto wait = std::chrono::ceil<milliseconds>(next - state_.now).count();
  return static_cast<int>(std::clamp<std::int64_t>(wait, 0, 60'000));
}

void Loop::dispatch(std::uint64_t id, std::uint32_t events) {
  if (id == Acceptor::kListenerId) return acceptor_.accept_some();
  if (id == kWakeId) return;  // its news was fetched at the start of this turn
  if (ClientConnection* const connection = connections_.find(id)) exchange_.take_events(*connection, events);
}

void Loop::give_back(Finished finished) {
  if (running_here == this) return finished_here_.push_back(std::move(finished));
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    if (is_over_) return exchange_.answer_and_remove(std::move(finished));
    finished_.push_back(std::move(finished));
    wake = !std::exchange(wake_sent_, true);
  }
  if (wake) ::eventfd_write(wake_.get(), 1);
}

void Loop::stop(Clock::time_point until) {
  const MutexLock lock(mutex_);
  stop_asked_ = true;
  stop_until_ = until;
  ::eventfd_write(wake_.get(), 1);
}

// By the loop's own thread, like everything that reads them: a request in the middle keeps what it was measured by.
void Loop::take_limits(const HttpOptions& options) {
  HttpOptions& ours = state_.options;
  ours.body_bytes_max = state_.limits.body_bytes_max = options.body_bytes_max;
  ours.request_deadline = options.request_deadline;
  ours.idle_deadline = options.idle_deadline;
  ours.connections_max = options.connections_max;
  ours.connections_per_address_max = options.connections_per_address_max;
  ours.proxies = options.proxies;
  exchange_.set_keep_alive_hint();
}

void Loop::set_limits(const HttpOptions& options) {
  const MutexLock lock(mutex_);
  new_limits_ = options;
}

// What other threads have left: answers, limits, the wish to stop.
void Loop::take_news() {
  std::vector<Finished> finished;
  std::vector<Finished> finished_here = std::exchange(finished_here_, {});
  std::optional<HttpOptions> new_limits;
  bool stop_asked = false;
  {
    const MutexLock lock(mutex_);
    finished.swap(finished_);
    new_limits.swap(new_limits_);
    wake_sent_ = false;
    stop_asked = stop_asked_;
    stop_at_ = stop_until_;
  }
  if (new_limits) take_limits(*new_limits);
  handover_.returned(finished.size() + finished_here.size());
  for (Finished& one : finished_here) exchange_.answer(std::move(one));
  for (Finished& one : finished) exchange_.answer(std::move(one));
  if (stop_asked && !state_.stopping) begin_stop();
}

void Loop::expire_deadlines(WorkerPool& workers) {
  acceptor_.resume_if_due();
  while (ClientConnection* const connection = connections_.next_expired()) {
    if (connection->state == ClientConnection::State::kHandled) {
      expire_handled(*connection, workers);
    } else {
      exchange_.expire(*connection);
    }
  }
}

void Loop::expire_handled(ClientConnection& connection, WorkerPool& workers) {
  const std::uint64_t id = connection.id;
  shed_late_requests(workers);
  ClientConnection* const left = connections_.find(id);
  if (left == nullptr || left->state != ClientConnection::State::kHandled) return;
  // The handler has it. Whatever it replies after this moment goes nowhere, since no connection has this id any more.
  const Clock::time_point due = left->handed_over_at + state_.options.reply_deadline;
  if (state_.now < due) return connections_.set_deadline(*left, due);
  ++counters_.requests_given_up;
  exchange_.refuse(*left, kNoReply);
}

// Load shedding. A 503 while the sender still listens is better than a good answer after it has gone. A request that a
// worker has begun with is left to it.
void Loop::shed_late_requests(WorkerPool& workers) {
  for (const Job& job : handover_.take_late(workers, state_.now - state_.options.worker_deadline)) {
    ClientConnection* const connection = connections_.find(job.connection_id);
    if (connection == nullptr || connection->state != ClientConnection::State::kHandled) continue;
    ++counters_.requests_shed;
    Connections::clear_deadline(*connection);
    exchange_.refuse(*connection, kBusy);
  }
}

void Loop::begin_handshakes() {
  for (int begun = 0; begun < kHandshakesPerTurn; ++begun) {
    ClientConnection* const connection = handshakes_.begin_next();
    if (connection == nullptr) return;
    exchange_.turn(*connection);
  }
}

void Loop::begin_stop() {
  // What has arrived in whole before this moment is answered, and what arrives within a moment too. Those that
  // still wait to be accepted on a socket that another process holds as well are the next process's.
  acceptor_.end();
  state_.stopping = true;
  state_.linger_until = std::min(stop_at_, state_.now + kStopLinger);
  for (const std::uint64_t id : connections_.ids()) {
    // One that was wound down before may have needed this one's room.
    if (ClientConnection* const connection = connections_.find(id)) exchange_.wind_down(*connection);
  }
}

bool Loop::stop_is_over() const {
  return state_.stopping && (connections_.empty() || state_.now >= stop_at_);
}

}  // namespace hookspool::net

// The one thread that owns every connection: waits for news, passes them on, and connects the workers to it.
//
// Its parts, from bottom to top: connections.h owns the connections; exchange.h reads and writes them; acceptor.h takes new
// ones; handover.h holds whole requests until they are served, here or by a worker. Answers come back through give_back(), from
// whatever thread, and are written here. Edge-triggered epoll, so an answered request costs no epoll_ctl.
//
// Thread-safety: run() belongs to one thread; give_back(), set_tls(), set_limits() and stop() may be called from any.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "net/http/acceptor.h"
#include "net/http/connections.h"
#include "net/http/exchange.h"
#include "net/http/handover.h"
#include "net/http/handshake_turns.h"
#include "net/http/loop_state.h"
#include "net/http/poller.h"
#include "net/http/server.h"
#include "net/http/socket.h"
#include "net/http/tls.h"
#include "net/http/worker_pool.h"
#include "storage/base/mutex.h"

namespace hookspool::net {

class Loop {
 public:
  // `counters` must outlive the loop. Fails when epoll or eventfd cannot be had.
  static Result<std::unique_ptr<Loop>, HttpError> make(const HttpOptions& options, Listener listener,
                                                       Counters& counters);

  // Serves until stop() and all connections are done or the grace is over.
  // `here`: serves a request in this thread, for `here_max` of a turn; nullptr: all of them are the workers'.
  void run(WorkerPool& workers, const Handover::ServeHere& here, std::chrono::microseconds here_max)
      EXCLUDES(mutex_);
  // After run(): did the grace end before a request that was handed over had its answer?
  bool left_one_handled() const { return left_one_handled_; }
  // After run() the answer is written by the caller, as far as the socket takes it.
  void give_back(Finished finished) EXCLUDES(mutex_);
  // For connections made from now on; nullptr: plain.
  void set_tls(std::shared_ptr<const TlsContext> tls) { tls_.set(std::move(tls)); }
  // See HttpServer::set_limits().
  void set_limits(const HttpOptions& options) EXCLUDES(mutex_);
  void stop(Clock::time_point until) EXCLUDES(mutex_);

 private:
  Loop(const HttpOptions& options, Listener listener, Counters& counters);

  int wait_ms() const;
  void dispatch(std::uint64_t id, std::uint32_t events);
  void take_news() EXCLUDES(mutex_);
  void take_limits(const HttpOptions& options);
  void expire_deadlines(WorkerPool& workers);
  void expire_handled(ClientConnection& connection, WorkerPool& workers);
  void shed_late_requests(WorkerPool& workers);
  void begin_handshakes();
  void begin_stop();
  bool stop_is_over() const;
  void leave() EXCLUDES(mutex_);

  // Of the loop's thread; after run() of the one that holds mutex_.
  LoopState state_;
  Counters& counters_;
  Poller poller_;
  const Fd wake_;
  CurrentTls tls_;
  Connections connections_;
  HandshakeTurns handshakes_;
  Handover handover_;
  Exchange exchange_;
  Acceptor acceptor_;
  bool left_one_handled_ = false;
  Clock::time_point stop_at_;
  std::vector<Finished> finished_here_;  // by this thread itself: no lock, no wake-up

  Mutex mutex_;
  std::optional<HttpOptions> new_limits_ GUARDED_BY(mutex_);
  std::vector<Finished> finished_ GUARDED_BY(mutex_);
  bool wake_sent_ GUARDED_BY(mutex_) = false;
  bool is_over_ GUARDED_BY(mutex_) = false;  // run() is
  bool stop_asked_ GUARDED_BY(mutex_) = false;
  Clock::time_point stop_until_ GUARDED_BY(mutex_);
};

}  // namespace hookspool::net

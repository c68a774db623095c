// The one thread that owns every connection: accepts, reads, times out, refuses, closes.
//
// Bytes become whole requests (request_reader.h); whole requests go to the workers in batches, their answers come back
// through give_back(), from whatever thread, and are written here. When there is no room, crowd.h
// decides which connection is evicted. Edge-triggered epoll, so an answered request costs no epoll_ctl. Events name a
// connection by a number that is never used again, so a descriptor the kernel reuses cannot be mistaken for
// an older one.
//
// Thread-safety: run() belongs to one thread; give_back(), set_tls(), set_limits() and stop() may be called from any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "net/http/connection.h"
#include "net/http/crowd.h"
#include "net/http/deadlines.h"
#include "net/http/handshakes.h"
#include "net/http/httplib_bridge.h"
#include "net/http/request_reader.h"
#include "net/http/server.h"
#include "net/http/socket.h"
#include "net/http/tls.h"
#include "net/http/worker_pool.h"

namespace hookspool::net {

// Kept by the loop and the workers, read by any thread.
struct Counters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> connections_refused{0};
  std::atomic<std::uint64_t> connections_evicted{0};
  std::atomic<std::uint64_t> requests_shed{0};
  std::atomic<std::uint64_t> requests_given_up{0};
  std::atomic<std::uint64_t> in_handler{0};
  std::atomic<std::uint64_t> handler_failures{0};
};

class Loop {
 public:
  // `counters` must outlive the loop. Fails when epoll or eventfd cannot be had.
  static Result<std::unique_ptr<Loop>, HttpError> make(const HttpOptions& options, Listener listener,
                                                       Counters& counters);

  // Serves until stop() and all connections are done or the grace is over.
  void run(WorkerPool& workers);
  // After run(): did the grace end before a request that was handed over had its answer?
  bool left_one_handled() const { return left_one_handled_; }
  // After run() the answer is written by the caller, as far as the socket takes it.
  void give_back(Finished finished);
  // For connections made from now on; nullptr: plain.
  void set_tls(std::shared_ptr<const TlsContext> tls);
  // See HttpServer::set_limits().
  void set_limits(const HttpOptions& options);
  void stop(Clock::time_point until);

 private:
  static constexpr std::uint64_t kListenerId = 0;
  static constexpr std::uint64_t kWakeId = 1;
  static constexpr std::uint64_t kFirstConnectionId = 2;

  Loop(const HttpOptions& options, Listener listener, Counters& counters);
  static Fd spare_descriptor();
  bool add_to_epoll(int fd, std::uint64_t id, std::uint32_t events) const;

  // The connection, unless it is gone: whatever made room for another one may have removed it.
  ClientConnection* find(std::uint64_t id) const;
  int wait_ms() const;
  void dispatch(std::uint64_t id, std::uint32_t events);
  void take_finished();
  void answer(Finished&& finished);
  void answer_late(Finished&& finished);
  void submit(WorkerPool& workers);
  void take_limits(const HttpOptions& options);
  void expire_deadlines(WorkerPool& workers);
  void expire(ClientConnection& connection, WorkerPool& workers);
  void expire_handled(ClientConnection& connection, WorkerPool& workers);
  void expire_idle(ClientConnection& connection);
  void shed_waiting(WorkerPool& workers);
  void begin_stop();
  bool stop_is_over() const;

  void accept_some();
  void pause_accepting(bool pause);
  bool answer_without_descriptor();
  std::shared_ptr<const TlsContext> tls() const;
  void add(Fd fd, std::optional<IpAddress> peer);
  bool has_address_limit(const IpAddress& peer) const;
  bool has_place();
  bool make_room();
  bool make_room_for_bytes();

  void turn(ClientConnection& connection);
  void read_requests(ClientConnection& connection);
  bool judge(ClientConnection& connection, const std::optional<Refusal>& refusal);
  void reached_end(ClientConnection& connection);
  void await_writability(ClientConnection& connection);
  void await_handshake(ClientConnection& connection);
  void begin_handshakes();
  bool begin_handshake(ClientConnection& connection);
  bool has_room_for_handshake();
  bool make_room_where(const std::function<bool(const ClientConnection&)>& fits);
  ClientConnection::Received receive(ClientConnection& connection, std::string_view& bytes);
  void charge_handshake(const ClientConnection& connection, std::chrono::nanoseconds cost, bool begun);
  std::optional<IpAddress> limited_holder(const ClientConnection& connection) const;
  void note_handshake(ClientConnection& connection);
  void hand_over(ClientConnection& connection);
  void wait_for(ClientConnection& connection, Clock::time_point due);
  void write_rest(ClientConnection& connection);
  void answered(ClientConnection& connection, bool close);
  void refuse(ClientConnection& connection, const Refusal& refusal);
  void drain(ClientConnection& connection);
  void begin_draining(ClientConnection& connection);
  void wind_down(std::uint64_t id);
  void watch(ClientConnection& connection, bool for_writing);
  void queue_turn(ClientConnection& connection);
  void remove(ClientConnection& connection);

  HttpOptions options_;
  HeadLimits limits_;
  BodyBudget budget_;
  Listener listener_;
  Counters& counters_;
  Fd epoll_;
  Fd wake_;

  std::unordered_map<std::uint64_t, std::unique_ptr<ClientConnection>> connections_;
  std::uint64_t next_id_ = 0;
  std::size_t shed_open_ = 0;
  Crowd crowd_;
  AddressCounts addresses_;
  Fd reserve_;  // a descriptor to give up, so that a connection can be answered when there is no other
  Deadlines deadlines_;
  HandshakeBudget handshakes_;
  std::multimap<Clock::time_point, std::uint64_t>
      awaiting_handshake_;           // connections, by when their turn comes
  std::size_t handshakes_open_ = 0;  // begun and not complete
  Clock::time_point now_;
  Clock::time_point accept_again_at_ = Clock::time_point::max();
  std::vector<std::uint64_t> unfinished_turns_;  // connections with more to read than one turn takes
  std::uint64_t reading_ = 0;  // whose bytes are being put together: it does not make room for itself
  HttplibBridge bridge_;
  std::deque<Job> waiting_;      // for a place among those in the handler
  std::vector<Job> jobs_;        // on their way to the workers
  std::size_t handed_over_ = 0;  // to the workers, and not given back
  std::vector<char> scratch_;
  bool stopping_ = false;
  bool left_one_handled_ = false;
  Clock::time_point stop_at_;
  Clock::time_point linger_until_ = Clock::time_point::max();  // stopping: for requests on their way

  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const TlsContext> tls_;
  std::optional<HttpOptions> new_limits_;
  std::vector<Finished> finished_;
  bool wake_sent_ = false;
  bool is_over_ = false;  // run() is: then it guards the connections too
  bool stop_asked_ = false;
  Clock::time_point stop_until_;
};

}  // namespace hookspool::net

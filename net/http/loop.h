// The one thread that owns every connection: accepts, reads, times out, refuses, closes.
//
// Bytes become whole requests (request_reader.h); whole requests go to `submit` in batches and come back
// through give_back(). Edge-triggered epoll, so an answered request costs no epoll_ctl. Events name a
// connection by a number that is never used again, so a descriptor the kernel reuses cannot be mistaken for
// an older one.
//
// Thread-safety: run() belongs to one thread; give_back() and stop() may be called from any.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "net/http/connection.h"
#include "net/http/deadlines.h"
#include "net/http/request_reader.h"
#include "net/http/server.h"
#include "net/http/socket.h"

namespace hookspool::net {

// Kept by the loop and the workers, read by anybody.
struct Counters {
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> connections_refused{0};
  std::atomic<std::uint64_t> in_handler{0};
  std::atomic<std::uint64_t> handler_failures{0};
};

class Loop {
 public:
  using Submit = std::function<void(std::vector<Job>&)>;

  // `counters` and what `submit` uses must outlive the loop. Fails when epoll or eventfd cannot be had.
  static Result<std::unique_ptr<Loop>, HttpError> make(const HttpOptions& options, Listener listener,
                                                       Counters& counters);

  // Serves until stop() and all connections are done or the grace is over.
  void run(const Submit& submit);
  void give_back(Finished finished);
  void stop(Clock::time_point until);

 private:
  Loop(const HttpOptions& options, Listener listener, Counters& counters);

  int wait_ms() const;
  void dispatch(std::uint64_t id, std::uint32_t events);
  void take_finished();
  void expire_deadlines();
  void begin_stop();
  bool stop_is_over() const;

  void accept_some();
  void pause_accepting(bool pause);
  void add(Fd fd, std::string remote_addr);

  void turn(ClientConnection& connection);
  void read_requests(ClientConnection& connection);
  bool judge(ClientConnection& connection, const std::optional<Refusal>& refusal);
  void reached_end(ClientConnection& connection);
  void hand_over(ClientConnection& connection);
  void write_rest(ClientConnection& connection);
  void answered(ClientConnection& connection, bool close);
  void refuse(ClientConnection& connection, const Refusal& refusal);
  void drain(ClientConnection& connection);
  void begin_draining(ClientConnection& connection);
  void wind_down(std::uint64_t id);
  void watch(ClientConnection& connection, bool for_writing);
  void queue_turn(ClientConnection& connection);
  void remove(ClientConnection& connection);

  const HttpOptions options_;
  const HeadLimits limits_;
  BodyBudget budget_;
  Listener listener_;
  Counters& counters_;
  Fd epoll_;
  Fd wake_;

  std::unordered_map<std::uint64_t, std::unique_ptr<ClientConnection>> connections_;
  std::uint64_t next_id_ = 0;
  std::size_t shed_open_ = 0;
  Deadlines deadlines_;
  Clock::time_point now_;
  Clock::time_point accept_again_at_ = Clock::time_point::max();
  std::vector<std::uint64_t> unfinished_turns_;  // connections with more to read than one turn takes
  std::vector<Job> jobs_;
  std::vector<char> scratch_;
  bool stopping_ = false;
  Clock::time_point stop_at_;

  std::mutex mutex_;  // guards what follows
  std::vector<Finished> finished_;
  bool wake_sent_ = false;
  bool stop_asked_ = false;
  Clock::time_point stop_until_;
};

}  // namespace hookspool::net

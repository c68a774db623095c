// Takes connections from the listening socket and gives each its place, or its refusal; and goes on without a free
// descriptor: evicts, answers with the one it keeps in reserve, or pauses.
//
// Not thread-safe: belongs to the loop.
#pragma once

#include <cstdint>
#include <optional>

#include "net/http/connections.h"
#include "net/http/exchange.h"
#include "net/http/loop_state.h"
#include "net/http/poller.h"
#include "net/http/socket.h"
#include "net/http/tls.h"

namespace hookspool::net {

class Acceptor {
 public:
  static constexpr std::uint64_t kListenerId = 0;  // of the poller's events

  // What is borrowed must outlive this.
  struct Parts {
    const LoopState& state;
    const Poller& poller;
    const CurrentTls& tls;
    Connections& connections;
    Exchange& exchange;
    Counters& counters;
  };
  Acceptor(Listener listener, const Parts& parts);

  bool begin();        // false: the listener cannot be watched, see errno
  void accept_some();  // a bounded number of those that wait
  // After a pause, when it is over.
  void resume_if_due();
  Clock::time_point resume_at() const { return resume_at_; }  // max: there is no pause
  // Accepts what waits, unless another process holds the socket too and will, and then no more.
  void end();

 private:
  void admit(Fd fd, const std::optional<IpAddress>& peer);
  bool accept_and_refuse();
  void pause();

  Listener listener_;
  const Parts parts_;
  Fd reserve_;  // a descriptor to give up, so that a connection can be answered when there is no other
  Clock::time_point resume_at_ = Clock::time_point::max();
};

}  // namespace hookspool::net

// What is done with one connection, turn by turn: read a request, hand it over, write its answer, refuse, drain, close.
//
// A function that may have removed the connection is the last thing its caller does with it; all that take a
// ClientConnection& here may. Not thread-safe: belongs to the loop.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "net/http/connections.h"
#include "net/http/handover.h"
#include "net/http/handshake_turns.h"
#include "net/http/httplib_bridge.h"
#include "net/http/loop_state.h"
#include "net/http/poller.h"
#include "net/http/refusal.h"
#include "net/http/tls.h"

namespace hookspool::net {

class Exchange {
 public:
  // What is borrowed must outlive this.
  struct Parts {
    const LoopState& state;
    const Poller& poller;
    Connections& connections;
    HandshakeTurns& handshakes;
    Handover& handover;
    Counters& counters;
  };
  explicit Exchange(const Parts& parts);

  // A connection that was just added. tls == nullptr: plain. `refusal`, if any, is all that it gets.
  void begin(ClientConnection& connection, std::shared_ptr<const TlsContext> tls, const Refusal* refusal);
  // It has news: EPOLLIN and its like.
  void take_events(ClientConnection& connection, std::uint32_t events);
  void turn(ClientConnection& connection);
  // Its deadline has passed. REQUIRES: not kHandled.
  void expire(ClientConnection& connection);
  void refuse(ClientConnection& connection, const Refusal& refusal);
  // The server stops: a last look for a whole request, and a moment for one that is on its way.
  void wind_down(ClientConnection& connection);

  // Writes an answer; goes nowhere if its client has been refused meanwhile, or is gone.
  void answer(Finished&& finished);
  // The same for the last time: as far as the socket takes it at once, then the connection is removed.
  void answer_and_remove(Finished&& finished);
  void set_keep_alive_hint();  // from the limits

  // Connections with more to read than one turn takes.
  bool has_unfinished_turns() const { return !unfinished_turns_.empty(); }
  void swap_unfinished_turns(std::vector<std::uint64_t>& ids) { unfinished_turns_.swap(ids); }

 private:
  ClientConnection* find_handled(std::uint64_t id) const;
  void expire_idle(ClientConnection& connection);
  void read_requests(ClientConnection& connection);
  bool judge(ClientConnection& connection, const std::optional<Refusal>& refusal);
  void await_writability(ClientConnection& connection);
  void reached_end(ClientConnection& connection);
  void note_handshake(ClientConnection& connection);
  void hand_over(ClientConnection& connection);
  void write_rest(ClientConnection& connection);
  void answered(ClientConnection& connection, bool close);
  void begin_draining(ClientConnection& connection);
  void drain(ClientConnection& connection);
  void watch(const ClientConnection& connection, bool for_writing);
  void queue_turn(ClientConnection& connection);
  void wait_for(ClientConnection& connection, Clock::time_point due);
  void remove(ClientConnection& connection);

  const Parts parts_;
  const LoopState& state_;
  Connections& connections_;
  HttplibBridge bridge_;
  std::vector<char> scratch_;
  std::vector<std::uint64_t> unfinished_turns_;
};

}  // namespace hookspool::net

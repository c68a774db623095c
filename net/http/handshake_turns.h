// When the TLS handshake of a connection begins: in the order of HandshakeBudget, no more than a number at once. Counts
// what each step costs, and what OpenSSL keeps afterwards.
//
// Not thread-safe: belongs to the loop. A function that may have removed the connection says so.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>

#include "net/http/connections.h"
#include "net/http/handshakes.h"
#include "net/http/loop_state.h"

namespace hookspool::net {

class HandshakeTurns {
 public:
  // Both must outlive this.
  HandshakeTurns(const LoopState& state, Connections& connections, Counters& counters)
      : state_(state), connections_(connections), counters_(counters) {}

  // Reads once from the connection, plain or TLS. After kBytes `bytes` are those read, inside `scratch`.
  ClientConnection::Received receive(ClientConnection& connection, std::span<char> scratch,
                                     std::string_view& bytes);
  // Its ClientHello is there. Removes it where its turn would come after its deadline.
  void wait_for_turn(ClientConnection& connection);
  // Begins the next handshake whose turn it is. The connection, which can go on; nullptr: none may begin now. May evict
  // another one.
  ClientConnection* begin_next();
  // When begin_next() is to be asked again; max: none waits.
  Clock::time_point next() const;

 private:
  bool begin(ClientConnection& connection);
  bool has_room_for_one_more();

  const LoopState& state_;
  Connections& connections_;
  Counters& counters_;
  HandshakeBudget budget_;
  std::multimap<Clock::time_point, std::uint64_t> waiting_;  // connections, by when their turn comes
};

}  // namespace hookspool::net

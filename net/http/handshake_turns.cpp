#include "net/http/handshake_turns.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "net/http/tls.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::size_t kHandshakesOpenMax = 512;   // begun and not complete
constexpr milliseconds kHandshakeAgainAfter{50};  // where there was no room for one more

nanoseconds thread_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

}  // namespace

ClientConnection::Received HandshakeTurns::receive(ClientConnection& connection, std::span<char> scratch,
                                                   std::string_view& bytes) {
  using Received = ClientConnection::Received;
  if (connection.tls == nullptr) return connection.receive(scratch, bytes);
  const bool in_handshake = connection.tls->has_begun() && !connection.handshaken;
  const nanoseconds before = in_handshake ? thread_time() : nanoseconds(0);
  const Received received = connection.receive(scratch, bytes);
  if (in_handshake) {
    budget_.charge(connections_.limited_holder(connection.peer), state_.now, thread_time() - before,
                   std::exchange(connection.tls_first_step, false));
    if (connection.tls->is_established()) {
      connection.handshaken = true;
      connections_.note_handshake_open(connection, false);
    }
  }
  connections_.protect(connection);
  const std::size_t held = connection.tls->held_bytes();
  if (held != connection.tls_share.bytes() && !connection.tls_share.resize(held)) return Received::kBroken;
  return received;
}

void HandshakeTurns::wait_for_turn(ClientConnection& connection) {
  if (std::exchange(connection.awaits_handshake, true)) return;
  const auto turn = budget_.reserve(connections_.limited_holder(connection.peer), state_.now,
                                    connection.timer.due - state_.now);
  if (!turn) {
    ++counters_.connections_refused;
    return connections_.remove(connection);
  }
  waiting_.emplace(*turn, connection.id);
}

Clock::time_point HandshakeTurns::next() const {
  return waiting_.empty() ? Clock::time_point::max() : std::max(waiting_.begin()->first, budget_.next());
}

ClientConnection* HandshakeTurns::begin_next() {
  while (next() <= state_.now) {
    const auto first = waiting_.begin();
    const std::uint64_t id = first->second;
    waiting_.erase(first);
    ClientConnection* const connection = connections_.find(id);
    if (connection != nullptr && begin(*connection)) return connection;
  }
  return nullptr;
}

bool HandshakeTurns::has_room_for_one_more() {
  return connections_.handshakes_open() < kHandshakesOpenMax ||
         connections_.make_room_where([](const ClientConnection& other) { return other.tls_counted; });
}

// False: it has to wait, or was removed.
bool HandshakeTurns::begin(ClientConnection& connection) {
  connection.awaits_handshake = false;
  if (connection.tls == nullptr || connection.state != ClientConnection::State::kReading) return false;
  connections_.protect(connection);
  if (!has_room_for_one_more()) {
    connection.awaits_handshake = true;
    waiting_.emplace(state_.now + kHandshakeAgainAfter, connection.id);
    return false;
  }
  if (!connection.tls->begin() || !connection.tls_share.resize(connection.tls->held_bytes())) {
    connections_.remove(connection);
    return false;
  }
  connections_.note_handshake_open(connection, true);
  connection.tls_first_step = true;
  connection.readable = true;
  return true;
}

}  // namespace hookspool::net

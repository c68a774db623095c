// When the handshake of a connection begins, and what it may cost. The loop as such is in loop.cpp.
//
// A function that may have removed the connection is the last thing its caller does with it.
#include <ctime>
#include <utility>

#include "net/http/loop.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr int kHandshakesPerRound = 4;            // before those who are there have another turn
constexpr std::size_t kHandshakesOpenMax = 512;   // begun and not complete
constexpr milliseconds kHandshakeAgainAfter{50};  // where there was no room for one more

nanoseconds thread_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

}  // namespace

// Reads once. What a handshake costs, and what OpenSSL keeps afterwards, is counted.
ClientConnection::Received Loop::receive(ClientConnection& connection, std::string_view& bytes) {
  using Received = ClientConnection::Received;
  if (connection.tls == nullptr) return connection.receive(scratch_, bytes);
  const bool in_handshake = connection.tls->has_begun() && !connection.handshaken;
  const nanoseconds before = in_handshake ? thread_time() : nanoseconds(0);
  const Received received = connection.receive(scratch_, bytes);
  if (in_handshake) {
    charge_handshake(connection, thread_time() - before, std::exchange(connection.tls_first_step, false));
    if (connection.tls->is_established()) {
      connection.handshaken = true;
      connection.tls_counted = false;
      --handshakes_open_;
    }
  }
  reading_ = connection.id;
  const std::size_t held = connection.tls->held_bytes();
  if (held != connection.tls_share.bytes() && !connection.tls_share.resize(held)) return Received::kBroken;
  return received;
}

std::optional<IpAddress> Loop::limited_holder(const ClientConnection& connection) const {
  const auto& peer = connection.peer;
  if (!peer || options_.without_address_limit.contain(*peer) || options_.proxies.networks.contain(*peer))
    return std::nullopt;
  return peer->holder();
}

void Loop::charge_handshake(const ClientConnection& connection, nanoseconds cost, bool begun) {
  handshakes_.charge(limited_holder(connection), now_, cost, begun);
}

// A handshake whose turn would come after its deadline is not worth waiting for.
void Loop::await_handshake(ClientConnection& connection) {
  if (std::exchange(connection.awaits_handshake, true)) return;
  const auto turn = handshakes_.reserve(limited_holder(connection), now_, connection.timer.due - now_);
  if (!turn) {
    ++counters_.connections_refused;
    return remove(connection);
  }
  awaiting_handshake_.emplace(*turn, connection.id);
}

void Loop::begin_handshakes() {
  for (int begun = 0; begun < kHandshakesPerRound && !awaiting_handshake_.empty();) {
    const auto first = awaiting_handshake_.begin();
    if (first->first > now_ || handshakes_.next() > now_) return;
    const std::uint64_t id = first->second;
    awaiting_handshake_.erase(first);
    ClientConnection* const connection = find(id);
    if (connection == nullptr) continue;
    if (begin_handshake(*connection)) ++begun;
  }
}

bool Loop::has_room_for_handshake() {
  return handshakes_open_ < kHandshakesOpenMax ||
         make_room_where([](const ClientConnection& other) { return other.tls_counted; });
}

// False: it has to wait, or is gone.
bool Loop::begin_handshake(ClientConnection& connection) {
  connection.awaits_handshake = false;
  if (connection.tls == nullptr || connection.state != ClientConnection::State::kReading) return false;
  reading_ = connection.id;
  if (!has_room_for_handshake()) {
    connection.awaits_handshake = true;
    awaiting_handshake_.emplace(now_ + kHandshakeAgainAfter, connection.id);
    return false;
  }
  if (!connection.tls->begin() || !connection.tls_share.resize(connection.tls->held_bytes())) {
    remove(connection);
    return false;
  }
  connection.tls_counted = connection.tls_first_step = true;
  ++handshakes_open_;
  connection.readable = true;
  turn(connection);
  return true;
}

}  // namespace hookspool::net

#include "net/http/connections.h"

#include <algorithm>
#include <utility>

namespace hookspool::net {
namespace {

constexpr std::size_t kWithoutPlaceMax = 64;  // connections over the limits, open only to be answered 503
// No connection is evicted before it has had this long to send its request; else clients that send at full speed would
// evict each other.
constexpr std::chrono::milliseconds kMinResidency{250};

constexpr Refusal kFull{503, "too many connections"};
constexpr Refusal kFullForAddress{503, "too many connections from this address"};

}  // namespace

Connections::Connections(const LoopState& state, Counters& counters)
    : state_(state),
      counters_(counters),
      budget_(std::max(state.options.bytes_in_flight_max, state.options.body_bytes_max)) {
  // A request that drips in holds memory only until one that arrives at full speed needs it.
  budget_.set_relief([this] {
    return make_room_where([](const ClientConnection& connection) { return connection.held_bytes() > 0; });
  });
}

std::optional<IpAddress> Connections::limited_holder(const std::optional<IpAddress>& peer) const {
  const HttpOptions& options = state_.options;
  if (!peer || options.without_address_limit.contain(*peer) || options.proxies.networks.contain(*peer))
    return std::nullopt;
  return peer->holder();
}

Connections::Place Connections::take_place(const std::optional<IpAddress>& peer) {
  const std::size_t most = state_.options.connections_per_address_max;
  const auto holder = most != 0 ? limited_holder(peer) : std::nullopt;
  if (holder && !addresses_.try_add(*holder, most)) return {false, &kFullForAddress};
  if (has_place()) return {holder.has_value(), nullptr};
  if (holder) addresses_.remove(*holder);
  return {false, &kFull};
}

bool Connections::has_place() {
  while (connections_.size() - without_place_ >= state_.options.connections_max) {
    if (!make_room()) return false;
  }
  return true;
}

bool Connections::has_room_to_refuse() const {
  return without_place_ < kWithoutPlaceMax;
}

ClientConnection& Connections::add(Fd fd, const std::optional<IpAddress>& peer, const Place& place) {
  const std::uint64_t id = next_id_++;
  auto owned = std::make_unique<ClientConnection>(id, std::move(fd), peer, state_.limits, budget_);
  ClientConnection& connection = *owned;
  connections_.emplace(id, std::move(owned));
  connection.place = eviction_queue_.add(id, state_.now);
  connection.counted = place.counted;
  connection.shed = place.refusal != nullptr;
  without_place_ += connection.shed ? 1 : 0;
  counters_.connections = connections_.size();
  return connection;
}

void Connections::remove(ClientConnection& connection) {
  deadlines_.remove(connection.id, connection.timer);
  without_place_ -= connection.shed ? 1 : 0;
  eviction_queue_.remove(connection.place);
  if (connection.counted) addresses_.remove(connection.peer->holder());
  note_handshake_open(connection, false);
  connections_.erase(connection.id);
  counters_.connections = connections_.size();
}

ClientConnection* Connections::find(std::uint64_t id) const {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

std::vector<std::uint64_t> Connections::ids() const {
  std::vector<std::uint64_t> ids;
  ids.reserve(connections_.size());
  for (const auto& entry : connections_) ids.push_back(entry.first);
  return ids;
}

bool Connections::make_room() {
  return evict(eviction_queue_.next_to_evict(state_.now, kMinResidency));
}

bool Connections::make_room_where(const std::function<bool(const ClientConnection&)>& fits) {
  return evict(eviction_queue_.next_to_evict(state_.now, kMinResidency, [&](std::uint64_t id) {
    const ClientConnection* const connection = find(id);
    return id != protected_ && connection != nullptr && fits(*connection);
  }));
}

bool Connections::evict(std::optional<std::uint64_t> id) {
  ClientConnection* const connection = id ? find(*id) : nullptr;
  if (connection == nullptr) return false;
  ++counters_.connections_evicted;
  remove(*connection);
  return true;
}

void Connections::made_progress(ClientConnection& connection, EvictionQueue::Rank rank) {
  eviction_queue_.move(connection.place, rank, state_.now);
}

void Connections::set_deadline(ClientConnection& connection, Clock::time_point due) {
  deadlines_.set(connection.id, connection.timer, due);
}

void Connections::set_deadline_to_come(ClientConnection& connection, Clock::time_point due) {
  set_deadline(connection, std::min(due, state_.linger_until));
}

void Connections::clear_deadline(ClientConnection& connection) {
  Deadlines::clear(connection.timer);
}

ClientConnection* Connections::next_expired() {
  while (const auto id = deadlines_.pop(state_.now)) {
    ClientConnection* const connection = find(*id);
    if (connection != nullptr && deadlines_.settle(*id, connection->timer, state_.now)) return connection;
  }
  return nullptr;
}

void Connections::note_handshake_open(ClientConnection& connection, bool open) {
  if (std::exchange(connection.tls_counted, open) == open) return;
  handshakes_open_ = open ? handshakes_open_ + 1 : handshakes_open_ - 1;
}

}  // namespace hookspool::net

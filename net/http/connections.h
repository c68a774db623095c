// The connections of a loop: owns them, and is the only one that removes any. Every way in and out passes here, so what is
// kept about them (limits, places in the order of eviction, deadlines, open handshakes) always agrees with which exist.
//
// A reference is good until the next call of this class that may remove or evict; a caller that keeps one over such a call
// looks it up again by its id. Ids are never used again. Not thread-safe: belongs to the loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "net/http/connection.h"
#include "net/http/deadlines.h"
#include "net/http/eviction_queue.h"
#include "net/http/loop_state.h"
#include "net/http/refusal.h"
#include "net/http/request_reader.h"

namespace hookspool::net {

class Connections {
 public:
  // Ids begin here; the lower ones are the loop's own descriptors.
  static constexpr std::uint64_t kFirstId = 2;

  // What a new connection gets: a place, or the reason why there is none for it.
  struct Place {
    bool counted = false;              // among the connections of its address
    const Refusal* refusal = nullptr;  // a constant
  };

  // Both must outlive this.
  Connections(const LoopState& state, Counters& counters);
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // Evicts others where that makes the room. A place that is taken is for add() alone.
  Place take_place(const std::optional<IpAddress>& peer);
  // Whether one that has no place may be kept for as long as its refusal takes.
  bool has_room_to_refuse() const;
  ClientConnection& add(Fd fd, const std::optional<IpAddress>& peer, const Place& place);
  void remove(ClientConnection& connection);
  // nullptr: it has been removed.
  ClientConnection* find(std::uint64_t id) const;
  std::vector<std::uint64_t> ids() const;
  bool empty() const { return connections_.empty(); }

  // Eviction of the least recently productive one (eviction_queue.h). False: there was none to evict.
  bool make_room();
  // Among those that `fits` accepts, without the one that is protected.
  bool make_room_where(const std::function<bool(const ClientConnection&)>& fits);
  // Its request or answer is about to take memory: until another one is protected it is not evicted for that.
  void protect(const ClientConnection& connection) { protected_ = connection.id; }
  // Now, as a member of this class of eviction.
  void made_progress(ClientConnection& connection, EvictionQueue::Rank rank);

  void set_deadline(ClientConnection& connection, Clock::time_point due);
  // The same, but when stopping no later than LoopState::linger_until.
  void set_deadline_to_come(ClientConnection& connection, Clock::time_point due);
  static void clear_deadline(ClientConnection& connection);
  // One whose deadline has passed, each once; nullptr: no more.
  ClientConnection* next_expired();
  Clock::time_point next_deadline() const { return deadlines_.next(); }

  // The address, or network, that its limits count for; nothing: it has none.
  std::optional<IpAddress> limited_holder(const std::optional<IpAddress>& peer) const;

  // TLS handshakes that have begun and are not complete.
  std::size_t handshakes_open() const { return handshakes_open_; }
  void note_handshake_open(ClientConnection& connection, bool open);

 private:
  bool has_place();
  bool evict(std::optional<std::uint64_t> id);

  const LoopState& state_;
  Counters& counters_;
  BodyBudget budget_;  // of all connections; outlives them
  std::unordered_map<std::uint64_t, std::unique_ptr<ClientConnection>> connections_;
  std::uint64_t next_id_ = kFirstId;
  std::uint64_t protected_ = 0;    // 0: none
  std::size_t without_place_ = 0;  // open only to be refused
  std::size_t handshakes_open_ = 0;
  EvictionQueue eviction_queue_;
  AddressCounts addresses_;
  Deadlines deadlines_;
};

}  // namespace hookspool::net

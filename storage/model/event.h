// An event: one webhook as it was accepted. The vocabulary that storage/, net/ and agent/ share. Plain values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/model/uuid.h"

namespace hookspool {

// What the sender sent. Text fields are valid UTF-8 without NUL; `body` is any bytes.
struct Event {
  std::string lane;                 // = the source's name; events of a lane keep their order
  std::int64_t received_at_us = 0;  // wall clock, microseconds since 1970-01-01 UTC
  std::string delivery_id;          // the sender's own id of this delivery; empty if it has none
  std::string method;
  std::string path;
  std::string query;        // without '?'
  std::string remote_addr;  // numeric IPv4 or IPv6; empty for a Unix socket
  std::string content_type;
  std::string headers;  // one JSON object: lower-case name -> value, or array of values if repeated
  std::string body;
  Uuid requeued_id;    // not nil: a dead letter put back, which keeps the id it was accepted under
  Uuid quarantine_id;  // not nil: admitted from the quarantine, where it had this id, which it keeps
  bool has_preassigned_id() const {
    return !requeued_id.is_nil() || !quarantine_id.is_nil();
  }                 // else it is given one when appended
  Uuid dedupe_key;  // by which a repeated delivery is known as one; any 128 bits, nil: none
};

// An event that is on disk: its identity never changes again.
struct StoredEvent {
  Uuid id;                // UUIDv7; `order by id` is the order of acceptance within a journal
  Uuid epoch;             // a number means something only within its epoch
  std::uint64_t seq = 0;  // 1, 2, 3, ... without a gap within (epoch, lane)
  Event event;
};

using EventPtr = std::shared_ptr<const StoredEvent>;

// A place in the numbered run of a lane: `seq` and the id of the event there. seq 0: before the first.
struct Position {
  std::uint64_t seq = 0;
  Uuid id;
  bool operator==(const Position&) const = default;
};

}  // namespace hookspool

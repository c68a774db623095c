// A quarantined request: what came for a source with a signature that fits none of its secrets, as it came, so that it
// can be looked at again when a secret was corrected. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "storage/model/uuid.h"

namespace hookspool {

struct Quarantined {
  Uuid id;             // UUIDv7; an event that is admitted keeps it
  std::string source;  // = the lane it would have gone to
  std::string
      peer;  // whom it counts against where there is no room for all: an address, or a network of them
  std::int64_t received_at_us = 0;  // wall clock
  std::string reason;               // what did not match
  std::string method, path, query, remote_addr;
  std::vector<std::pair<std::string, std::string>> headers;  // lower-case name, value as sent, in order
  std::string body;
  std::uint64_t bytes = 0;  // of all this, as it counts against the limits
  // Set where an admission was begun: the lane's last number in the journal's epoch at that time.
  bool admitting = false;
  Uuid admitting_epoch;
  std::uint64_t admitting_seq = 0;
};

}  // namespace hookspool

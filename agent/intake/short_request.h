// Which requests the listener's loop admits itself instead of waking a worker. All connections wait for that thread, so the
// work has a bound that no sender can move: HttpInLoop::time_max for a turn, and for one request what is said here.
// Pure functions.
#pragma once

#include <cstddef>

#include "agent/config/config.h"
#include "net/http/server.h"

namespace hookspool::agent {

// Bytes of the body, times the secrets that it may have to be verified with: about 0.1 ms for two digests, a look at its
// JSON and Snappy.
inline constexpr std::size_t kShortBytesMax = 32 * 1024;

// Only what is linear in those bytes: no form (it is parsed, or its fields sorted for the signature), no condition, nothing
// that is redacted.
bool is_short(const net::HttpRequest& request, const SourceConfig& source);

}  // namespace hookspool::agent

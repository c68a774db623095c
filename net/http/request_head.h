// Reads the head of a request, strictly. What is not plainly well-formed is refused, because two readers that
// understand one doubtful head differently are how requests are smuggled (RFC 9112 section 11.2).
//
// Pure functions on bytes: no socket, no clock, no state. Thread-safe.
// Stricter than RFC 9112 by intent: no bare LF, no obs-fold, targets in origin or absolute form only, no body but
// with POST, no Transfer-Encoding but "chunked". Bytes from 0x80 on are taken in a target, as proxies pass them on.
#pragma once

#include <cstddef>
#include <string_view>

#include "net/http/refusal.h"
#include "net/http/server.h"
#include "storage/model/result.h"

namespace hookspool::net {

struct HeadLimits {
  std::size_t head_bytes_max;
  std::size_t header_lines_max;
  std::size_t path_bytes_max;
  std::size_t body_bytes_max;
};

struct RequestHead {
  HttpRequest request;             // without remote_addr and body
  std::size_t content_length = 0;  // of the body that follows; 0 where it is chunked
  bool chunked = false;
  // A POST with neither length nor coding: it has no body (RFC 9112 section 6.3). The connection ends with its answer,
  // so nothing that follows is ever read as a request.
  bool without_length = false;
  bool close = false;             // the connection ends with the answer
  bool expects_continue = false;  // the client waits for "100 Continue" before it sends the body
};

enum class HeadScan { kMore, kEnd, kBad };

// Looks for the empty line that ends a head, going on at `scanned`, which moves along. After kEnd `scanned`
// is the length of the head with that line. kBad: a byte that no head can contain, or a line end that is not
// CR LF.
HeadScan find_head_end(std::string_view buffer, std::size_t& scanned);

// What a head takes of memory: its texts and its list, with what the allocator adds.
std::size_t memory_bytes(const HttpRequest& request);

// REQUIRES: `head` is what find_head_end() found, of at most head_bytes_max bytes.
Result<RequestHead, Refusal> parse_request_head(std::string_view head, const HeadLimits& limits);

}  // namespace hookspool::net

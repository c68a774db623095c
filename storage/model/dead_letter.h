// A dead letter: an event that PostgreSQL refused for its content, kept whole until an operator decides. Plain values.
#pragma once

#include <cstdint>
#include <string>

#include "storage/model/uuid.h"

namespace hookspool {

struct DeadLetter {
  Uuid id;     // of the event
  Uuid epoch;  // with `seq`: under which number it was refused
  std::uint64_t seq = 0;
  std::string lane;
  std::int64_t received_at_us = 0;  // wall clock
  std::int64_t failed_at_us = 0;    // wall clock
  std::string sqlstate, message;    // why
  std::string request;  // JSON: delivery_id, method, path, query, remote_addr, content_type, headers
  std::string body;     // empty where only the metadata is known (body_bytes tells)
  std::uint64_t body_bytes = 0;
  bool put_back = false;  // is in the journal again, on its way
  bool has_body() const { return body.size() == body_bytes; }
};

}  // namespace hookspool

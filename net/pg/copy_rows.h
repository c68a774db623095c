// Stored events in PostgreSQL's binary COPY format.
// Source: PostgreSQL 15 documentation, COPY, "Binary Format"; the types' receive functions (uuid_recv,
// inet_recv, jsonb_recv, timestamptz_recv). Not thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "net/pg/connection.h"
#include "storage/model/event.h"

namespace hookspool::net {

// What is collected before it is sent; a bigger body is sent in pieces of this size.
inline constexpr std::size_t kCopyChunkBytesMax = 64 * 1024;

// The columns of hookspool.events in the order that EventCopy writes them.
inline constexpr std::string_view kEventColumns =
    "id, agent_id, epoch, seq, source, received_at, delivery_id, method, path, query, remote_addr, "
    "content_type, "
    "headers, payload, body, payload_issue";

// Feeds a COPY that has been started on the connection.
class EventCopy {
 public:
  EventCopy(Connection& connection, std::string_view agent_id, Deadline deadline);
  // Errors are kept and returned by finish(): the rest is skipped.
  void add(const StoredEvent& stored);
  // Ends the COPY; the number of rows PostgreSQL counted.
  PgResult<std::uint64_t> finish();

 private:
  void bytes(std::string_view raw);
  void int16(std::int16_t value);
  void int32(std::int32_t value);
  void int64(std::int64_t value);
  void null();
  void text(std::string_view value);
  void text_or_null(std::string_view value);  // NULL when empty
  void uuid(const Uuid& value);
  void jsonb(std::string_view value);
  void inet(const std::string& address);
  void send();

  Connection& connection_;
  std::string agent_id_;
  Deadline deadline_;
  std::string chunk_;
  PgResult<void> state_;
};

}  // namespace hookspool::net

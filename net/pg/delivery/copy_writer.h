// PostgreSQL's binary COPY format, value by value.
// Source: PostgreSQL 15 documentation, COPY, "Binary Format"; the types' receive functions (uuid_recv,
// inet_recv, jsonb_recv, timestamptz_recv). Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/pg/link/connection.h"
#include "storage/model/uuid.h"

namespace hookspool::net {

// What is collected before it is sent; a bigger body is sent in pieces of this size. With CopyData's own five bytes it fills
// libpq's buffer and whole TLS records, without a small one after them.
inline constexpr std::size_t kCopyChunkBytesMax = 32 * 1024 - 5;

// Feeds a COPY that has been started on the connection. Errors are kept and returned by finish(): the rest is
// skipped.
class CopyWriter {
 public:
  CopyWriter(Connection& connection, Deadline deadline);

  void row(std::int16_t columns);
  void null();
  void bytea(std::string_view value) { text(value); }  // sent as it is, like text
  void text(std::string_view value);
  void text_or_null(std::string_view value);  // NULL when empty
  void int4(std::int32_t value);
  void bigint(std::int64_t value);
  void timestamptz(std::int64_t unix_us);
  void uuid(const Uuid& value);
  void jsonb(std::string_view value);
  void inet(const std::string& address);  // NULL when it is not a numeric address

  bool failed() const { return !state_; }
  // Ends the COPY; the number of rows PostgreSQL counted.
  PgResult<std::uint64_t> finish();

 private:
  template <class T>
  void integer(T value);
  void bytes(std::string_view raw);
  void send();

  Connection& connection_;
  Deadline deadline_;
  std::string chunk_;
  PgResult<void> state_;
};

}  // namespace hookspool::net

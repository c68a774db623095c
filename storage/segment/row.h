// A row of a segment's `events` table: its key, its columns and its checksum (FORMAT.md, "events"). Rows are
// written in the present format only and read in every format there has been.
//
// Internal to storage/. Pure but for the statement it binds or reads, which belongs to the caller's thread.
#pragma once

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/file/sqlite.h"
#include "storage/model/event.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

// A lane's events lie together, in order, without a second index: key = lane number, then sequence number.
constexpr int kSeqBits = 40;
constexpr std::uint64_t kSeqMax = (1ull << kSeqBits) - 1;
constexpr std::uint32_t kLaneNumberMax = (1u << 23) - 1;

std::int64_t row_key(std::uint32_t lane_number, std::uint64_t seq);
std::uint64_t key_seq(std::int64_t key);

// What an event counts against limits in bytes: its texts, its body, and a fixed share for the rest.
std::size_t event_bytes(const Event& event);

// The same as it lies in a segment. `packed`: see bind_row().
std::size_t stored_bytes(const Event& event, std::string_view packed);

// CRC-32C over lane, epoch, seq, id and every field with its length. `format`: of the segment, which decides
// what is counted.
std::uint32_t row_crc(const StoredEvent& stored, std::int32_t format = kFormatVersion);

inline constexpr const char* kInsertEventSql =
    "INSERT INTO events(key, id, received_at, delivery_id, method, path, query, remote_addr, content_type, "
    "headers, body, again, crc, dedupe_key, packing) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
// The columns read_row() expects, for a segment of this format.
std::string event_columns(std::int32_t format);

// Binds without copying: `stored` and `packed` must outlive the execution. `packed`: what pack_body() has made of its
// body; empty: the body as it is. Throws SQLite::Exception.
void bind_row(SQLite::Statement& insert, std::uint32_t lane_number, const StoredEvent& stored,
              std::string_view packed);

// The row the statement (`SELECT event_columns(format) ...`) stands on; `intact`: its checksum fits.
struct ReadRow {
  StoredEvent stored;
  bool intact = false;
};
ReadRow read_row(SQLite::Statement& select, const std::string& lane, const Uuid& epoch, std::int32_t format);

}  // namespace hookspool::storage

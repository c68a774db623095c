#include "storage/segment/row.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "storage/file/crc32c.h"
#include "storage/segment/packed_body.h"

namespace hookspool::storage {
namespace {

constexpr std::size_t kEventOverheadBytes = 96;

std::uint32_t add_number(std::uint32_t crc, std::uint64_t value) {
  std::array<unsigned char, 8> little_endian{};
  for (std::size_t i = 0; i < little_endian.size(); ++i) {
    little_endian[i] = static_cast<unsigned char>(value >> (8 * i));
  }
  return crc32c(crc, little_endian.data(), little_endian.size());
}

std::uint32_t add_text(std::uint32_t crc, const std::string& text) {
  return crc32c(add_number(crc, text.size()), text.data(), text.size());
}

std::string bytes_column(SQLite::Statement& select, int column) {
  const SQLite::Column value = select.getColumn(column);
  const void* data = value.getBlob();  // before getBytes(): the order sqlite3_column_blob() asks for
  return data == nullptr
             ? std::string()
             : std::string(static_cast<const char*>(data), static_cast<std::size_t>(value.getBytes()));
}

// The column `again`: where the event's id comes from.
int origin_of(const Event& event) {
  if (!event.requeued_id.is_nil()) return 1;
  return event.quarantine_id.is_nil() ? 0 : 2;
}

}  // namespace

std::int64_t row_key(std::uint32_t lane_number, std::uint64_t seq) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(lane_number) << kSeqBits | seq);
}

std::uint64_t key_seq(std::int64_t key) {
  return static_cast<std::uint64_t>(key) & kSeqMax;
}

std::size_t event_bytes(const Event& event) {
  return kEventOverheadBytes + event.lane.size() + event.delivery_id.size() + event.method.size() +
         event.path.size() + event.query.size() + event.remote_addr.size() + event.content_type.size() +
         event.headers.size() + event.body.size();
}

std::size_t stored_bytes(const Event& event, std::string_view packed) {
  return packed.empty() ? event_bytes(event) : event_bytes(event) - event.body.size() + packed.size();
}

std::string event_columns(std::int32_t format) {
  return std::string(
             "key, id, received_at, delivery_id, method, path, query, remote_addr, content_type, headers, "
             "body, "
             "again, crc, ") +
         (format >= kFormatWithDedupeKey ? "dedupe_key, " : "NULL, ") +
         (format >= kFormatWithPacking ? "packing" : "0");
}

std::uint32_t row_crc(const StoredEvent& stored, std::int32_t format) {
  const Event& event = stored.event;
  std::uint32_t crc = add_text(0, event.lane);
  crc = crc32c(crc, stored.epoch.bytes.data(), stored.epoch.bytes.size());
  crc = add_number(crc, stored.seq);
  crc = crc32c(crc, stored.id.bytes.data(), stored.id.bytes.size());
  crc = add_number(crc, static_cast<std::uint64_t>(event.received_at_us));
  for (const std::string* text : {&event.delivery_id, &event.method, &event.path, &event.query,
                                  &event.remote_addr, &event.content_type, &event.headers, &event.body}) {
    crc = add_text(crc, *text);
  }
  crc = add_number(crc, static_cast<std::uint64_t>(origin_of(event)));
  if (format < kFormatWithDedupeKey) return crc;
  const std::size_t key_bytes = event.dedupe_key.is_nil() ? 0 : event.dedupe_key.bytes.size();
  return crc32c(add_number(crc, key_bytes), event.dedupe_key.bytes.data(), key_bytes);
}

void bind_row(SQLite::Statement& insert, std::uint32_t lane_number, const StoredEvent& stored,
              std::string_view packed) {
  const Event& event = stored.event;
  const std::string_view body = packed.empty() ? std::string_view(event.body) : packed;
  const Packing packing = packed.empty() ? Packing::kNone : Packing::kSnappy;
  insert.bind(1, row_key(lane_number, stored.seq));
  bind_uuid(insert, 2, stored.id);
  insert.bind(3, event.received_at_us);
  insert.bindNoCopy(4, event.delivery_id);
  insert.bindNoCopy(5, event.method);
  insert.bindNoCopy(6, event.path);
  insert.bindNoCopy(7, event.query);
  insert.bindNoCopy(8, event.remote_addr);
  insert.bindNoCopy(9, event.content_type);
  insert.bindNoCopy(10, event.headers);
  insert.bindNoCopy(11, body.data(), static_cast<int>(body.size()));
  insert.bind(12, origin_of(event));
  insert.bind(13, static_cast<std::int64_t>(row_crc(stored)));
  if (event.dedupe_key.is_nil()) {
    insert.bind(14);
  } else {
    bind_uuid(insert, 14, event.dedupe_key);
  }
  insert.bind(15, static_cast<std::int64_t>(packing));
}

ReadRow read_row(SQLite::Statement& select, const std::string& lane, const Uuid& epoch, std::int32_t format) {
  ReadRow row;
  StoredEvent& stored = row.stored;
  stored.seq = key_seq(select.getColumn(0).getInt64());
  stored.epoch = epoch;
  stored.id = uuid_column(select, 1);
  Event& event = stored.event;
  event.lane = lane;
  event.received_at_us = select.getColumn(2).getInt64();
  event.delivery_id = bytes_column(select, 3);
  event.method = bytes_column(select, 4);
  event.path = bytes_column(select, 5);
  event.query = bytes_column(select, 6);
  event.remote_addr = bytes_column(select, 7);
  event.content_type = bytes_column(select, 8);
  event.headers = bytes_column(select, 9);
  event.body = bytes_column(select, 10);
  const int origin = select.getColumn(11).getInt();
  if (origin == 1) event.requeued_id = stored.id;
  if (origin == 2) event.quarantine_id = stored.id;
  event.dedupe_key = uuid_column(select, 13);
  if (static_cast<Packing>(select.getColumn(14).getInt64()) == Packing::kSnappy) {
    auto unpacked = unpack_body(event.body);
    if (!unpacked) return row;  // not intact
    event.body = std::move(*unpacked);
  }
  row.intact = select.getColumn(12).getInt64() == static_cast<std::int64_t>(row_crc(stored, format));
  return row;
}

}  // namespace hookspool::storage

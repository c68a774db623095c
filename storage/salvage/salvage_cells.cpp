#include "storage/salvage/salvage_cells.h"

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "storage/file/sqlite.h"
#include "storage/segment/packed_body.h"

namespace hookspool::storage {
namespace {

constexpr std::size_t kColumnsV1 = 13;
constexpr std::size_t kColumnsV3 = 15;  // each version has had one more
constexpr std::size_t kVarintBytesMax = 9;
constexpr std::size_t kHeaderBytesMax =
    100;  // one byte tells its length, and it always lies in the first page
constexpr std::uint64_t kRecordBytesMax = 512ull << 20;
constexpr std::uint64_t kUuidType = 12 + 2 * 16;  // a BLOB of 16 bytes
constexpr std::size_t kLaneBytesMax = 255;

struct Varint {
  std::uint64_t value = 0;
  std::size_t bytes = 0;  // 0: none
};

Varint read_varint(const SalvagePage& page, std::size_t at) {
  Varint varint;
  for (std::size_t i = 0; i < kVarintBytesMax && at + i < page.size(); ++i) {
    const unsigned char byte = page[at + i];
    if (i + 1 == kVarintBytesMax) return {varint.value << 8 | byte, i + 1};
    varint.value = varint.value << 7 | (byte & 0x7fu);
    if ((byte & 0x80u) == 0) return {varint.value, i + 1};
  }
  return {};
}

std::optional<std::uint64_t> content_bytes(std::uint64_t type) {
  constexpr std::array<std::uint64_t, 10> kFixed = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
  if (type < kFixed.size()) return kFixed[type];
  if (type < 12 || type > 2 * kRecordBytesMax) return std::nullopt;
  return (type - 12) / 2;
}

bool is_integer(std::uint64_t type) {
  return (type >= 1 && type <= 6) || type == 8 || type == 9;
}

bool is_event_column(std::size_t column, std::uint64_t type) {
  if (column == 0) return type == 0;  // the key is the row's number, so the column itself is NULL
  if (column == 1) return type == kUuidType;
  if (column == 2 || column == 11 || column == 12 || column == 14) return is_integer(type);
  if (column == 10) return type >= 12 && type % 2 == 0;
  if (column == 13) return type == 0 || type == kUuidType;
  return type >= 13 && type % 2 == 1;
}

// The row's number stands before the record, and the record's length before that.
struct Key {
  std::int64_t key = 0;
  bool whole = false;
};
std::optional<Key> key_before(const SalvagePage& page, std::size_t record_at, std::uint64_t record_bytes) {
  std::optional<Key> longest;
  for (std::size_t size = 1; size <= kVarintBytesMax && size <= record_at; ++size) {
    const Varint key = read_varint(page, record_at - size);
    if (key.bytes != size) continue;
    longest = Key{static_cast<std::int64_t>(key.value), false};
    for (std::size_t before = 1; before <= kVarintBytesMax && size + before <= record_at; ++before) {
      const Varint length = read_varint(page, record_at - size - before);
      if (length.bytes == before && length.value == record_bytes) return Key{longest->key, true};
    }
  }
  return longest;  // a damaged length does no harm: the columns tell it as well
}

// How much of a record is in the page itself, "Cell payload" (section 1.6).
std::size_t local_part(std::uint64_t record_bytes) {
  constexpr std::uint64_t kUsable = kSalvagePageBytes;
  constexpr std::uint64_t kLocalMax = kUsable - 35;
  constexpr std::uint64_t kLocalMin = (kUsable - 12) * 32 / 255 - 23;
  if (record_bytes <= kLocalMax) return static_cast<std::size_t>(record_bytes);
  const std::uint64_t fitting = kLocalMin + (record_bytes - kLocalMin) % (kUsable - 4);
  return static_cast<std::size_t>(fitting <= kLocalMax ? fitting : kLocalMin);
}

std::optional<EventCell> event_cell(const SalvagePage& page, std::size_t at) {
  const std::size_t header_bytes = page[at];
  if (header_bytes < kColumnsV1 + 1 || header_bytes > kHeaderBytesMax || at + header_bytes > page.size())
    return std::nullopt;
  EventCell cell;
  cell.at = at;
  cell.header_bytes = header_bytes;
  cell.record_bytes = header_bytes;
  for (std::size_t offset = 1; offset < header_bytes;) {
    const Varint type = read_varint(page, at + offset);
    const auto bytes = content_bytes(type.value);
    if (type.bytes == 0 || !bytes || cell.types.size() == kColumnsV3 ||
        !is_event_column(cell.types.size(), type.value))
      return std::nullopt;
    offset += type.bytes;
    if (offset > header_bytes) return std::nullopt;
    cell.types.push_back(type.value);
    cell.record_bytes += *bytes;
  }
  if (cell.types.size() < kColumnsV1 || cell.record_bytes > kRecordBytesMax) return std::nullopt;
  cell.format = static_cast<std::int32_t>(cell.types.size() - kColumnsV1) + 1;
  cell.local_bytes = local_part(cell.record_bytes);
  const bool overflows = cell.local_bytes < cell.record_bytes;
  if (at + cell.local_bytes + (overflows ? 4 : 0) > page.size()) return std::nullopt;
  const auto key = key_before(page, at, cell.record_bytes);
  if (!key) return std::nullopt;
  cell.key = key->key;
  cell.whole_key = key->whole;
  if (header_bytes + cell.id.bytes.size() <= cell.local_bytes)
    std::copy_n(page.begin() + static_cast<std::ptrdiff_t>(at + header_bytes), cell.id.bytes.size(),
                cell.id.bytes.begin());
  if (overflows) {
    for (std::size_t i = 0; i < 4; ++i)
      cell.next_page = cell.next_page << 8 | page[at + cell.local_bytes + i];
  }
  return cell;
}

std::int64_t integer(std::uint64_t type, std::string_view bytes) {
  if (type == 8 || type == 9) return type == 9 ? 1 : 0;
  std::uint64_t value =
      bytes.empty() || (static_cast<unsigned char>(bytes.front()) & 0x80u) == 0 ? 0 : ~std::uint64_t{0};
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(value);
}

Uuid uuid_of(std::string_view bytes) {
  Uuid uuid;
  if (bytes.size() != uuid.bytes.size()) return uuid;
  std::transform(bytes.begin(), bytes.end(), uuid.bytes.begin(),
                 [](char byte) { return static_cast<std::uint8_t>(byte); });
  return uuid;
}

std::string_view text_at(const SalvagePage& page, std::size_t at, std::size_t bytes) {
  if (at + bytes > page.size()) return {};
  return {reinterpret_cast<const char*>(page.data()) + at, bytes};
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kLaneBytesMax &&
         std::none_of(text.begin(), text.end(), [](char c) { return c >= '\0' && c < ' '; });
}

// A record of few columns at `at`: the header's length, then these types. Text is asked for as 13.
struct SmallRecord {
  std::vector<std::uint64_t> types;
  std::size_t content = 0;  // where it begins
};
std::optional<SmallRecord> small_record(const SalvagePage& page, std::size_t at,
                                        std::span<const std::uint64_t> wanted) {
  SmallRecord record;
  std::size_t offset = at + 1;
  for (const std::uint64_t type : wanted) {
    const Varint found = read_varint(page, offset);
    const bool fits = type == 13  ? found.value >= 13 && found.value % 2 == 1
                      : type == 1 ? is_integer(found.value)
                                  : found.value == type;
    if (found.bytes == 0 || !fits) return std::nullopt;
    offset += found.bytes;
    record.types.push_back(found.value);
  }
  if (page[at] != offset - at) return std::nullopt;
  record.content = offset;
  return record;
}

std::size_t bytes_of(std::uint64_t type) {
  return static_cast<std::size_t>(content_bytes(type).value_or(0));
}

}  // namespace

void find_event_cells(const SalvagePage& page, const std::function<void(const EventCell&)>& found) {
  // The first two columns always look the same: NULL, then 16 bytes.
  for (std::size_t at = 1; at + 2 < page.size(); ++at) {
    if (page[at + 1] != 0 || page[at + 2] != kUuidType) continue;
    if (const auto cell = event_cell(page, at)) found(*cell);
  }
}

bool split_record(const EventCell& cell, const std::string& record, EventColumns& columns) {
  if (record.size() != cell.record_bytes) return false;
  std::size_t at = cell.header_bytes;
  std::vector<std::string_view> fields;
  for (const std::uint64_t type : cell.types) {
    const auto bytes = static_cast<std::size_t>(content_bytes(type).value_or(0));
    fields.push_back(std::string_view(record).substr(at, bytes));
    at += bytes;
  }
  columns.id = uuid_of(fields[1]);
  columns.received_at_us = integer(cell.types[2], fields[2]);
  columns.texts.assign(fields.begin() + 3, fields.begin() + 10);
  columns.body = fields[10];
  columns.again = integer(cell.types[11], fields[11]);
  columns.crc = integer(cell.types[12], fields[12]);
  columns.dedupe_key = cell.format >= kFormatWithDedupeKey ? uuid_of(fields[13]) : Uuid{};
  if (cell.format < kFormatWithPacking || integer(cell.types[14], fields[14]) == 0) return true;
  auto unpacked = unpack_body(columns.body);
  if (unpacked) columns.body = std::move(*unpacked);
  return unpacked.has_value();
}

void find_names(const SalvagePage& page, const std::function<void(const Uuid&)>& epoch,
                const std::function<void(std::string)>& lane) {
  constexpr std::string_view kEpochKey = "epoch";
  constexpr std::array<std::uint64_t, 2> kMeta = {13, kUuidType};
  constexpr std::array<std::uint64_t, 2> kLane = {0, 13};
  constexpr std::array<std::uint64_t, 2> kLaneIndex = {13, 1};
  constexpr std::array<std::uint64_t, 4> kCursor = {kUuidType, 13, 1, kUuidType};
  const auto name = [&](std::size_t at, std::uint64_t type) {
    const std::string_view text = text_at(page, at, bytes_of(type));
    if (is_name(text)) lane(std::string(text));
  };
  // The byte before a small record is its length or its row's number; that it fits keeps the hints few.
  const auto length_fits = [&](std::size_t at, const SmallRecord& record, bool numbered) {
    std::size_t bytes = record.content - at;
    for (const std::uint64_t type : record.types) bytes += bytes_of(type);
    if (!numbered) return bytes > 127 || (at > 0 && page[at - 1] == bytes);
    for (std::size_t size = 1; size <= 4 && size < at; ++size) {
      if (read_varint(page, at - size).bytes == size && (bytes > 127 || page[at - size - 1] == bytes))
        return true;
    }
    return false;
  };
  for (std::size_t at = 0; at + 4 < page.size(); ++at) {
    if (page[at] < 3 || page[at] > 12) continue;
    if (const auto meta = small_record(page, at, kMeta)) {
      if (bytes_of(meta->types[0]) == kEpochKey.size() && text_at(page, meta->content, 5) == kEpochKey) {
        epoch(uuid_of(text_at(page, meta->content + 5, 16)));
      }
    }
    if (const auto row = small_record(page, at, kLane); row && length_fits(at, *row, true)) {
      name(row->content, row->types[1]);
    }
    if (const auto entry = small_record(page, at, kLaneIndex); entry && length_fits(at, *entry, false)) {
      name(entry->content, entry->types[0]);
    }
    if (const auto cursor = small_record(page, at, kCursor)) {
      epoch(uuid_of(text_at(page, cursor->content, 16)));
      name(cursor->content + 16, cursor->types[1]);
    }
  }
}

}  // namespace hookspool::storage

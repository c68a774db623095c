#include "net/pg/copy_rows.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "net/pg/payload.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kHeader{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0",
                                   19};  // signature, flags, extension length
constexpr std::int16_t kColumns = 16;
constexpr std::int64_t kPostgresEpochUs = 946'684'800'000'000;  // 2000-01-01 in microseconds since 1970-01-01

template <class T>
std::array<char, sizeof(T)> big_endian(T value) {
  std::array<char, sizeof(T)> bytes{};
  auto rest = static_cast<std::uint64_t>(value);
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
    *byte = static_cast<char>(rest & 0xFF);
    rest >>= 8;
  }
  return bytes;
}

}  // namespace

EventCopy::EventCopy(Connection& connection, std::string_view agent_id, Deadline deadline)
    : connection_(connection), agent_id_(agent_id), deadline_(deadline) {
  chunk_.reserve(kCopyChunkBytesMax);
  bytes(kHeader);
}

void EventCopy::add(const StoredEvent& stored) {
  const Event& event = stored.event;
  int16(kColumns);
  uuid(stored.id);
  text(agent_id_);
  uuid(stored.epoch);
  int32(8);
  int64(static_cast<std::int64_t>(stored.seq));
  text(event.lane);
  int32(8);
  int64(event.received_at_us - kPostgresEpochUs);
  text_or_null(event.delivery_id);
  text(event.method);
  text(event.path);
  text_or_null(event.query);
  inet(event.remote_addr);
  text_or_null(event.content_type);

  const Payload headers = to_payload(event.headers);
  if (headers.is_json) {
    jsonb(headers.json ? *headers.json : event.headers);
  } else {
    null();
  }

  const Payload payload = to_payload(event.body);
  if (payload.is_json) {
    jsonb(payload.json ? *payload.json : event.body);
  } else {
    null();
  }
  if (payload.issue.empty()) {
    null();
    null();
  } else {
    text(event.body);  // bytea is sent as it is, like text
    text(payload.issue);
  }
}

PgResult<std::uint64_t> EventCopy::finish() {
  int16(-1);
  send();
  if (!state_) return fail(std::move(state_).error());
  return connection_.copy_end(deadline_);
}

void EventCopy::send() {
  if (state_ && !chunk_.empty()) state_ = connection_.copy_data(chunk_, deadline_);
  chunk_.clear();
}

void EventCopy::bytes(std::string_view raw) {
  while (!raw.empty()) {
    const std::size_t fits = std::min(raw.size(), kCopyChunkBytesMax - chunk_.size());
    chunk_ += raw.substr(0, fits);
    raw.remove_prefix(fits);
    if (chunk_.size() == kCopyChunkBytesMax) send();
  }
}

void EventCopy::int16(std::int16_t value) {
  const auto raw = big_endian(value);
  bytes({raw.data(), raw.size()});
}

void EventCopy::int32(std::int32_t value) {
  const auto raw = big_endian(value);
  bytes({raw.data(), raw.size()});
}

void EventCopy::int64(std::int64_t value) {
  const auto raw = big_endian(value);
  bytes({raw.data(), raw.size()});
}

void EventCopy::null() {
  int32(-1);
}

void EventCopy::text(std::string_view value) {
  int32(static_cast<std::int32_t>(value.size()));
  bytes(value);
}

void EventCopy::text_or_null(std::string_view value) {
  if (value.empty()) {
    null();
  } else {
    text(value);
  }
}

void EventCopy::uuid(const Uuid& value) {
  int32(16);
  for (const std::uint8_t byte : value.bytes) {
    const char c = static_cast<char>(byte);
    bytes({&c, 1});
  }
}

void EventCopy::jsonb(std::string_view value) {
  constexpr std::string_view version_1{"\1", 1};
  int32(static_cast<std::int32_t>(value.size() + version_1.size()));
  bytes(version_1);
  bytes(value);
}

void EventCopy::inet(const std::string& address) {
  constexpr std::size_t ipv4_bytes = 4;
  constexpr std::size_t ipv6_bytes = 16;
  constexpr char ipv4_family = 2;  // PGSQL_AF_INET and PGSQL_AF_INET6, on every platform
  constexpr char ipv6_family = 3;
  std::array<char, ipv6_bytes> raw{};
  const std::string numeric =
      address.substr(0, address.find('%'));  // inet has no room for a zone: fe80::1%eth0
  std::size_t size = 0;
  if (inet_pton(AF_INET, numeric.c_str(), raw.data()) == 1) {
    size = ipv4_bytes;
  } else if (inet_pton(AF_INET6, numeric.c_str(), raw.data()) == 1) {
    size = ipv6_bytes;
  } else {
    null();
    return;
  }
  const std::array<char, 4> prefix{size == ipv4_bytes ? ipv4_family : ipv6_family,
                                   static_cast<char>(size * 8), 0, static_cast<char>(size)};
  int32(static_cast<std::int32_t>(prefix.size() + size));
  bytes({prefix.data(), prefix.size()});
  bytes({raw.data(), size});
}

}  // namespace hookspool::net

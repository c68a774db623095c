#include "net/pg/delivery/copy_writer.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

namespace hookspool::net {
namespace {

constexpr std::string_view kHeader{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0",
                                   19};                         // signature, flags, extension length
constexpr std::int64_t kPostgresEpochUs = 946'684'800'000'000;  // 2000-01-01 in microseconds since 1970-01-01

}  // namespace

CopyWriter::CopyWriter(Connection& connection, Deadline deadline)
    : connection_(connection), deadline_(deadline) {
  chunk_.reserve(kCopyChunkBytesMax);
  bytes(kHeader);
}

PgResult<std::uint64_t> CopyWriter::finish() {
  integer<std::int16_t>(-1);
  send();
  if (!state_) return fail(std::move(state_).error());
  return connection_.copy_end(deadline_);
}

void CopyWriter::send() {
  if (state_ && !chunk_.empty()) state_ = connection_.copy_data(chunk_, deadline_);
  chunk_.clear();
}

void CopyWriter::bytes(std::string_view raw) {
  while (!raw.empty()) {
    const std::size_t fits = std::min(raw.size(), kCopyChunkBytesMax - chunk_.size());
    chunk_ += raw.substr(0, fits);
    raw.remove_prefix(fits);
    if (chunk_.size() == kCopyChunkBytesMax) send();
  }
}

template <class T>
void CopyWriter::integer(T value) {
  std::array<char, sizeof(T)> big_endian{};
  auto rest = static_cast<std::uint64_t>(value);
  for (auto byte = big_endian.rbegin(); byte != big_endian.rend(); ++byte) {
    *byte = static_cast<char>(rest & 0xFF);
    rest >>= 8;
  }
  bytes({big_endian.data(), big_endian.size()});
}

void CopyWriter::row(std::int16_t columns) {
  integer<std::int16_t>(columns);
}

void CopyWriter::null() {
  integer<std::int32_t>(-1);
}

void CopyWriter::text(std::string_view value) {
  integer(static_cast<std::int32_t>(value.size()));
  bytes(value);
}

void CopyWriter::text_or_null(std::string_view value) {
  if (value.empty()) {
    null();
  } else {
    text(value);
  }
}

void CopyWriter::int4(std::int32_t value) {
  integer<std::int32_t>(sizeof value);
  integer(value);
}

void CopyWriter::bigint(std::int64_t value) {
  integer<std::int32_t>(sizeof value);
  integer(value);
}

void CopyWriter::timestamptz(std::int64_t unix_us) {
  bigint(unix_us - kPostgresEpochUs);
}

void CopyWriter::uuid(const Uuid& value) {
  std::array<char, 16> raw{};
  std::transform(value.bytes.begin(), value.bytes.end(), raw.begin(),
                 [](std::uint8_t byte) { return static_cast<char>(byte); });
  text({raw.data(), raw.size()});
}

void CopyWriter::jsonb(std::string_view value) {
  constexpr std::string_view version_1{"\1", 1};
  integer(static_cast<std::int32_t>(value.size() + version_1.size()));
  bytes(version_1);
  bytes(value);
}

void CopyWriter::inet(const std::string& address) {
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
  integer(static_cast<std::int32_t>(prefix.size() + size));
  bytes({prefix.data(), prefix.size()});
  bytes({raw.data(), size});
}

}  // namespace hookspool::net

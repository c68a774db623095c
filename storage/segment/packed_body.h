// Long bodies lie packed in a segment: Snappy (FORMAT.md, "packing"), which costs some microseconds for ten kilobytes
// of JSON and saves the disk three quarters of them, twice: in the WAL and in the database.
//
// Internal to storage/. Pure functions, for any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hookspool::storage {

// The column `packing`.
enum class Packing : std::int64_t { kNone = 0, kSnappy = 1 };

// Shorter ones are left as they came: there is little to save, and any SQLite tool can read them.
constexpr std::size_t kPackBytesMin = 2048;

// Empty: the body stays as it is, because it is short or would hardly get shorter.
std::string pack_body(std::string_view body);

// Nothing if this is not what pack_body() makes. Takes memory for what the packed bytes can hold, whatever they claim.
std::optional<std::string> unpack_body(std::string_view packed);

}  // namespace hookspool::storage

// Durations and sizes as people write them: "300s", "250ms", "24h"; "1MiB", "256KiB", "4096".
// Pure functions, thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hookspool::agent {

// A whole number and one of ms, s, m, h, d. Nothing for anything else, nor for what overflows.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// A whole number and one of B, KiB, MiB, GiB, TiB (or KB, MB, GB, TB: powers of 1000); no unit: bytes.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

std::string format_bytes(std::uint64_t bytes);           // "1.5 MiB"
std::string format_duration(std::chrono::milliseconds);  // "2 h 5 min", "3.2 s"

}  // namespace hookspool::agent

#include "agent/base/units.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <utility>

namespace hookspool::agent {
namespace {

struct Split {
  std::uint64_t number;
  std::string_view unit;
};

std::optional<Split> split_number(std::string_view text) {
  Split split{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), split.number);
  if (error != std::errc{}) return std::nullopt;
  split.unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (!split.unit.empty() && split.unit.front() == ' ') split.unit.remove_prefix(1);
  return split;
}

template <std::size_t N>
std::optional<std::uint64_t> scaled(const Split& split,
                                    const std::array<std::pair<std::string_view, std::uint64_t>, N>& units,
                                    std::uint64_t largest) {
  for (const auto& [name, factor] : units) {
    if (split.unit != name) continue;
    if (split.number > largest / factor) return std::nullopt;
    return split.number * factor;
  }
  return std::nullopt;
}

std::string printed(const char* format, double value, const char* unit) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value, unit);
  return buffer;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 5> kUnits{
      {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  const auto split = split_number(text);
  if (!split) return std::nullopt;
  // A hundred years: above it, adding the duration to a clock could overflow.
  const auto value = scaled(*split, kUnits, 100ull * 365 * 86'400'000);
  if (!value) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*value));
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, std::uint64_t>, 10> kUnits{
      {{"", 1},
       {"B", 1},
       {"KiB", 1ull << 10},
       {"MiB", 1ull << 20},
       {"GiB", 1ull << 30},
       {"TiB", 1ull << 40},
       {"KB", 1'000},
       {"MB", 1'000'000},
       {"GB", 1'000'000'000},
       {"TB", 1'000'000'000'000}}};
  const auto split = split_number(text);
  if (!split) return std::nullopt;
  return scaled(*split, kUnits, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
}

std::string format_bytes(std::uint64_t bytes) {
  static constexpr std::array<const char*, 5> kNames{"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  return printed(unit == 0 ? "%.0f %s" : "%.1f %s", value, kNames[unit]);
}

std::string format_duration(std::chrono::milliseconds duration) {
  const auto ms = duration.count();
  if (ms < 1'000) return std::to_string(ms) + " ms";
  if (ms < 60'000) return printed("%.1f %s", static_cast<double>(ms) / 1'000, "s");
  const auto minutes = ms / 60'000;
  if (minutes < 60) return std::to_string(minutes) + " min " + std::to_string(ms / 1'000 % 60) + " s";
  if (minutes < 48 * 60) return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
  return std::to_string(minutes / (24 * 60)) + " d " + std::to_string(minutes / 60 % 24) + " h";
}

}  // namespace hookspool::agent

// What the agent and its own commands agree on about the requests of an administrator. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hookspool::agent {

inline constexpr std::string_view kApiPrefix = "/api/v1/";
inline constexpr std::size_t kApiIdsMax = 100;          // in one request
inline constexpr std::int64_t kApiBuryMax = 1'000'000;  // events that one request makes dead letters

}  // namespace hookspool::agent

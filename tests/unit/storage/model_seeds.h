// The seeds that the model test runs every time: some of any kind, and each that has ever failed.
#pragma once

#include <array>
#include <cstdint>

namespace hookspool::storage {

inline constexpr std::array<std::uint64_t, 16> kModelSeeds = {1, 2,  3,  4,  5,  6,  7,  8,
                                                              9, 10, 11, 12, 13, 14, 15, 16};

}  // namespace hookspool::storage

// Exponential backoff with full jitter. Pure; thread-safe.
// Source of the shape: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
#pragma once

#include <chrono>

namespace hookspool::agent {

// No retry comes sooner than this, so that a lucky draw does not become a busy loop.
inline constexpr std::chrono::milliseconds kBackoffFloor{10};

// The wait before try number `attempt` (0: the first retry): uniform in [floor, min(most, least * 2^attempt)].
// `draw` is a random number in [0, 1).
std::chrono::milliseconds backoff_delay(std::chrono::milliseconds least, std::chrono::milliseconds most,
                                        unsigned attempt, double draw);

}  // namespace hookspool::agent

// Waits for a condition instead of sleeping for a guess.
#pragma once

#include <chrono>
#include <thread>

namespace hookspool::testing {

// True as soon as `condition()` is; false if it still is not when `limit` has passed.
template <class Condition>
bool wait_until(std::chrono::milliseconds limit, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace hookspool::testing

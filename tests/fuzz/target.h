// What every fuzz target has in common. A target is one function over bytes that any client may have sent; it holds what
// came out against what must always be true, so that a wrong answer is found as well as a crash.
//
// The same sources are built twice: with libFuzzer (./dev fuzz), and with replay.cpp, which feeds the committed corpus to
// them in every test run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace hookspool::fuzz {

// Ends the process where the claim does not hold: libFuzzer keeps the input.
inline void require(bool holds, const char* claim) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", claim);
  std::abort();
}

}  // namespace hookspool::fuzz

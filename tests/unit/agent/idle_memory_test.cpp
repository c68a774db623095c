#include "agent/upkeep/idle_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace hookspool::agent {
namespace {

// A sanitizer brings an allocator of its own, which keeps what is freed.
constexpr bool is_sanitized() {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
  return true;
#endif
#endif
  return false;
}

long resident_kib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stol(line.substr(line.find_first_of("0123456789")));
  }
  return -1;
}

// What is free goes. What is code stays: on a disk that has failed it could not be read again.
TEST(IdleMemory, GivesBackFreeMemoryAndKeepsCode) {
  IdleMemory memory;
  {
    // Small pieces with one behind them that stays: malloc itself would give the end of its memory back.
    std::vector<std::unique_ptr<char[]>> pieces;
    for (int i = 0; i < 4'000; ++i) {
      pieces.push_back(std::make_unique<char[]>(4'000));
      std::memset(pieces.back().get(), i, 4'000);
    }
    static std::unique_ptr<char[]> behind = std::make_unique<char[]>(4'000);
  }
  const long free_before = resident_kib("RssAnon"), code_before = resident_kib("RssFile");
  ASSERT_GT(code_before, 0);
  for (int round = 0; round <= IdleMemory::kQuietRounds; ++round) memory.round(1);
  if (!is_sanitized()) {
    EXPECT_LT(resident_kib("RssAnon"), free_before - 8'000);
  }
  EXPECT_GE(resident_kib("RssFile"), code_before - 64);
}

}  // namespace
}  // namespace hookspool::agent

#include "agent/idle_memory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <stdexcept>
#include <string>

namespace hookspool::agent {
namespace {

long resident_file_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::stol(line.substr(line.find_first_of("0123456789")));
  }
  return -1;
}

TEST(IdleMemory, WhatOnlyTheStartNeededIsNoLongerResident) {
  const long before = resident_file_kib();
  ASSERT_GT(before, 0);
  give_memory_back();
  EXPECT_LT(resident_file_kib(), before / 2);
  // Code, constants, exceptions and what was relocated are all there when they are wanted.
  EXPECT_TRUE(std::regex_match("abc", std::regex("[a-c]+")));
  EXPECT_THROW((void)std::stol("no number"), std::invalid_argument);
}

}  // namespace
}  // namespace hookspool::agent

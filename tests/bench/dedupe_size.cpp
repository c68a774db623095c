// dedupe_size [keys]: what the index of deliveries takes of memory and disk with so many keys, ten million unless given.
// Prints figures and asserts nothing but that every write and read succeeds.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "storage/dedupe/dedupe_index.h"
#include "tests/support/temp_folder.h"

namespace hookspool {
namespace {

using Clock = storage::DedupeIndex::Clock;
using Microseconds = std::chrono::duration<double, std::micro>;

constexpr std::size_t kBatchKeys = 500;
constexpr int kLookups = 300'000;

long resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::atol(line.c_str() + 6);
  }
  return 0;
}

Uuid random_key(std::mt19937_64& random) {
  Uuid key;
  for (std::uint8_t& byte : key.bytes) byte = static_cast<std::uint8_t>(random());
  return key;
}

int measure(std::uint64_t keys) {
  const testing::TempFolder folder("hookspool-dedupe");
  const storage::DedupeOptions options{folder.path() / "dedupe", keys};
  auto opened = storage::DedupeIndex::open(options, Clock::now());
  if (!opened.unopened.empty()) return 1;
  const long before = resident_kib();
  const auto put_began = Clock::now();
  std::mt19937_64 random(1);
  std::vector<storage::DedupeIndex::Entry> batch(kBatchKeys);
  for (std::uint64_t put = 0; put < keys; put += kBatchKeys) {
    for (auto& entry : batch) entry = {random_key(random), random_key(random)};
    if (!opened.index->put(batch, Clock::now())) return 1;
  }
  const Microseconds put_took = Clock::now() - put_began;
  const auto began = Clock::now();
  for (int i = 0; i < kLookups; ++i) {
    if (!opened.index->find(random_key(random))) return 1;
  }
  const Microseconds took = Clock::now() - began;
  const long resident = resident_kib() - before;
  opened.index.reset();
  const auto open_began = Clock::now();
  opened = storage::DedupeIndex::open(options, Clock::now());
  const Microseconds open_took = Clock::now() - open_began;
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path() / "dedupe"))
    bytes += entry.is_regular_file() ? entry.file_size() : 0;
  std::printf(
      "%llu keys: %.1f MiB of memory, %.0f MiB of disk, put in %.2f us each, a new key is looked up in %.2f "
      "us, opened "
      "again in %.0f ms\n",
      static_cast<unsigned long long>(keys), static_cast<double>(resident) / 1024,
      static_cast<double>(bytes) / (1 << 20), put_took.count() / static_cast<double>(keys),
      took.count() / kLookups, open_took.count() / 1'000);
  return 0;
}

}  // namespace
}  // namespace hookspool

int main(int argc, char** argv) {
  const long long keys = argc > 1 ? std::atoll(argv[1]) : 10'000'000;
  if (keys <= 0) {
    std::fprintf(stderr, "dedupe_size [keys]: a number above 0\n");
    return 64;
  }
  return hookspool::measure(static_cast<std::uint64_t>(keys));
}

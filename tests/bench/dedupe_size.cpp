// dedupe_size [keys]: what the index of deliveries takes of memory and disk with so many keys, ten million unless told.
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

#include "storage/side/dedupe_index.h"
#include "tests/support/temp_folder.h"

namespace hookspool {
namespace {

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
  const auto opened = storage::DedupeIndex::open({folder.path() / "dedupe", keys});
  if (!opened.unopened.empty()) return 1;
  const long before = resident_kib();
  std::mt19937_64 random(1);
  std::vector<storage::DedupeIndex::Entry> batch(kBatchKeys);
  for (std::uint64_t put = 0; put < keys; put += kBatchKeys) {
    for (auto& entry : batch) entry = {random_key(random), random_key(random)};
    if (!opened.index->put(batch, 1)) return 1;
  }
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < kLookups; ++i) {
    if (!opened.index->find(random_key(random))) return 1;
  }
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - began;
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path() / "dedupe"))
    bytes += entry.is_regular_file() ? entry.file_size() : 0;
  std::printf("%llu keys: %.1f MiB of memory, %.0f MiB of disk, a new key is looked up in %.1f us\n",
              static_cast<unsigned long long>(keys), static_cast<double>(resident_kib() - before) / 1024,
              static_cast<double>(bytes) / (1 << 20), took.count() / kLookups);
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

#include "storage/side_file.h"

#include <system_error>

namespace hookspool::storage {
namespace {

constexpr int kSetAsideNumberMax = 1000;

}  // namespace

std::string set_aside(const std::filesystem::path& folder, const std::string& name) {
  const auto file = folder / (name + ".db");
  for (int number = 1; number <= kSetAsideNumberMax; ++number) {
    const auto aside = folder / ("damaged-" + name + "-" + std::to_string(number) + ".db");
    std::error_code error;
    if (std::filesystem::exists(aside, error)) continue;
    std::filesystem::rename(file, aside, error);
    if (error) return {};
    // What is left of them would be applied to the new file.
    for (const char* beside : {"-journal", "-wal", "-shm"}) {
      std::filesystem::rename(file.string() + beside, aside.string() + beside, error);
    }
    return aside.string();
  }
  return {};
}

}  // namespace hookspool::storage

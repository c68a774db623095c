#include "tests/support/pg_programs.h"

#include <charconv>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace hookspool::testing {
namespace {

constexpr const char* kReleases = "/usr/lib/postgresql";

// 0 for a folder that is not named after a major version.
int version_of(const std::string& folder) {
  int version = 0;
  const auto [end, error] = std::from_chars(folder.data(), folder.data() + folder.size(), version);
  return error == std::errc() && end == folder.data() + folder.size() ? version : 0;
}

std::filesystem::path newest_bin_folder() {
  int newest = 0;
  std::filesystem::path bin;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(kReleases, error)) {
    const int version = version_of(entry.path().filename());
    const auto candidate = entry.path() / "bin";
    if (version <= newest || !std::filesystem::exists(candidate / "initdb")) continue;
    newest = version;
    bin = candidate;
  }
  if (newest == 0) throw std::runtime_error(std::string("no PostgreSQL server below ") + kReleases);
  return bin;
}

}  // namespace

std::string pg_program(const std::string& name) {
  static const std::filesystem::path bin = newest_bin_folder();
  return bin / name;
}

}  // namespace hookspool::testing

// A folder of its own for a test, gone when the test is. Others may enter it: PostgreSQL runs as another
// user.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace hookspool::testing {

class TempFolder {
 public:
  explicit TempFolder(const std::string& prefix = "hookspool-test") {
    std::string name = "/tmp/" + prefix + "-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      throw std::system_error(errno, std::generic_category(), "making " + name);
    }
    path_ = name;
    if (chmod(name.c_str(), 0755) != 0)
      throw std::system_error(errno, std::generic_category(), "chmod " + name);
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace hookspool::testing

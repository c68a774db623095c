// Files that the configuration names (itself, secrets, certificates): read whole, within a limit, without waiting.
//
// A FIFO, a device or a folder in such a place is an error. To open a FIFO waits for its other end, which would hold up
// a start or a reload for ever. Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "storage/model/result.h"

namespace hookspool::agent {

inline constexpr std::size_t kConfigFileBytesMax = 4u << 20;
inline constexpr std::size_t kCertificateFileBytesMax = 1u << 20;

struct RegularFile {
  std::string content;
  mode_t mode = 0;  // st_mode
};

// The error says why, without the file's name: "cannot be read: ...", "is not a regular file ...", "is larger than ...".
Result<RegularFile, std::string> read_regular_file(const std::string& path, std::size_t bytes_max);

}  // namespace hookspool::agent

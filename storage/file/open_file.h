// Opens a file by its name without waiting: a FIFO, a device or a folder may lie in the place of a file of the journal, and to
// open a FIFO waits for its other end, which would hold up a start for ever.
//
// Internal to storage/. Thread-safe.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace hookspool::storage {

// A descriptor, close-on-exec, of a regular file and of no symbolic link; or -1, and errno: EISDIR for a folder, EINVAL or
// ENXIO for what is neither a file nor a folder.
int open_regular(const std::filesystem::path& file, int flags, mode_t mode = 0);
bool means_not_regular(int error_number);

// What is there is no regular file, whatever it is. False: it is one, or there is nothing, or that is not known.
bool is_not_regular(const std::filesystem::path& file);

// The words for errno after open_regular().
std::string open_failure(int error_number);

}  // namespace hookspool::storage

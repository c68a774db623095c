// Whole reads and writes on a descriptor, and the errors of the system in the words of the journal.
//
// Internal to storage/. Thread-safe: no state. Interrupted calls are repeated; a short write goes on where it ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "storage/model/journal_error.h"

namespace hookspool::storage {

// Does errno say that the disk, or the quota on it, is full?
bool means_disk_full(int error_number);

// "<attempted>: <the system's words>". kFull where the disk is full, else kIo.
JournalError io_error(const std::string& attempted, int error_number);

// The loops that all others are made of, for a caller that words its errors itself.
struct ReadCount {
  std::size_t bytes = 0;  // that were read; fewer than asked for: the end of the file, or the error
  int error = 0;          // errno; 0: none
};
ReadCount read_as_much(int fd, std::span<std::byte> bytes, std::uint64_t offset);
int write_whole(int fd, std::span<const std::byte> bytes, std::uint64_t offset);  // 0, or errno

// At the descriptor's position (write_all) or at `offset` (the others). `file` is named in the error.
JournalResult<void> write_all(int fd, std::string_view bytes, const std::string& file);
JournalResult<void> write_all_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset,
                                 const std::string& file);
// How many bytes there were: fewer than the span only at the end of the file.
JournalResult<std::size_t> read_at(int fd, std::span<std::byte> bytes, std::uint64_t offset,
                                   const std::string& file);

JournalResult<void> sync_folder(const std::filesystem::path& folder);  // its names

}  // namespace hookspool::storage

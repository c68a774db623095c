// The log: the keys that are in no run yet, in the order in which they came, and what the index knows of itself.
//
//   record   crc32c of the rest (4), entries (4), complete_before (8), generation (8), age in microseconds (8),
//            then the entries of 32 bytes
//
// Appended without a sync, so it outlives the process and not always the machine; what a power cut takes is read again from
// the segments from complete_before on. A reader goes as far as the records hold: what follows a torn one was never relied
// on. A log that was read is never appended to: its content goes into a new one, which is synced, because after a failed
// sync the page cache may show what the disk does not have.
//
// Internal to storage/dedupe. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/base/fd.h"
#include "storage/dedupe/key_run.h"
#include "storage/model/journal_error.h"

namespace hookspool::storage {

struct IndexState {
  std::uint64_t complete_before = 0;  // the keys of all segments below this number are in the index
  std::uint64_t generation = 1;
  std::uint64_t age_us = 0;  // of the generation: how long the index has been open since it began
};

class KeyLog {
 public:
  static constexpr std::size_t kRecordEntriesMax = 1'024;
  static constexpr std::size_t kBytesMax = 4u << 20;  // then it is time for a new one

  struct Content {
    std::optional<IndexState> state;  // of the last record; none: there is not one whole record
    std::vector<KeyEntry> entries;
  };
  // As far as it holds.
  static JournalResult<Content> read(const std::filesystem::path& file);

  // Durable under its name when this returns.
  static JournalResult<std::unique_ptr<KeyLog>> create(const std::filesystem::path& folder,
                                                       std::uint64_t number, const IndexState& state,
                                                       std::span<const KeyEntry> entries);
  // REQUIRES: at most kRecordEntriesMax entries. After an error nothing more may be appended.
  JournalResult<void> append(std::span<const KeyEntry> entries, const IndexState& state);
  JournalResult<void> sync();

  std::uint64_t number() const { return number_; }
  bool is_full() const { return bytes_ >= kBytesMax; }
  const std::filesystem::path& path() const { return path_; }

  static std::string file_name(std::uint64_t number);
  static std::optional<std::uint64_t> parse(const std::string& file_name);

 private:
  KeyLog(std::filesystem::path path, Fd fd, std::uint64_t number)
      : path_(std::move(path)), fd_(std::move(fd)), number_(number) {}

  std::filesystem::path path_;
  Fd fd_;
  const std::uint64_t number_;
  std::uint64_t bytes_ = 0;
};

bool is_unfinished_log(const std::string& file_name);

}  // namespace hookspool::storage

// A file that keeps a little of the disk back: given up when letting go of segments finds no room itself, so that
// a full disk can always be emptied; made again when there is room.
//
// Internal to storage/. Thread-safe. Everything here is best effort: without the reserve the journal works, until a
// disk is full to the last block.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>

#include "storage/base/mutex.h"

namespace hookspool::storage {

class Reserve {
 public:
  // Looks whether the file is there, in full; makes nothing. `bytes` 0: there is none.
  Reserve(const std::filesystem::path& folder, std::uint64_t bytes);

  std::uint64_t bytes() const { return bytes_; }
  bool held() const { return held_; }  // waits for no file
  // What it will take of the disk's free room when it is made again.
  std::uint64_t missing_bytes() const { return held() ? 0 : bytes_; }
  // True: there was one, and its room is free now.
  bool give_up();
  void make();

 private:
  const std::filesystem::path file_;
  const std::uint64_t bytes_;
  Mutex mutex_;                     // held while the file is made or taken away
  std::atomic<bool> held_ = false;  // written with mutex_ held
};

}  // namespace hookspool::storage

// Segments that could not be read when the journal was opened (a full disk, rights, no descriptors, a disk that does not
// answer): tried again while it is open, so that their events are delivered without a new start.
//
// Until then such a segment is never opened for reading, set aside, dropped or counted as lost. What its record says of it
// is known to the catalogue: the lanes wait there, which keeps their order. Internal to storage/. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/catalogue/catalogue.h"
#include "storage/file/folder.h"

namespace hookspool::storage {

class LateSegments {
 public:
  // What is given by reference must outlive this.
  LateSegments(const Folder& folder, const std::string& vfs, Catalogue& catalogue)
      : folder_(folder), vfs_(vfs), catalogue_(catalogue) {}

  // For the opening: their numbers, and why they cannot be read.
  void wait_for(std::map<std::uint64_t, std::string> unreadable);

  // Tries each of them. Answers what an operator should read: what was read, and for what a new reason is in the way.
  std::vector<std::string> try_again() EXCLUDES(trying_, mutex_);

  std::map<std::uint64_t, std::string> unreadable() const;

 private:
  // Why not; empty: it is in the catalogue.
  std::string take(std::uint64_t number, std::vector<std::string>& notes) REQUIRES(trying_) EXCLUDES(mutex_);

  const Folder& folder_;
  const std::string& vfs_;
  Catalogue& catalogue_;
  Mutex trying_;         // one try at a time
  mutable Mutex mutex_;  // not held while files are read
  std::map<std::uint64_t, std::string> unreadable_ GUARDED_BY(mutex_);
};

}  // namespace hookspool::storage

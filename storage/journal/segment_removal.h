// How a delivered segment is removed: its name first, so that a crash leaves all of it or nothing, then what memory knows of
// it, then the files.
//
// Internal to storage/. Thread-safe; blocks on the disk.
#pragma once

#include <cstdint>

#include "storage/base/mutex.h"
#include "storage/catalogue/catalogue.h"
#include "storage/file/folder.h"
#include "storage/journal/space.h"
#include "storage/segment/segment_reader.h"

namespace hookspool::storage {

class SegmentRemoval {
 public:
  // All outlive this.
  SegmentRemoval(const Folder& folder, Catalogue& catalogue, ReaderPool& readers, JournalSpace& space)
      : folder_(folder), catalogue_(catalogue), readers_(readers), space_(space) {}

  // kNotFound: it is not there, is being written, or is not wholly delivered.
  JournalResult<void> remove(std::uint64_t number) EXCLUDES(mutex_);

 private:
  const Folder& folder_;
  Catalogue& catalogue_;
  ReaderPool& readers_;
  JournalSpace& space_;
  Mutex mutex_;  // one removal at a time, so that two do not each rely on the other's segment
};

}  // namespace hookspool::storage

#include "storage/journal/segment_removal.h"

#include "storage/catalogue/recovery.h"

namespace hookspool::storage {

JournalResult<void> SegmentRemoval::remove(std::uint64_t number) {
  const MutexLock lock(mutex_);
  const JournalResult<Catalogue::Drop> drop = catalogue_.begin_drop(number);
  if (!drop) return fail(drop.error());
  if (drop->uncovered_id) {
    const auto keep = [&] { return keep_greatest_id(folder_, *drop->uncovered_id); };
    if (auto kept = space_.retry_without_reserve(keep); !kept) return kept;
  }
  if (auto marked = space_.retry_without_reserve([&] { return folder_.mark_dropped(number); }); !marked)
    return marked;
  drop->file->dropped = true;
  catalogue_.forget(number);
  readers_.forget(number);
  return folder_.remove_dropped(number);
}

}  // namespace hookspool::storage

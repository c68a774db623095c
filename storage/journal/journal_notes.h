// Small texts that belong to the journal (which database it writes to, ...): a file each, beside the segments.
//
// Thread-safe; of one name one writer at a time. Both calls block on the disk. A note that the disk has no room for is
// written with the reserve's help; else the error is kFull.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/model/journal_error.h"

namespace hookspool::storage {

class Folder;
class JournalSpace;

class JournalNotes {
 public:
  // Both outlive this.
  JournalNotes(const Folder& folder, JournalSpace& space) : folder_(folder), space_(space) {}

  // Names are lower-case letters and '-'. nullopt: never written.
  JournalResult<std::optional<std::string>> read(std::string_view name) const;
  // Atomic: after a crash the old text or the new one is there. At most Folder::kTextBytesMax.
  JournalResult<void> write(std::string_view name, const std::string& text);

 private:
  const Folder& folder_;
  JournalSpace& space_;
};

}  // namespace hookspool::storage

#include "storage/journal/journal_notes.h"

#include "storage/file/folder.h"
#include "storage/journal/space.h"

namespace hookspool::storage {
namespace {

std::string file_name(std::string_view name) {
  return "note-" + std::string(name);
}

}  // namespace

JournalResult<std::optional<std::string>> JournalNotes::read(std::string_view name) const {
  return folder_.read_text(file_name(name));
}

JournalResult<void> JournalNotes::write(std::string_view name, const std::string& text) {
  return space_.retry_without_reserve([&] { return folder_.write_text(file_name(name), text); });
}

}  // namespace hookspool::storage

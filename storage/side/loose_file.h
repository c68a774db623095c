// A small file beside the journal that promises nothing: it is replaced as a whole, never synced, and one that is damaged,
// too large or no regular file counts as absent. Without a sync it costs the journal's own syncs nothing; a power cut may
// take it.
// Thread-safe: one writer of a file at a time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "storage/model/journal_error.h"

namespace hookspool::storage {

inline constexpr std::size_t kLooseFileBytesMax = 256u << 10;  // of content

// The content as it was written (its checksum fits). Nothing: there is none to use.
std::optional<std::string> read_loose_file(const std::filesystem::path& file);

// Mode 0600, by way of "<file>.tmp". After an error the old content is there still, and the temporary file is not.
// kTooLarge: more than kLooseFileBytesMax.
JournalResult<void> write_loose_file(const std::filesystem::path& file, std::string_view content);

}  // namespace hookspool::storage

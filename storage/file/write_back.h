// Makes durable what an earlier life of the process may have left in the page cache alone.
//
// After a failed sync Linux marks the pages clean: reads still give what was written, the disk does not have it, and no
// later sync writes it. So before anything that an unclean end left behind is relied on, its bytes are written again in
// place, which makes the pages dirty, and then synced.
//
// Internal to storage/. Not thread-safe: at the opening. No connection of this process may have the file open: closing a
// descriptor drops its locks.
#pragma once

#include <filesystem>

#include "storage/model/journal_error.h"

namespace hookspool::storage {

// kIo, kFull (a file system that copies on write): not known to be durable, try again later. kNotFound: there is no such
// file. What is no regular file is an error as well.
JournalResult<void> write_back(const std::filesystem::path& file);

}  // namespace hookspool::storage

// What a stopped agent's journal holds, for scripts that cannot open one: whether it may be deleted when the package is purged.
// A file in the journal's folder that an orderly stop writes, the last of all, and that is removed before the journal
// gets anything new. So it is absent after a kill or a crash: then nothing is known, and nothing may be deleted.
// Thread-safe: no state; one process at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "storage/model/result.h"

namespace hookspool::agent {

inline constexpr const char* kStopNoteFile = "stopped";  // "waiting 0\nunreadable 0\nset-aside 0\n"

struct StopNote {
  std::uint64_t waiting = 0;     // events that PostgreSQL is not known to have
  std::uint64_t unreadable = 0;  // segments that could not be read, and may hold such events
  std::uint64_t set_aside = 0;   // the same of damaged ones that wait for salvage
};

// Not synced: a power cut may take it, or leave a part of it. A reader takes nothing but the three lines for a note. The error says why it was not written.
Result<void, std::string> write_stop_note(const std::filesystem::path& journal, const StopNote& note);
// Succeeds where there is none. An error means that the folder cannot be changed.
Result<void, std::string> remove_stop_note(const std::filesystem::path& journal);

}  // namespace hookspool::agent

// What is known of the sources' pauses over a restart: the file "silence" in the journal's folder, JSON, at most
// kLooseFileBytesMax (storage/side/loose_file.h), which is some 250 sources; what is known of more is learned anew. One that is
// damaged, or of another version, is ignored.
//
//   {"version":1,"sources":{"shop":{"watched_s":..,"requests":..,"longest_s":..,"hours_s":[168 numbers]}}}
//
// Thread-safe: one writer at a time.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "agent/alerts/silent_sources.h"
#include "storage/model/journal_error.h"

namespace hookspool::agent {

// Sources in the order given, as many as there is room for.
std::string silence_text(const std::vector<SilentSources::Known>& known);
// Empty: it is none.
std::vector<SilentSources::Known> silence_known(std::string_view text);

std::vector<SilentSources::Known> read_silence(const std::filesystem::path& journal);
storage::JournalResult<void> write_silence(const std::filesystem::path& journal,
                                           const std::vector<SilentSources::Known>& known);

}  // namespace hookspool::agent

// Small SQLite files beside the journal's segments, of things that were not promised to anybody (dead letters' copy,
// quarantine): one that is damaged is set aside, never trusted and never in the way. Internal to storage/.
#pragma once

#include <filesystem>
#include <string>

namespace hookspool::storage {

// Renames NAME.db (and SQLite's files beside it) to the first free damaged-NAME-N.db. The new path; empty: it failed.
std::string set_aside(const std::filesystem::path& folder, const std::string& name);

}  // namespace hookspool::storage

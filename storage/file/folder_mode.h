// Who may read the files of a journal: the owner alone, for they hold what senders sent.
//
// Internal to storage/. Not thread-safe: at the opening, with the folder's lock held.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hookspool::storage {

// Takes the rights of group and others from the files in the folder that are the process's own, as an earlier version may
// have left them. Sockets keep theirs: their mode says who may connect. Answers what an operator should read: files whose
// mode could not be changed, and a folder that others can list.
std::vector<std::string> keep_from_others(const std::filesystem::path& folder);

}  // namespace hookspool::storage

#include "storage/file/folder_mode.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace hookspool::storage {
namespace {

constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

std::vector<std::string> keep_from_others(const std::filesystem::path& folder) {
  std::vector<std::string> notes;
  const std::unique_ptr<DIR, CloseFolder> entries(::opendir(folder.c_str()));
  if (!entries) return notes;
  const int at = ::dirfd(entries.get());
  std::size_t changed = 0;
  std::string refused;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    struct stat status {};
    if (name == "." || name == ".." || ::fstatat(at, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    const bool ours = S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
    if (!ours || (status.st_mode & kOthers) == 0) continue;
    if (::fchmodat(at, name.c_str(), status.st_mode & 07777 & ~kOthers, 0) == 0) {
      ++changed;
    } else if (refused.empty()) {
      refused = name + ": " + std::generic_category().message(errno);
    }
  }
  if (changed > 0) {
    notes.push_back(
        std::to_string(changed) + " files in " + folder.string() +
        " could be read by other users, as an earlier version made them: now by their owner alone");
  }
  if (!refused.empty()) {
    notes.push_back("other users may be able to read files in " + folder.string() + " (" + refused +
                    "): run as their owner: chmod -R go-rwx " + folder.string());
  }
  struct stat status {};
  if (::fstat(at, &status) == 0 && (status.st_mode & S_IRWXO) != 0) {
    notes.push_back("every user can look into the folder " + folder.string() + ": run: chmod o-rwx " +
                    folder.string());
  }
  return notes;
}

}  // namespace hookspool::storage

#include "agent/config/socket_files.h"

#include <sys/stat.h>

#include <filesystem>
#include <optional>

#include "storage/model/printable.h"

namespace hookspool::agent {
namespace {

constexpr std::string_view kUnix = "unix:";

// A user other than the owner can remove or rename what lies in it. Of the socket's own folder the sticky bit is no help:
// the name can be taken while the agent is away.
bool lets_others_replace(const struct stat& folder, bool holds_the_socket) {
  return (folder.st_mode & S_IWOTH) != 0 && (holds_the_socket || (folder.st_mode & S_ISVTX) == 0);
}

// Users who may connect beyond the agent's own user: a group by name, or every user. Nothing: the file's group is the
// agent's, whose members are not known here.
std::optional<std::string> let_in(const SocketFile& file) {
  if ((file.mode & S_IWOTH) != 0) return "other users";
  if ((file.mode & S_IWGRP) != 0 && file.gid) return "the group \"" + printable(file.group) + "\"";
  return std::nullopt;
}

bool lets_in(const struct stat& folder, const SocketFile& file) {
  const bool by_group = (file.mode & S_IWOTH) == 0 && folder.st_gid == *file.gid;
  return (folder.st_mode & (by_group ? S_IXGRP : S_IXOTH)) != 0;
}

void look_at(const std::string& what, const std::string& path, const SocketFile& file,
             std::vector<std::string>& lines) {
  const auto whom = let_in(file);
  bool entry_reported = false;
  const std::filesystem::path socket_folder = std::filesystem::path(path).parent_path();
  for (std::filesystem::path folder = socket_folder; !folder.empty(); folder = folder.parent_path()) {
    const std::string shown = printable(folder.string());
    struct stat info {};
    if (::stat(folder.c_str(), &info) == 0) {
      if (lets_others_replace(info, folder == socket_folder)) {
        lines.push_back(what + ": every user can write to " + shown + " and put another socket at " +
                        printable(path) + "; use a folder that only the agent's user can write to");
      }
      if (whom && !entry_reported && !lets_in(info, file)) {
        lines.push_back(what + ": " + *whom + " may connect to " + printable(path) + ", but not enter " +
                        shown + "; use a folder that they have the right to enter (x)");
        entry_reported = true;
      }
    }
    if (!folder.has_relative_path()) break;
  }
}

}  // namespace

std::string admin_socket_path(const Config& config) {
  if (!config.admin.socket.empty()) return config.admin.socket;
  std::error_code error;
  const auto folder = std::filesystem::absolute(config.journal.path, error);
  return (folder / "admin.sock").lexically_normal().string();
}

std::vector<std::string> socket_warnings(const Config& config) {
  std::vector<std::string> lines;
  if (config.intake.listen.starts_with(kUnix))
    look_at("[intake] listen", config.intake.listen.substr(kUnix.size()), config.intake.socket_file, lines);
  if (config.admin.listen.starts_with(kUnix))
    look_at("[admin] listen", config.admin.listen.substr(kUnix.size()), config.admin.socket_file, lines);
  look_at("[admin] socket", admin_socket_path(config), config.admin.socket_file, lines);
  return lines;
}

}  // namespace hookspool::agent

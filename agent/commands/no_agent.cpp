#include "agent/commands/no_agent.h"

#include <grp.h>
#include <sys/stat.h>

#include <filesystem>

#include "agent/base/exit_codes.h"
#include "agent/commands/output.h"

namespace hookspool::agent {
namespace {

constexpr std::string_view kUnix = "unix:";

std::string group_name(gid_t id) {
  const group* found = ::getgrgid(id);
  return found != nullptr ? found->gr_name : std::to_string(id);
}

// What keeps this user out: the socket itself, or the nearest folder above it that can be seen.
std::string who_may(std::filesystem::path place) {
  struct stat info {};
  while (::stat(place.c_str(), &info) != 0) {
    if (!place.has_relative_path()) return "";
    place = place.parent_path();
  }
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(info.st_mode & 07777));
  return std::string(S_ISDIR(info.st_mode) ? " (its folder " + place.string() + ": " : " (") + "mode " +
         mode + ", group " + group_name(info.st_gid) + ")";
}

}  // namespace

int tell_no_agent(const std::string& address, const net::HttpError& error, const std::string& options) {
  const bool is_unix = address.starts_with(kUnix);
  const std::string shown = is_unix ? address.substr(kUnix.size()) : address;
  if (error.kind == net::HttpError::Kind::kNotPermitted) {
    tell("this user may not use %s%s: run it as root or as a member of that group\n", shown.c_str(),
         is_unix ? who_may(shown).c_str() : "");
    return kExitNoPermission;
  }
  tell("no agent at %s: %s. Is it running? Another address: %s, or --config FILE\n", shown.c_str(),
       error.text.c_str(), options.c_str());
  return kExitUnavailable;
}

}  // namespace hookspool::agent

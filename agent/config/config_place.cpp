#include "agent/config/config_place.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

namespace hookspool::agent {

std::string chosen_config_file(const std::string& given) {
  if (!given.empty()) return given;
  if (const char* named = std::getenv("HOOKSPOOL_CONFIG"); named != nullptr) return named;
  struct stat info {};
  // One that this user may not see is there all the same: silently taking another would be wrong.
  const bool absent = ::stat(kPackagedConfigFile, &info) != 0 && (errno == ENOENT || errno == ENOTDIR);
  return absent ? "" : kPackagedConfigFile;
}

Result<std::string, std::string> resolved_path(const std::string& text, const std::filesystem::path& folder) {
  if (text.empty()) return fail(std::string("is empty; write a path"));
  if (text.find('\0') != std::string::npos) return fail(std::string("holds a NUL byte"));
  if (text.front() == '~' || text.front() == '$' || text.find("${") != std::string::npos) {
    return fail("\"" + text + "\": only a shell replaces " + (text.front() == '~' ? "~" : "$") +
                "; write the whole path, as in /var/lib/hookspool/journal");
  }
  if (text.find("://") != std::string::npos)
    return fail("\"" + text + "\" is a URL; write a path, as in /var/lib/hookspool/journal");
  if (text.front() == '/') return text;
  return (folder / text).lexically_normal().string();
}

Result<std::string, std::string> resolved_listen(const std::string& listen,
                                                 const std::filesystem::path& folder) {
  constexpr std::string_view kUnix = "unix:";
  if (!listen.starts_with(kUnix)) return listen;
  auto path = resolved_path(listen.substr(kUnix.size()), folder);
  if (!path) return path;
  return std::string(kUnix) + *path;
}

}  // namespace hookspool::agent

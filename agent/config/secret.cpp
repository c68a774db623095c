#include "agent/config/secret.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "agent/base/regular_file.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kSecretBytesMax = 64u << 10;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kLittleEndian = "\xff\xfe", kBigEndian = "\xfe\xff";  // of UTF-16

// What an editor, `echo` or a form adds is no part of a secret; what is never typed is reported.
Result<std::string, std::string> cleaned(std::string_view text, const std::string& where) {
  const bool utf16 = text.starts_with(kLittleEndian) || text.starts_with(kBigEndian);
  if (utf16) return fail(where + " is in UTF-16; save it as UTF-8");
  text = without_line_ends(text);
  if (text.find('\0') != std::string_view::npos)
    return fail(where + " holds a zero byte; is it in UTF-16, or no text at all? Save it as UTF-8");
  if (text.empty()) return fail(where + " is empty");
  return std::string(text);
}

// What the packaged unit loads as this credential, where this user can read it: for commands, which systemd does not start.
std::string packaged_file_of(const std::string& name) {
  constexpr std::string_view kPrefix = "secret_";
  if (!name.starts_with(kPrefix) || name.find('/') != std::string::npos) return "";
  std::string file = "/etc/hookspool/credentials/" + name.substr(kPrefix.size());
  return ::access(file.c_str(), R_OK) == 0 ? file : "";
}

}  // namespace

std::string_view without_line_ends(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

Result<std::string, std::string> secret_from_file(const std::string& path) {
  auto file = read_regular_file(path, kSecretBytesMax);
  if (!file) return fail("the secret file " + path + " " + file.error());
  if ((file->mode & S_IRWXO) != 0) {
    return fail("the secret file " + path + " can be read by every user; run: chmod o-rwx " + path);
  }
  return cleaned(file->content, "the secret file " + path);
}

Result<std::string, std::string> secret_from_credential(const std::string& name) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr) {
    if (const std::string file = packaged_file_of(name); !file.empty()) return secret_from_file(file);
    return fail("there is no credential " + name +
                ": CREDENTIALS_DIRECTORY is not set; add LoadCredential=" + name + ":PATH to the unit");
  }
  if (name.empty() || name.find('/') != std::string::npos)
    return fail("bad credential name \"" + name + "\"");
  return secret_from_file(std::string(folder) + "/" + name);
}

Result<std::string, std::string> secret_from_environment(const std::string& variable) {
  const char* value = std::getenv(variable.c_str());
  if (value == nullptr || *value == '\0') return fail("the environment variable " + variable + " is not set");
  return cleaned(value, "the environment variable " + variable);
}

}  // namespace hookspool::agent

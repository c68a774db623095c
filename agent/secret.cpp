#include "agent/secret.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace hookspool::agent {
namespace {

constexpr off_t kSecretBytesMax = 64 * 1024;

}  // namespace

Result<std::string, std::string> secret_from_file(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return fail("cannot read the secret file " + path + ": " + std::strerror(errno));
  }
  if ((info.st_mode & S_IRWXO) != 0) {
    return fail("the secret file " + path + " is open to everybody; run: chmod o-rwx " + path);
  }
  if (info.st_size > kSecretBytesMax) return fail("the secret file " + path + " is larger than 64 KiB");
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  if (!file)
    return fail("cannot read the secret file " + path + " (is it empty, or not readable for this user?)");
  std::string secret = content.str();
  if (!secret.empty() && secret.back() == '\n') secret.pop_back();
  if (secret.empty()) return fail("the secret file " + path + " is empty");
  return secret;
}

Result<std::string, std::string> secret_from_credential(const std::string& name) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr) {
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
  return std::string(value);
}

}  // namespace hookspool::agent

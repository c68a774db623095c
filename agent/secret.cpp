#include "agent/secret.h"

#include <sys/stat.h>

#include <cstdlib>
#include <utility>

#include "agent/regular_file.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kSecretBytesMax = 64u << 10;

}  // namespace

Result<std::string, std::string> secret_from_file(const std::string& path) {
  auto file = read_regular_file(path, kSecretBytesMax);
  if (!file) return fail("the secret file " + path + " " + file.error());
  if ((file->mode & S_IRWXO) != 0) {
    return fail("the secret file " + path + " is open to everybody; run: chmod o-rwx " + path);
  }
  std::string secret = std::move(file->content);
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

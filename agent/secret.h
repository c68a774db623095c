// Secrets come from files, systemd credentials or the environment, never from the configuration's text.
#pragma once

#include <string>

#include "storage/model/result.h"

namespace hookspool::agent {

// The file's content without one trailing newline. The error names the file and what to do: unreadable, empty,
// readable by everybody, or larger than 64 KiB.
Result<std::string, std::string> secret_from_file(const std::string& path);
// $CREDENTIALS_DIRECTORY/name (systemd LoadCredential=).
Result<std::string, std::string> secret_from_credential(const std::string& name);
Result<std::string, std::string> secret_from_environment(const std::string& variable);

}  // namespace hookspool::agent

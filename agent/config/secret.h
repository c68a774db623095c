// Secrets come from files, systemd credentials or the environment, never from the configuration's text.
// Thread-safe as long as no thread changes the environment.
#pragma once

#include <string>
#include <string_view>

#include "storage/model/result.h"

namespace hookspool::agent {

// A text without one UTF-8 byte order mark before it and the line ends (CR, LF) behind it.
std::string_view without_line_ends(std::string_view text);

// Each is the text there, cleaned in that way. The error names the place and what to do: unreadable, no regular file, open
// to every user, larger than 64 KiB, empty, in UTF-16, or with a zero byte in it.
Result<std::string, std::string> secret_from_file(const std::string& path);
// $CREDENTIALS_DIRECTORY/name (systemd LoadCredential=).
Result<std::string, std::string> secret_from_credential(const std::string& name);
Result<std::string, std::string> secret_from_environment(const std::string& variable);

}  // namespace hookspool::agent

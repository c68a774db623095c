// Where the configuration lies, and what the paths in it mean. Thread-safe as long as no thread changes the environment: the
// functions have no state, and read the environment and the file system.
#pragma once

#include <filesystem>
#include <string>

#include "storage/model/result.h"

namespace hookspool::agent {

inline constexpr const char* kPackagedConfigFile = "/etc/hookspool/hookspool.toml";
inline constexpr const char* kPackagedEnvironmentFile = "/etc/hookspool/environment";  // of the packaged unit

// Of every command: `given` (--config); else HOOKSPOOL_CONFIG, which may be empty and then says that there is none; else
// kPackagedConfigFile where that is there. Empty: the embedded default.
std::string chosen_config_file(const std::string& given);

// A path as a configuration in `folder` (absolute) means it: a relative one counts from there. The error says why it
// cannot be one: empty, or with something that only a shell would replace.
Result<std::string, std::string> resolved_path(const std::string& text, const std::filesystem::path& folder);
// The same for "unix:/path"; any other address as it is.
Result<std::string, std::string> resolved_listen(const std::string& listen,
                                                 const std::filesystem::path& folder);

}  // namespace hookspool::agent

#include "agent/config/config_access.h"

#include <unistd.h>

#include <cerrno>

namespace hookspool::agent {

ConfigFaults cannot_read(const std::string& file, const std::string& why) {
  ConfigFaults faults{{file + ": " + why}, ConfigFaults::Kind::kNoFile};
  if (file.starts_with('~')) faults.lines.push_back("Only a shell replaces ~; write the whole path.");
  if (::access(file.c_str(), R_OK) == 0 || errno != EACCES) return faults;
  faults.kind = ConfigFaults::Kind::kNotPermitted;
  faults.lines.push_back("Run it as root, as the agent's user, or as a member of the file's group.");
  return faults;
}

}  // namespace hookspool::agent

// hookspool(8): the service, its files, signals and exit codes. Thread-safe: no state.
#pragma once

#include <string>
#include <vector>

#include "agent/manual/command_pages.h"

namespace hookspool::agent {

struct ListedCommand {
  std::string name, help;
};

// `description`: "hookspool: takes webhooks ...".
Page program_page(const std::vector<ListedCommand>& commands, const std::string& description,
                  const Edition& edition);

}  // namespace hookspool::agent

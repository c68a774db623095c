// hookspool.toml(5), made from the commented sample (packaging/hookspool.toml), which a test compares with the reader of the
// configuration. Thread-safe: no state.
#pragma once

#include <string>

#include "agent/manual/command_pages.h"

namespace hookspool::agent {

// `sample`: the text of the sample configuration.
Page config_page(const std::string& sample, const Edition& edition);

}  // namespace hookspool::agent

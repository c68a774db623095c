// Which events of a source are kept at all. Thread-safe: pure functions.
#pragma once

#include <string_view>

#include "agent/config/config.h"
#include "net/http/server.h"

namespace hookspool::agent {

// Does the source's `keep` hold? `body`: as all pointers see it. Headers are seen as they would be stored: credentials are not
// there.
bool is_kept(const SourceConfig& source, const net::HttpRequest& request, std::string_view body);

}  // namespace hookspool::agent

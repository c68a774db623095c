// The admin listener's pages: /health, /livez, /readyz, and a front page that says so. Read only.
// Thread-safe: called by the admin listener's workers.
#pragma once

#include "agent/health.h"
#include "net/http/server.h"

namespace hookspool::agent {

net::HttpAnswer admin_page(const net::HttpRequest& request, const HealthSources& sources, bool stopping);

}  // namespace hookspool::agent

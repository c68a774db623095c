// The admin listeners' pages: /health, /metrics, /livez, /readyz, a front page that says so, and the administrator's requests.
// Thread-safe: called by the admin listener's workers.
#pragma once

#include "agent/admin/admin_api.h"
#include "agent/metrics/metrics.h"
#include "agent/upkeep/health.h"
#include "net/http/server.h"

namespace hookspool::agent {

net::HttpAnswer admin_page(const net::HttpRequest& request, const HealthSources& sources,
                           const AdminParts& parts, Metrics& metrics, bool stopping);

}  // namespace hookspool::agent

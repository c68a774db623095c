// The admin listeners' pages: the dashboard at / (for a program a text that names the others), /health, /metrics, /livez,
// /readyz, and the administrator's requests.
// Thread-safe: called by the admin listener's workers.
#pragma once

#include "agent/admin/admin_api.h"
#include "agent/metrics/metrics.h"
#include "agent/page/dashboard.h"
#include "agent/upkeep/health.h"
#include "net/http/server.h"

namespace hookspool::agent {

// What the figures are shown as.
struct Shown {
  Metrics& metrics;
  Dashboard& dashboard;
};

net::HttpAnswer admin_page(const net::HttpRequest& request, const HealthSources& sources,
                           const AdminParts& parts, const Shown& shown, bool stopping);

}  // namespace hookspool::agent

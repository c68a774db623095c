// The administrator's requests about the quarantine, under /api/v1/quarantine; part of admin_api.h, with its rules.
// Thread-safe.
#pragma once

#include <string>

#include "agent/admin/admin_api.h"
#include "net/http/server.h"

namespace hookspool::agent {

inline constexpr std::string_view kQuarantineRequest = "quarantine";

// `what`: the path after kApiPrefix. REQUIRES: it begins with kQuarantineRequest.
net::HttpAnswer admin_quarantine(const net::HttpRequest& request, const std::string& what,
                                 const AdminParts& parts);

}  // namespace hookspool::agent

// The administrator's requests about retained events, under /api/v1/events; part of admin_api.h, with its rules: they show what
// senders have sent, so the Unix socket alone answers them. Thread-safe.
//
//   POST events/search  {"source", "since_us", "until_us", "id", "delivery_id", "where", "per_source", "after"}
//   POST events/show    {"id"} or {"source", "epoch", "seq"}; "headers", "body": true for these as well
//   POST events/tail    {"source", "places", "turn", "headers", "body"}; without "places": where the newest are
#pragma once

#include <string>

#include "agent/admin/admin_api.h"
#include "net/http/server.h"

namespace hookspool::agent {

inline constexpr std::string_view kEventsRequest = "events/";

// `what`: the path after kApiPrefix. REQUIRES: it begins with kEventsRequest.
net::HttpAnswer admin_events(const net::HttpRequest& request, const std::string& what,
                             const AdminParts& parts);

}  // namespace hookspool::agent

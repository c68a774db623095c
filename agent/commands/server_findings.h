// What `hookspool doctor` sees of the PostgreSQL server and of the way to it: encryption and certificate, its clock against
// ours, PgBouncer. Changes nothing. Not thread-safe.
#pragma once

#include "agent/commands/findings.h"
#include "agent/config/config.h"
#include "net/pg/link/connection.h"

namespace hookspool::agent {

void look_at_server(net::Connection& connection, const Config& config, Findings& findings);

}  // namespace hookspool::agent

// The administrator's requests, under /api/v1/ on the admin listeners: JSON in, JSON out.
//
// Whatever changes something, and whatever shows what senders have sent, is answered on the Unix socket only: its
// file's mode is the access control. On the loopback listener such a request is refused with a text that names the
// socket. Thread-safe: called by the listeners' workers.
#pragma once

#include <optional>
#include <string>

#include "agent/delivery/lanes.h"
#include "agent/delivery/sink_guard.h"
#include "agent/repair/comparison.h"
#include "agent/repair/dead_letters.h"
#include "net/http/server.h"

namespace hookspool::agent {

class Admission;
class Quarantine;
class Reloader;

// What the requests work on.
struct AdminParts {
  // What there is of PostgreSQL.
  struct Postgres {
    net::Pool& pool;
    Lanes& lanes;
    SinkGuard& guard;
    const Current<PostgresConfig>& config;
  };

  storage::Journal& journal;
  DeadLetters& dead_letters;
  Quarantine& quarantine;
  Admission& admission;
  Reloader& reloader;
  std::optional<Postgres> postgres;  // nothing: none is configured
  std::string socket;                // where changes are taken; empty: nowhere
  std::string intake{};              // where webhooks come in, as in HttpOptions::listen
};

net::HttpAnswer admin_api(const net::HttpRequest& request, const AdminParts& parts);

}  // namespace hookspool::agent

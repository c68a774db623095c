// Refuses what a web page makes a browser send to a listener of this machine. Such a request comes from a loopback address
// like a local sender's, so only what the browser writes into it tells them apart.
//
// Pure functions. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "net/http/server.h"

namespace hookspool::agent {

// Is the host of the Host header this machine itself: "localhost", a name below it, or a loopback address? A page whose
// name was made to point here (DNS rebinding) has its own name in it. True without a Host: no browser leaves it out.
bool has_loopback_host(const net::HttpRequest& request);

// Why a browser's request is refused; nothing: it is none, or it came by a Unix socket, from elsewhere or by way of a
// trusted proxy. For sources that no signature protects. `any_name`: the source is declared nowhere, so no host
// name of it is known, and only this machine's own names are accepted.
std::optional<std::string> refused_as_browsers(const net::HttpRequest& request, bool any_name);

}  // namespace hookspool::agent

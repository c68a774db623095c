// Whether an address leads back to a listener of this agent. Thread-safe: no state. Asks the resolver, and so may block.
#pragma once

#include <string>

#include "net/http/web_address.h"

namespace hookspool::net {

// May it be the listener `listen` (HttpOptions::listen) of this machine?
bool leads_to(const WebAddress& address, const std::string& listen);

}  // namespace hookspool::net

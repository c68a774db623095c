// The folders in which the configuration puts Unix sockets. A socket's own mode says who may connect; the folders above it
// say who can get there, and who can put another socket in its place. Only looks. Thread-safe. No errors: what cannot be
// looked at is not warned of, since opening the socket says more.
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"

namespace hookspool::agent {

// The path of the admin socket: the configured one, else beside the journal, absolute.
std::string admin_socket_path(const Config& config);

// One line for each trouble with what to do: a folder that every user can write to, or one that the users whom socket_mode and
// socket_group admit cannot enter.
std::vector<std::string> socket_warnings(const Config& config);

}  // namespace hookspool::agent

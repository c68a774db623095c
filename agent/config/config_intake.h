// [intake] of the configuration, and the addresses that listeners may have. Internal to the configuration.
// Not thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "agent/config/config.h"

namespace hookspool::agent {

class TableReader;

// The very check that listening does, so that what check-config takes can be started.
void check_listen(TableReader& section, std::string_view key, const std::string& listen);
// socket_mode ("0660", as chmod takes it) and socket_group. False: neither is there.
bool read_socket_file(TableReader& section, SocketFile& file);
void read_intake(TableReader section, IntakeConfig& intake);

}  // namespace hookspool::agent

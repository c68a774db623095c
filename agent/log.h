// The agent's log on standard error: with systemd's "<N>" level prefixes when it goes to the journal, with time
// and level otherwise. Text from clients is escaped by whoever logs it (printable()).
// Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace hookspool::agent {

void start_log(const std::string& level);  // debug, info, warn, error

void log_debug(std::string_view text);
void log_info(std::string_view text);
void log_warn(std::string_view text);
void log_error(std::string_view text);

// At most 200 bytes, with everything but printable ASCII written as \xNN.
std::string printable(std::string_view text);

}  // namespace hookspool::agent

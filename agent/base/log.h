// The agent's log on standard error: with systemd's "<N>" level prefixes when it goes to the journal, with time (RFC 3339,
// UTC) and level otherwise. One call is one line of at most 16 KiB: what would act on a terminal is escaped (printable()),
// and a text of several lines (a hint with SQL) is joined with blanks.
// No caller waits for the log's reader: a thread of its own writes, and when more than 4,096 lines or 1 MiB wait, the
// oldest are lost, which the log says.
// Thread-safe, but for start_log() and finish_log(), the first and the last call.
#pragma once

#include <string>
#include <string_view>

#include "storage/model/printable.h"

namespace hookspool::agent {

void start_log(const std::string& level);  // debug, info, warn, error
void set_log_level(const std::string& level);
// Waits for what was logged to be written, for a second at most. False: the log is stuck, and the process should
// end without cleaning up after it.
bool finish_log();

void log_debug(std::string_view text);
void log_info(std::string_view text);
void log_warn(std::string_view text);
void log_error(std::string_view text);

}  // namespace hookspool::agent

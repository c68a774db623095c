// The agent's log on standard error, as text or as JSON: with systemd's "<N>" level prefixes when it goes to the journal, with time (RFC 3339,
// UTC) and level otherwise. One call is one line of at most 16 KiB: what would act on a terminal is escaped (printable()),
// and a text of several lines (a hint with SQL) is joined with blanks.
// As JSON a line is one object: time, level, message, the keys of the call, and, of a line that begins with "source NAME" or
// "lane NAME", that as a key. As text the keys of the call stand at its end, as key=value.
// No caller waits for the log's reader: a thread of its own writes, and when more than 4,096 lines or 1 MiB wait, the
// oldest are lost, which the log says.
// Thread-safe, but for start_log() and finish_log(), the first and the last call.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "storage/model/printable.h"

namespace hookspool::agent {

// level: debug, info, warn, error; format: text, json.
void start_log(const std::string& level, const std::string& format = "text");
void set_log_level(const std::string& level);
void set_log_format(const std::string& format);
// Waits for what was logged to be written, for a second at most. False: the log is stuck, and the process should
// end without cleaning up after it.
bool finish_log();

// Keys: lower-case letters and '_', none of time, level and message. No webhook's content and no secret.
using LogKeys = std::initializer_list<std::pair<std::string_view, std::string_view>>;

void log_debug(std::string_view text, LogKeys keys = {});
void log_info(std::string_view text, LogKeys keys = {});
void log_warn(std::string_view text, LogKeys keys = {});
void log_error(std::string_view text, LogKeys keys = {});

}  // namespace hookspool::agent

// How a line of the log is written: its text with the keys at its end, or one JSON object. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/log.h"

namespace hookspool::agent {

// `text` and the keys' values are printable() (storage/model/printable.h), which escapes line ends and control characters.
// "text key=value"; a value with blanks or quotes stands in quotes.
std::string text_line(std::string_view text, LogKeys keys);
// {"time":"2026-11-28T04:00:00.123Z","level":"warn","message":"text","source":"shop","key":"value"}; without its line feed.
std::string json_line(std::string_view time, std::string_view level, std::string_view text, LogKeys keys);

}  // namespace hookspool::agent

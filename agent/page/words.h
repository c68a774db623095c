// Figures as the dashboard writes them. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hookspool::agent {

std::string grouped(std::uint64_t value);   // "139,842"
std::string rate_words(double per_second);  // "184", "20.4", "0.03", "0"
std::string ms_words(double ms);            // "0.42 ms", "6.1 ms", "1.2 s"; "-" below 0
std::string percent_words(double share);    // of 1: "0 %", "0.3 %", "99.98 %", "100 %"
std::string span_words(double seconds);     // "38 s", "12 min 41 s", "7 h 50 min", "31 d", "more than a year"
std::string clock_words(std::int64_t us);   // "10:58:31", UTC
std::string moment_words(std::int64_t us,
                         std::int64_t now_us);  // the same, with its day where that is not today's
std::string ago_words(std::int64_t us, std::int64_t now_us);  // "now", "12 s ago", "3 h 12 min ago"

// For a command that is to be copied: quoted where a shell would take it for more than a word.
std::string shell_word(std::string_view text);

// How long a journal with room for `bytes` takes events of `bytes_per_event` at this rate. Nothing: for ever, or one of them is
// not known.
std::optional<double> seconds_that_fit(std::uint64_t bytes, double bytes_per_event, double per_second);

}  // namespace hookspool::agent

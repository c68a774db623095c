#include "agent/page/words.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "agent/base/instant.h"
#include "storage/base/text.h"

namespace hookspool::agent {
namespace {

constexpr double kMinute = 60, kHour = 3'600, kDay = 86'400, kYear = 365 * kDay;
constexpr double kBackground = 1e-9;  // events per second below which there are none

std::string printed(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

// Three figures, and no more than `places` behind the point.
std::string three_figures(double value, int places) {
  const int wanted = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", std::min(wanted, places), value);
  return buffer;
}

std::string two_units(double first, const char* first_unit, double second, const char* second_unit) {
  return printed("%.0f ", first) + first_unit + (second < 1 ? "" : printed(" %.0f ", second) + second_unit);
}

}  // namespace

std::string grouped(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string rate_words(double per_second) {
  if (per_second < 0.005) return per_second < kBackground ? "0" : "< 0.01";
  return per_second >= 1'000 ? grouped(static_cast<std::uint64_t>(std::llround(per_second)))
                             : three_figures(per_second, 2);
}

std::string ms_words(double ms) {
  if (ms < 0) return "-";
  if (ms >= 60'000) return span_words(ms / 1'000);
  return ms >= 1'000 ? three_figures(ms / 1'000, 1) + " s" : three_figures(ms, 2) + " ms";
}

std::string percent_words(double share) {
  const double percent = std::clamp(share, 0.0, 1.0) * 100;
  if (percent == 0 || percent == 100) return printed("%.0f %%", percent);
  if (percent > 99.99) return "> 99.99 %";
  if (percent < 0.01) return "< 0.01 %";
  return printed(percent >= 99 || percent < 1 ? "%.2f %%" : "%.1f %%", percent);
}

std::string span_words(double seconds) {
  if (seconds > kYear) return "more than a year";
  if (seconds < kMinute) return printed("%.0f s", std::floor(seconds));
  if (seconds < kHour)
    return two_units(std::floor(seconds / kMinute), "min", std::fmod(seconds, kMinute), "s");
  if (seconds < 2 * kDay)
    return two_units(std::floor(seconds / kHour), "h", std::floor(std::fmod(seconds, kHour) / kMinute),
                     "min");
  if (seconds < 10 * kDay)
    return two_units(std::floor(seconds / kDay), "d", std::floor(std::fmod(seconds, kDay) / kHour), "h");
  return printed("%.0f d", std::floor(seconds / kDay));
}

std::string clock_words(std::int64_t us) {
  return format_instant(us).substr(11, 8);
}

std::string moment_words(std::int64_t us, std::int64_t now_us) {
  const std::string moment = format_instant(us);
  const bool today = moment.compare(0, 10, format_instant(now_us), 0, 10) == 0;
  return today ? moment.substr(11, 8) : moment.substr(0, 10) + " " + moment.substr(11, 8);
}

std::string ago_words(std::int64_t us, std::int64_t now_us) {
  const double seconds = static_cast<double>(now_us - us) / 1e6;
  return seconds < 2 ? "now" : span_words(seconds) + " ago";
}

std::string shell_word(std::string_view text) {
  const bool plain =
      !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
        return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' || c == '_' || c == '.';
      });
  if (plain) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::optional<double> seconds_that_fit(std::uint64_t bytes, double bytes_per_event, double per_second) {
  if (bytes_per_event <= 0 || per_second <= kBackground) return std::nullopt;
  return static_cast<double>(bytes) / (bytes_per_event * per_second);
}

}  // namespace hookspool::agent

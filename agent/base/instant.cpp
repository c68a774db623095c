#include "agent/base/instant.h"

#include <chrono>
#include <cstdio>

#include "agent/base/units.h"

namespace hookspool::agent {
namespace {

using std::chrono::microseconds;
using std::chrono::sys_days;

// Reads exactly `digits` digits off the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int64_t> take_fraction_us(std::string_view& text) {
  if (!take(text, ".")) return 0;
  std::int64_t us = 0, unit = 100'000;
  bool any = false;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), unit /= 10) {
    us += unit * (text.front() - '0');
    any = true;
  }
  if (!any) return std::nullopt;
  return us;
}

std::optional<std::int64_t> take_offset_us(std::string_view& text) {
  if (take(text, "Zz")) return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const std::int64_t sign = text.front() == '+' ? 1 : -1;
  text.remove_prefix(1);
  const auto hours = take_number(text, 2);
  if (!hours || !take(text, ":")) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 60 + *minutes) * 60'000'000ll;
}

// RFC 3339 section 5.6; a leap second counts as the one that follows.
std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !take(text, "Tt ")) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || !take(text, ":")) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const auto fraction_us = take_fraction_us(text);
  if (!fraction_us) return std::nullopt;
  const auto offset_us = take_offset_us(text);
  if (!offset_us || !text.empty()) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  const microseconds midnight = sys_days(date).time_since_epoch();
  return midnight.count() + (*hour * 3'600ll + *minute * 60ll + *second) * 1'000'000 + *fraction_us -
         *offset_us;
}

}  // namespace

std::optional<std::int64_t> parse_instant(std::string_view text, std::int64_t now_us) {
  if (const auto ago = parse_duration(text)) return now_us - microseconds(*ago).count();
  return parse_rfc3339(text);
}

std::string format_instant(std::int64_t us) {
  const std::chrono::sys_time<microseconds> instant{microseconds(us)};
  const auto midnight = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss time(instant - midnight);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text;
}

}  // namespace hookspool::agent

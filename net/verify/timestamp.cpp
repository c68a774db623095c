#include "net/verify/timestamp.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "storage/base/text.h"

namespace hookspool::net {
namespace {

constexpr std::size_t kSecondsDigits = 10, kMillisecondsDigits = 13;
constexpr std::size_t kRfc3339BytesMax = 64;

std::optional<std::int64_t> whole_number(std::string_view text, std::size_t digits) {
  if (text.size() != digits || text[0] == '0' || !std::all_of(text.begin(), text.end(), is_digit))
    return std::nullopt;
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Takes parts of a text from its beginning; after the first that is not there all fail.
class Parts {
 public:
  explicit Parts(std::string_view text) : text_(text) {}

  int number(std::size_t digits, int least, int most) {
    const std::string_view part = text_.substr(0, digits);
    int value = 0;
    if (part.size() != digits || !std::all_of(part.begin(), part.end(), is_digit)) {
      ok_ = false;
      return least;
    }
    std::from_chars(part.data(), part.data() + part.size(), value);
    text_.remove_prefix(digits);
    ok_ = ok_ && value >= least && value <= most;
    return value;
  }
  char one_of(std::string_view characters) {
    if (text_.empty() || characters.find(text_[0]) == std::string_view::npos) {
      ok_ = false;
      return '\0';
    }
    const char c = text_[0];
    text_.remove_prefix(1);
    return c;
  }
  // ".5", or nothing: whole milliseconds of it.
  int fraction_ms() {
    if (text_.empty() || text_[0] != '.') return 0;
    text_.remove_prefix(1);
    int ms = 0;
    std::size_t digits = 0;
    for (; digits < text_.size() && is_digit(text_[digits]); ++digits) {
      if (digits < 3) ms = ms * 10 + (text_[digits] - '0');
    }
    ok_ = ok_ && digits > 0;
    text_.remove_prefix(digits);
    for (; digits < 3; ++digits) ms *= 10;
    return ms;
  }
  bool done() const { return ok_ && text_.empty(); }

 private:
  std::string_view text_;
  bool ok_ = true;
};

std::optional<std::int64_t> rfc3339(std::string_view text) {
  using std::chrono::day, std::chrono::month, std::chrono::year;
  if (text.size() > kRfc3339BytesMax) return std::nullopt;
  Parts parts(text);
  const int of_year = parts.number(4, 0, 9999);
  parts.one_of("-");
  const int of_month = parts.number(2, 1, 12);
  parts.one_of("-");
  const int of_day = parts.number(2, 1, 31);
  parts.one_of("Tt ");
  const int hours = parts.number(2, 0, 23);
  parts.one_of(":");
  const int minutes = parts.number(2, 0, 59);
  parts.one_of(":");
  const int seconds = parts.number(2, 0, 60);  // 60: a leap second
  const int ms = parts.fraction_ms();
  const char zone = parts.one_of("Zz+-");
  int offset_minutes = 0;
  if (zone == '+' || zone == '-') {
    offset_minutes = parts.number(2, 0, 23) * 60;
    parts.one_of(":");
    offset_minutes += parts.number(2, 0, 59);
    if (zone == '-') offset_minutes = -offset_minutes;
  }
  const auto date =
      year(of_year) / month(static_cast<unsigned>(of_month)) / day(static_cast<unsigned>(of_day));
  if (!parts.done() || !date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t in_minutes = days * 1'440 + hours * 60 + minutes - offset_minutes;
  return (in_minutes * 60 + seconds) * 1'000 + ms;
}

}  // namespace

std::optional<std::int64_t> parse_timestamp(std::string_view text, TimestampUnit unit) {
  if (unit == TimestampUnit::kRfc3339) return rfc3339(text);
  const auto number =
      whole_number(text, unit == TimestampUnit::kSeconds ? kSecondsDigits : kMillisecondsDigits);
  if (!number || unit == TimestampUnit::kMilliseconds) return number;
  return *number * 1'000;
}

std::string_view timestamp_form(TimestampUnit unit) {
  if (unit == TimestampUnit::kSeconds) return "10 digits (seconds since 1970)";
  if (unit == TimestampUnit::kMilliseconds) return "13 digits (milliseconds since 1970)";
  return "a time as in 2026-11-27T12:00:00Z (RFC 3339)";
}

}  // namespace hookspool::net

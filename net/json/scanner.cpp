#include "net/json/scanner.h"

#include <bit>
#include <cstring>

#include "net/json/characters.h"

namespace hookspool::net {
namespace {

// numeric's limits, which jsonb's numbers share (PostgreSQL documentation, 8.1.2).
constexpr std::int64_t kDigitsBeforePointMax = 131'072;
constexpr std::int64_t kDigitsAfterPointMax = 16'383;

// Which of eight bytes end a run of plain characters in a string: a quote, a backslash, a control character, the lead of
// a multibyte one. Each is marked by its highest bit, the lowest rightly; a borrow may mark more above it.
std::uint64_t ends_of_plain_run(std::uint64_t bytes) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  const auto below = [](std::uint64_t word, std::uint64_t limit) { return (word - ones * limit) & ~word; };
  return (bytes | below(bytes, 0x20) | below(bytes ^ ones * '"', 1) | below(bytes ^ ones * '\\', 1)) &
         ones * 0x80;
}

}  // namespace

void JsonScanner::scan() {
  reading_.is_json = whole();
  if (reading_.is_json && number_out_of_range_) reading_.refusal = "number";
}

bool JsonScanner::whole() {
  skip_blanks();
  if (!value()) return false;
  return at_end() || refuse("not_json");
}

std::optional<JsonValue> JsonScanner::next_element() {
  ++at_;  // the bracket, or the comma behind the element before
  skip_blanks();
  const std::size_t begin = at_;
  if (at_end() || peek() == ']' || !value()) return std::nullopt;
  return JsonValue{kind_of_json(text_[begin]), text_.substr(begin, ended_at_ - begin)};
}

// One value with all that is in it, and the blanks behind it.
bool JsonScanner::value() {
  do {
    if (!begin_value()) return false;
    if (opened_) continue;
    if (!after_value()) return false;
  } while (depth_ > 0);
  return true;
}

// A scalar, or the opening of an array or object up to where its first value begins (then `opened_`).
bool JsonScanner::begin_value() {
  opened_ = false;
  const bool watched = follower_ != nullptr && follower_->watches(depth_);
  if (watched) follower_->begins(depth_, at_);
  bool read = false;
  switch (peek()) {
    case '{':
      return open(true);
    case '[':
      return open(false);
    case '"':
      read = string();
      break;
    case 't':
      read = word("true");
      break;
    case 'f':
      read = word("false");
      break;
    case 'n':
      read = word("null");
      break;
    default:
      read = number();
  }
  if (read && watched) follower_->ends(depth_, at_);
  return read;
}

bool JsonScanner::open(bool object) {
  ++at_;
  if (depth_ == kJsonDepthMax) return refuse("too_deep");
  if (follower_ != nullptr && follower_->watches(depth_)) follower_->opens(depth_ + 1, !object);
  in_object_[static_cast<std::size_t>(depth_++)] = object;
  if (object && keys_ != nullptr) keys_->open();
  skip_blanks();
  if (peek() == (object ? '}' : ']')) {
    close();
    return true;
  }
  opened_ = true;
  return !object || name();
}

// REQUIRES: the bracket that closes the innermost array or object is next.
void JsonScanner::close() {
  ++at_;
  if (keys_ != nullptr && in_object_[static_cast<std::size_t>(depth_ - 1)]) keys_->close();
  if (follower_ != nullptr && follower_->watches(depth_)) follower_->closes(depth_);
  --depth_;
  if (follower_ != nullptr && follower_->watches(depth_)) follower_->ends(depth_, at_);
}

// Closes what ends here, up to where the next value begins or the outermost one has ended.
bool JsonScanner::after_value() {
  for (;;) {
    if (depth_ == 0) ended_at_ = at_;
    skip_blanks();
    if (depth_ == 0) return true;
    const bool object = in_object_[static_cast<std::size_t>(depth_ - 1)];
    if (take(',')) {
      skip_blanks();
      return !object || name();
    }
    if (peek() != (object ? '}' : ']')) return refuse("not_json");
    close();
  }
}

bool JsonScanner::name() {
  if (peek() != '"') return refuse("not_json");
  const std::size_t begin = at_;
  if (!string()) return false;
  const bool watched = follower_ != nullptr && follower_->watches(depth_);
  if (keys_ != nullptr || watched) {
    std::string_view name = text_.substr(begin + 1, at_ - begin - 2);
    if (escaped_) {
      name_ = unescaped(name, Unfit::kReplace);
      name = name_;
    }
    if (keys_ != nullptr) keys_->key(begin, name);
    if (watched) follower_->key(depth_, name);
  }
  skip_blanks();
  if (!take(':')) return refuse("not_json");
  skip_blanks();
  return true;
}

bool JsonScanner::word(std::string_view expected) {
  if (text_.substr(at_, expected.size()) != expected) return refuse("not_json");
  at_ += expected.size();
  return true;
}

std::int64_t JsonScanner::digits(bool& all_zero) {
  const std::size_t begin = at_;
  for (; peek() >= '0' && peek() <= '9'; ++at_) all_zero &= peek() == '0';
  return static_cast<std::int64_t>(at_ - begin);
}

bool JsonScanner::number() {
  const bool negative = take('-');
  bool zero = true;
  std::int64_t before = 1;
  if (!take('0')) before = digits(zero);
  if (before == 0) return refuse("not_json");
  std::int64_t after = 0;
  if (take('.') && (after = digits(zero)) == 0) return refuse("not_json");
  std::int64_t shift = 0;
  if (take('e') || take('E')) {
    const bool down = take('-');
    if (!down) take('+');
    const std::size_t begin = at_;
    bool ignored = false;
    if (digits(ignored) == 0) return refuse("not_json");
    for (std::size_t i = begin; i < at_ && shift <= kDigitsBeforePointMax; ++i) {
      shift = shift * 10 + (text_[i] - '0');
    }
    if (down) shift = -shift;
  }
  // PostgreSQL reads a huge exponent of zero as an error too.
  if (before + shift > kDigitsBeforePointMax || after - shift > kDigitsAfterPointMax)
    number_out_of_range_ = true;
  if (negative && zero) reading_.negative_zero = true;
  return true;
}

// Eight bytes at a time: nearly all of a body is this.
void JsonScanner::skip_plain() {
  if constexpr (std::endian::native != std::endian::little) return;
  std::uint64_t bytes = 0;
  for (; text_.size() - at_ >= sizeof bytes; at_ += sizeof bytes) {
    std::memcpy(&bytes, text_.data() + at_, sizeof bytes);
    const std::uint64_t ends = ends_of_plain_run(bytes);
    if (ends == 0) continue;
    at_ += static_cast<std::size_t>(std::countr_zero(ends)) / 8;
    return;
  }
}

bool JsonScanner::string() {
  ++at_;
  escaped_ = false;
  while (!at_end()) {
    skip_plain();
    if (at_end()) break;
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c == '"') {
      ++at_;
      return true;
    }
    if (c < 0x20) return refuse("not_json");
    if (c == '\\') {
      if (!escape()) return false;
    } else if (c < 0x80) {
      ++at_;
    } else if (!multibyte(c)) {
      return refuse("utf8");
    }
  }
  return refuse("not_json");
}

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool JsonScanner::multibyte(unsigned char lead) {
  std::size_t length = 0;
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) second_min = 0xA0;
    if (lead == 0xED) second_max = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) second_min = 0x90;
    if (lead == 0xF4) second_max = 0x8F;
  }
  if (length == 0 || text_.size() - at_ < length) return false;
  for (std::size_t i = 1; i < length; ++i) {
    const auto c = static_cast<unsigned char>(text_[at_ + i]);
    if (c < (i == 1 ? second_min : 0x80) || c > (i == 1 ? second_max : 0xBF)) return false;
  }
  at_ += length;
  return true;
}

bool JsonScanner::escape() {
  escaped_ = true;
  if (text_.size() - at_ < 2) return refuse("not_json");
  const char kind = text_[at_ + 1];
  if (kind == 'u') return unicode_escape();
  if (std::string_view("\"\\/bfnrt").find(kind) == std::string_view::npos) return refuse("not_json");
  at_ += 2;
  return true;
}

bool JsonScanner::unicode_escape() {
  const int unit = code_unit_at(text_, at_);
  if (unit < 0) return refuse("not_json");
  const bool high = is_high_surrogate(unit);
  if (high && is_low_surrogate(code_unit_at(text_, at_ + kUnicodeEscapeBytes))) {
    at_ += 2 * kUnicodeEscapeBytes;
    return true;
  }
  if (unit == 0) reading_.nul = true;
  if (high || is_low_surrogate(unit)) reading_.surrogate = true;
  at_ += kUnicodeEscapeBytes;
  return true;
}

}  // namespace hookspool::net

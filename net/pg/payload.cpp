#include "net/pg/payload.h"

#include <bit>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace hookspool::net {
namespace {

// numeric's limits, which jsonb's numbers share.
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

// One pass over a body: RFC 8259 as PostgreSQL's json_in reads it, with what jsonb refuses on top. Without
// recursion: the depth is the sender's choice.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // False: the text is no JSON that jsonb takes, and issue() says why.
  bool scan() {
    skip_blanks();
    while (true) {
      if (!begin_value()) return false;
      if (opened_) continue;
      if (!after_value()) return false;
      if (depth_ == 0) break;
    }
    if (at_ != text_.size()) return refuse("not_json");
    if (number_out_of_range_) return refuse("number");
    return true;
  }
  std::string_view issue() const { return issue_; }
  // Where an escape \uXXXX must become \ufffd.
  const std::vector<std::size_t>& escapes_to_replace() const { return escapes_to_replace_; }

 private:
  bool refuse(std::string_view issue) {
    issue_ = issue;
    return false;
  }
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }

  // A scalar, or the opening of an array or object up to where its first value begins (then `opened_`).
  bool begin_value() {
    opened_ = false;
    switch (peek()) {
      case '{':
      case '[': {
        const bool object = peek() == '{';
        ++at_;
        if (depth_ == kJsonDepthMax) return refuse("too_deep");
        in_object_[static_cast<std::size_t>(depth_++)] = object;
        skip_blanks();
        if (take(object ? '}' : ']')) {
          --depth_;
          return true;
        }
        opened_ = true;
        return !object || name();
      }
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  // Closes what ends here, up to where the next value begins or the outermost one has ended.
  bool after_value() {
    for (;;) {
      skip_blanks();
      if (depth_ == 0) return true;
      const bool object = in_object_[static_cast<std::size_t>(depth_ - 1)];
      if (take(',')) {
        skip_blanks();
        return !object || name();
      }
      if (!take(object ? '}' : ']')) return refuse("not_json");
      --depth_;
    }
  }

  bool name() {
    if (peek() != '"') return refuse("not_json");
    if (!string()) return false;
    skip_blanks();
    if (!take(':')) return refuse("not_json");
    skip_blanks();
    return true;
  }

  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return refuse("not_json");
    at_ += expected.size();
    return true;
  }

  std::int64_t digits() {
    const std::size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return static_cast<std::int64_t>(at_ - begin);
  }

  bool number() {
    take('-');
    std::int64_t before = 1;
    if (!take('0')) before = digits();
    if (before == 0) return refuse("not_json");
    std::int64_t after = 0;
    if (take('.') && (after = digits()) == 0) return refuse("not_json");
    std::int64_t exponent = 0;
    if (take('e') || take('E')) {
      const bool negative = take('-');
      if (!negative) take('+');
      const std::size_t begin = at_;
      if (digits() == 0) return refuse("not_json");
      for (std::size_t i = begin; i < at_ && exponent <= kDigitsBeforePointMax; ++i) {
        exponent = exponent * 10 + (text_[i] - '0');
      }
      if (negative) exponent = -exponent;
    }
    // PostgreSQL reads a huge exponent of zero as an error too.
    if (before + exponent > kDigitsBeforePointMax || after - exponent > kDigitsAfterPointMax) {
      number_out_of_range_ = true;
    }
    return true;
  }

  // Eight bytes at a time: nearly all of a body is this.
  void skip_plain() {
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

  bool string() {
    ++at_;
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
  bool multibyte(unsigned char lead) {
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

  bool escape() {
    if (text_.size() - at_ < 2) return refuse("not_json");
    const char kind = text_[at_ + 1];
    if (kind == 'u') return unicode_escape();
    if (std::string_view("\"\\/bfnrt").find(kind) == std::string_view::npos) return refuse("not_json");
    at_ += 2;
    return true;
  }

  // The value of \uXXXX at `at`, or -1.
  int code_unit(std::size_t at) const {
    if (text_.size() < at + 6 || text_[at] != '\\' || text_[at + 1] != 'u') return -1;
    int value = 0;
    for (const char c : text_.substr(at + 2, 4)) {
      value *= 16;
      if (c >= '0' && c <= '9') {
        value += c - '0';
      } else if (c >= 'a' && c <= 'f') {
        value += c - 'a' + 10;
      } else if (c >= 'A' && c <= 'F') {
        value += c - 'A' + 10;
      } else {
        return -1;
      }
    }
    return value;
  }

  bool unicode_escape() {
    constexpr std::size_t length = 6;
    const int unit = code_unit(at_);
    if (unit < 0) return refuse("not_json");
    const bool high = unit >= 0xD800 && unit <= 0xDBFF;
    const bool low = unit >= 0xDC00 && unit <= 0xDFFF;
    const int next = high ? code_unit(at_ + length) : -1;
    if (next >= 0xDC00 && next <= 0xDFFF) {
      at_ += 2 * length;
      return true;
    }
    if (unit == 0 || high || low) {
      if (issue_.empty()) issue_ = unit == 0 ? "nul" : "surrogate";
      escapes_to_replace_.push_back(at_);
    }
    at_ += length;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::bitset<kJsonDepthMax> in_object_;  // of the open arrays and objects
  int depth_ = 0;
  bool opened_ = false;
  bool number_out_of_range_ = false;
  std::string_view issue_;
  std::vector<std::size_t> escapes_to_replace_;
};

}  // namespace

Payload to_payload(std::string_view body) {
  Payload payload;
  Scanner scanner(body);
  payload.is_json = scanner.scan();
  payload.issue = scanner.issue();
  if (!payload.is_json || scanner.escapes_to_replace().empty()) return payload;
  std::string json(body);
  for (const std::size_t at : scanner.escapes_to_replace()) json.replace(at, 6, "\\ufffd");
  payload.json = std::move(json);
  return payload;
}

}  // namespace hookspool::net

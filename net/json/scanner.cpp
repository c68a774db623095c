#include "net/json/scanner.h"

#include <bit>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "net/json/characters.h"
#include "net/json/members.h"

namespace hookspool::net {
namespace {

// numeric's limits, which jsonb's numbers share (PostgreSQL documentation, 8.1.2; the exponent's: numeric.c of PostgreSQL
// 15; since 16 it takes one more).
constexpr std::int64_t kDigitsBeforePointMax = 131'072;
constexpr std::int64_t kDigitsAfterPointMax = 16'383;
constexpr std::int64_t kExponentMax = 1'073'741'822;  // even of zero

// Which of eight bytes end a run of plain characters in a string: a quote, a backslash, a control character, the lead of
// a multibyte one. Each is marked by its highest bit, the lowest rightly; a borrow may mark more above it.
std::uint64_t ends_of_plain_run(std::uint64_t bytes) {
  constexpr std::uint64_t ones = 0x0101010101010101;
  const auto below = [](std::uint64_t word, std::uint64_t limit) { return (word - ones * limit) & ~word; };
  return (bytes | below(bytes, 0x20) | below(bytes ^ ones * '"', 1) | below(bytes ^ ones * '\\', 1)) &
         ones * 0x80;
}

#ifdef __SSE2__
// The same of sixteen bytes, a bit each.
unsigned ends_of_plain_sixteen(const char* begin) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin));
  const __m128i quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  const __m128i controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
  const __m128i ends = _mm_or_si128(_mm_or_si128(bytes, quotes), _mm_or_si128(backslashes, controls));
  return static_cast<unsigned>(_mm_movemask_epi8(ends));
}
#endif

// Without recursion: the depth is the sender's choice.
class Scanner {
 public:
  // `keys`, `follower`: are called where they are not null. They must outlive it.
  Scanner(std::string_view text, JsonReading& reading, KeyRegister* keys, Follower* follower)
      : text_(text), reading_(reading), keys_(keys), follower_(follower) {}

  // The whole text. Fills all of the reading but bom, text and duplicate_key.
  void scan();
  // Where the text is one array: its next element. REQUIRES: the array has been read as JSON.
  std::optional<JsonValue> next_element();
  // Where the text is one object: its next member, under the same condition.
  std::optional<JsonMember> next_member();

 private:
  bool refuse(std::string_view refusal) {
    reading_.refusal = refusal;
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
    for (; !at_end() && text_[at_] <= ' '; ++at_) {
      const char c = text_[at_];
      if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
    }
  }

  bool whole();
  bool value();
  bool begin_value();
  bool open(bool object);
  void close();
  bool after_value();
  bool name();
  std::string_view unescaped_name(std::size_t begin);
  bool word(std::string_view expected);
  // A run of digits, and how many zeros it begins with.
  struct Digits {
    std::int64_t count = 0;
    std::int64_t zeros = 0;
    bool all_zero() const { return count == zeros; }
  };
  Digits digits();
  bool exponent(std::int64_t& shift);
  bool number();
  void skip_plain();
  bool string();
  bool rest_of_string();
  bool multibyte(unsigned char lead);
  bool escape();
  bool unicode_escape();

  std::string_view text_;
  JsonReading& reading_;
  KeyRegister* const keys_;
  Follower* const follower_;
  std::size_t at_ = 0;
  std::size_t ended_at_ = 0;              // behind the outermost value
  std::bitset<kJsonDepthMax> in_object_;  // of the open arrays and objects
  int depth_ = 0;
  bool opened_ = false;
  bool escaped_ = false;  // the string that was read last
  std::string name_;      // of a key that was escaped, without
  bool number_out_of_range_ = false;
};

void Scanner::scan() {
  reading_.is_json = whole();
  if (reading_.is_json && number_out_of_range_) reading_.refusal = "number";
}

bool Scanner::whole() {
  skip_blanks();
  if (!value()) return false;
  return at_end() || refuse("not_json");
}

std::optional<JsonValue> Scanner::next_element() {
  ++at_;  // the bracket, or the comma behind the element before
  skip_blanks();
  const std::size_t begin = at_;
  if (at_end() || peek() == ']' || !value()) return std::nullopt;
  return JsonValue{kind_of_json(text_[begin]), text_.substr(begin, ended_at_ - begin)};
}

std::optional<JsonMember> Scanner::next_member() {
  ++at_;  // the brace, or the comma behind the member before
  skip_blanks();
  const std::size_t name_begin = at_;
  if (peek() != '"' || !string()) return std::nullopt;
  const std::string_view name = unescaped_name(name_begin);  // the names within the value are not unescaped
  skip_blanks();
  if (!take(':')) return std::nullopt;
  skip_blanks();
  const std::size_t begin = at_;
  if (!value()) return std::nullopt;
  return JsonMember{name, {kind_of_json(text_[begin]), text_.substr(begin, ended_at_ - begin)}};
}

// One value with all that is in it, and the blanks behind it.
bool Scanner::value() {
  do {
    if (!begin_value()) return false;
    if (opened_) continue;
    if (!after_value()) return false;
  } while (depth_ > 0);
  return true;
}

// A scalar, or the opening of an array or object up to where its first value begins (then `opened_`).
bool Scanner::begin_value() {
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

bool Scanner::open(bool object) {
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
void Scanner::close() {
  ++at_;
  if (keys_ != nullptr && in_object_[static_cast<std::size_t>(depth_ - 1)]) keys_->close();
  if (follower_ != nullptr && follower_->watches(depth_)) follower_->closes(depth_);
  --depth_;
  if (follower_ != nullptr && follower_->watches(depth_)) follower_->ends(depth_, at_);
}

// Closes what ends here, up to where the next value begins or the outermost one has ended.
bool Scanner::after_value() {
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

bool Scanner::name() {
  if (peek() != '"') return refuse("not_json");
  const std::size_t begin = at_;
  if (!string()) return false;
  const bool watched = follower_ != nullptr && follower_->watches(depth_);
  if (keys_ != nullptr || watched) {
    const std::string_view name = unescaped_name(begin);
    if (keys_ != nullptr) keys_->key(begin, name);
    if (watched) follower_->key(depth_, name);
  }
  skip_blanks();
  if (!take(':')) return refuse("not_json");
  skip_blanks();
  return true;
}

// Of the string that was read last, from its opening quote on; valid until the next.
std::string_view Scanner::unescaped_name(std::size_t begin) {
  const std::string_view name = text_.substr(begin + 1, at_ - begin - 2);
  if (!escaped_) return name;
  name_ = unescaped(name, Unfit::kReplace);
  return name_;
}

bool Scanner::word(std::string_view expected) {
  if (text_.substr(at_, expected.size()) != expected) return refuse("not_json");
  at_ += expected.size();
  return true;
}

Scanner::Digits Scanner::digits() {
  const std::size_t begin = at_;
  while (peek() == '0') ++at_;
  const auto zeros = static_cast<std::int64_t>(at_ - begin);
  while (peek() >= '0' && peek() <= '9') ++at_;
  return {static_cast<std::int64_t>(at_ - begin), zeros};
}

bool Scanner::number() {
  const bool negative = take('-');
  Digits whole{1, 1};
  if (!take('0')) whole = digits();
  if (whole.count == 0) return refuse("not_json");
  Digits fraction;
  if (take('.') && (fraction = digits()).count == 0) return refuse("not_json");
  std::int64_t shift = 0;
  if ((take('e') || take('E')) && !exponent(shift)) return refuse("not_json");
  const bool zero = whole.all_zero() && fraction.all_zero();
  const std::int64_t before_point = whole.all_zero() ? -fraction.zeros : whole.count;
  if ((!zero && before_point + shift > kDigitsBeforePointMax) ||
      fraction.count - shift > kDigitsAfterPointMax || shift > kExponentMax || shift < -kExponentMax) {
    number_out_of_range_ = true;
  }
  if (negative && zero) reading_.negative_zero = true;
  return true;
}

// Behind the e. What is beyond kExponentMax stays so.
bool Scanner::exponent(std::int64_t& shift) {
  const bool down = take('-');
  if (!down) take('+');
  const std::size_t begin = at_;
  if (digits().count == 0) return false;
  for (std::size_t i = begin; i < at_ && shift <= kExponentMax; ++i) shift = shift * 10 + (text_[i] - '0');
  if (down) shift = -shift;
  return true;
}

// Nearly all of a body is this.
void Scanner::skip_plain() {
  const char* const text = text_.data();
  const std::size_t size = text_.size();
  std::size_t at = at_;
#ifdef __SSE2__
  for (; size - at >= 16; at += 16) {
    const unsigned ends = ends_of_plain_sixteen(text + at);
    if (ends == 0) continue;
    at_ = at + static_cast<std::size_t>(std::countr_zero(ends));
    return;
  }
#endif
  if constexpr (std::endian::native == std::endian::little) {
    std::uint64_t bytes = 0;
    for (; size - at >= sizeof bytes; at += sizeof bytes) {
      std::memcpy(&bytes, text + at, sizeof bytes);
      const std::uint64_t ends = ends_of_plain_run(bytes);
      if (ends == 0) continue;
      at += static_cast<std::size_t>(std::countr_zero(ends)) / 8;
      break;
    }
  }
  at_ = at;
}

bool Scanner::string() {
  ++at_;
  escaped_ = false;
  skip_plain();
  if (at_end() || text_[at_] != '"') return rest_of_string();
  ++at_;
  return true;
}

// From the first character on that is not plain, or lies too near the end. Apart, so that string() stays small.
[[gnu::noinline]] bool Scanner::rest_of_string() {
  for (; !at_end(); skip_plain()) {
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
bool Scanner::multibyte(unsigned char lead) {
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

bool Scanner::escape() {
  escaped_ = true;
  if (text_.size() - at_ < 2) return refuse("not_json");
  const char kind = text_[at_ + 1];
  if (kind == 'u') return unicode_escape();
  if (std::string_view("\"\\/bfnrt").find(kind) == std::string_view::npos) return refuse("not_json");
  at_ += 2;
  return true;
}

bool Scanner::unicode_escape() {
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

}  // namespace

void scan_json(std::string_view text, JsonReading& reading, KeyRegister* keys, Follower* follower) {
  Scanner(text, reading, keys, follower).scan();
}

void scan_elements(std::string_view array, const std::function<bool(const JsonValue&)>& take) {
  JsonReading reading;
  Scanner scanner(array, reading, nullptr, nullptr);
  for (auto element = scanner.next_element(); element && take(*element);) element = scanner.next_element();
}

void each_member(const JsonValue& object, const std::function<bool(const JsonMember&)>& take) {
  JsonReading reading;
  Scanner scanner(object.raw, reading, nullptr, nullptr);
  for (auto member = scanner.next_member(); member && take(*member);) member = scanner.next_member();
}

}  // namespace hookspool::net

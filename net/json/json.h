// The one reader of JSON that a sender wrote. Whatever looks into a body (delivery ids, dedupe keys, signature times,
// handshakes, tables of the user's own, what becomes jsonb) asks here, so that all of them see the same values.
//
// What counts as JSON: RFC 8259 in UTF-8, at most kJsonDepthMax levels deep, with or without a UTF-8 byte order mark before
// it. UTF-16 and UTF-32 are not JSON here (RFC 8259 section 8.1). Where a key occurs twice in an object the last member
// counts, as in jsonb; keys are compared unescaped, so "a" and "\u0061" are one.
//
// Reads a text in one pass without building a tree and without recursion. Memory beyond the text: for duplicate keys at
// most 24 bytes a member of the objects open at one moment, else a few KiB and the pointers. Pure functions,
// thread-safe. Nothing here throws but std::bad_alloc. A JsonValue points into the text it was found in.
//
//   const auto id = find_json(body, *JsonPointer::parse("/data/id"));      // one value
//   if (id && id->kind == JsonKind::kString) use(id->characters());         // unescaped
//   const auto all = find_json(body, pointers);                             // several, in one pass
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hookspool::net {

// Levels of arrays and objects; far below what PostgreSQL's stack allows (54001 near 6,000).
inline constexpr int kJsonDepthMax = 512;
// Longer texts are not read: up to here jsonb takes any. Two bytes ("0,") are an element, of which PostgreSQL reads 2^24
// (32 bytes each, doubled up to 1 GiB), and at most twelve bytes of the 0x0FFFFFFF that a jsonb has.
inline constexpr std::size_t kJsonBytesMax = 32u << 20;
inline constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

enum class JsonKind : std::uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

// What PostgreSQL cannot hold in a text: \u0000, and half of a surrogate pair.
enum class Unfit : std::uint8_t {
  kReplace,  // U+FFFD, as in the payload
  kKeep,     // as the byte 0, as the three bytes of the half: different strings stay different
};

struct JsonValue {
  JsonKind kind = JsonKind::kNull;
  std::string_view raw;  // as it was sent, quotes included, without the blanks around it

  bool operator==(const JsonValue&) const = default;
  // A string unescaped; of any other kind `raw`.
  std::string characters(Unfit unfit = Unfit::kReplace) const;
};

// RFC 6901. The index of an array's element is written without sign and leading zeros; "-" finds nothing.
class JsonPointer {
 public:
  static constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);
  // "", "/a/b~1c"; nothing where it is malformed.
  static std::optional<JsonPointer> parse(std::string_view text);
  explicit JsonPointer(std::vector<std::string> tokens);  // unescaped
  const std::vector<std::string>& tokens() const { return tokens_; }
  // Which element of an array the token stands for; kNoIndex: none.
  std::size_t index(std::size_t token) const { return indexes_[token]; }

 private:
  std::vector<std::string> tokens_;
  std::vector<std::size_t> indexes_;  // of the tokens
};

// A body as a whole.
struct JsonReading {
  // Why there is no jsonb of it: not_json, utf8, too_deep, too_large; number (this one is JSON, and pointers find values in
  // it). Empty: jsonb takes `text`, after with_unfit_replaced() where nul or surrogate is set.
  std::string_view refusal;
  std::string_view text;  // without the byte order mark
  bool is_json = false;

  // What jsonb does not show of it. Told where refusal is empty.
  bool bom = false;
  bool duplicate_key = false;
  bool negative_zero = false;  // -0, -0.0: numeric has no sign of zero
  bool nul = false;            // \u0000
  bool surrogate = false;      // half of a pair

  bool fits_jsonb() const { return refusal.empty(); }
};

JsonReading read_json(std::string_view body);

// A text that has been read as JSON, with U+FFFD for every \u0000 and half of a surrogate pair: as long as it was.
std::string with_unfit_replaced(std::string_view json);

// The value at each pointer, in their order; nothing where there is none, or the body is no JSON.
std::vector<std::optional<JsonValue>> find_json(std::string_view body, std::span<const JsonPointer> pointers);
std::optional<JsonValue> find_json(std::string_view body, const JsonPointer& pointer);

// Each element of an array that was found, in order, until `take` returns false.
// REQUIRES: `array` comes from find_json() or from here.
void each_element(const JsonValue& array, const std::function<bool(const JsonValue&)>& take);

}  // namespace hookspool::net

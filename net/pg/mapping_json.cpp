#include "net/pg/mapping_json.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "net/pg/payload.h"

namespace hookspool::net {
namespace {

// `json` is one JSON string with its quotes.
std::string characters(std::string_view json) {
  if (json.find('\\') == std::string_view::npos) return std::string(json.substr(1, json.size() - 2));
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  return parsed.is_string() ? parsed.get<std::string>() : std::string();
}

// Walks a text that is known to be JSON.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) { blanks(); }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  // Past one value, whatever it is; its text.
  std::string_view value() {
    const std::size_t begin = at_;
    int depth = 0;
    do {
      const char c = peek();
      if (c == '"') {
        string();
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        --depth;
        ++at_;
      } else if (c == ',' || c == ':' || is_blank(c)) {
        ++at_;
      } else {
        while (at_ < text_.size() && !is_blank(peek()) && peek() != ',' && peek() != '}' && peek() != ']')
          ++at_;
      }
    } while (depth > 0 && at_ < text_.size());
    const std::string_view found = text_.substr(begin, at_ - begin);
    blanks();
    return found;
  }

  std::optional<std::string_view> member(const std::string& name) {
    std::optional<std::string_view> found;
    for (step(); peek() != '}' && peek() != '\0';) {
      const std::string_view key = value();
      step();  // the colon
      const std::string_view content = value();
      if (characters(key) == name) found = content;
      if (peek() == ',') step();
    }
    return found;
  }

  std::optional<std::string_view> element(std::size_t index) {
    std::size_t here = 0;
    for (step(); peek() != ']' && peek() != '\0'; ++here) {
      const std::string_view content = value();
      if (here == index) return content;
      if (peek() == ',') step();
    }
    return std::nullopt;
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  void blanks() {
    while (is_blank(peek())) ++at_;
  }
  void step() {
    ++at_;
    blanks();
  }
  void string() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::optional<std::string_view> child(std::string_view json, const std::string& token) {
  Cursor cursor(json);
  if (cursor.peek() == '{') return cursor.member(token);
  if (cursor.peek() != '[') return std::nullopt;
  std::size_t index = 0;
  const char* end = token.data() + token.size();
  const auto parsed = std::from_chars(token.data(), end, index);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return cursor.element(index);
}

}  // namespace

JsonText::JsonText(std::string_view body) : text_(body) {
  Payload payload = to_payload(body);
  is_json_ = payload.is_json;
  altered_ = std::move(payload.json);
}

std::optional<std::string_view> JsonText::whole() const {
  if (!is_json_) return std::nullopt;
  return altered_ ? std::string_view(*altered_) : text_;
}

std::optional<std::string> JsonText::at(const std::vector<std::string>& pointer) const {
  std::optional<std::string_view> here = whole();
  if (here) here = Cursor(*here).value();
  for (const std::string& token : pointer) {
    if (!here) return std::nullopt;
    here = child(*here, token);
  }
  if (!here || *here == "null") return std::nullopt;
  if (here->front() == '"') return characters(*here);
  return std::string(*here);
}

}  // namespace hookspool::net

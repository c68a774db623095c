#include "net/verify/json_field.h"

#include <nlohmann/json.hpp>
#include <vector>

namespace hookspool::net {
namespace {

constexpr std::string_view kAny = "*";

std::vector<std::string> tokens_of(std::string_view pointer) {
  std::vector<std::string> tokens;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);  // the slash
    const auto end = std::min(pointer.find('/'), pointer.size());
    std::string token;
    for (std::size_t at = 0; at < end; ++at) {
      const bool escaped = pointer[at] == '~' && at + 1 < end;
      token += !escaped ? pointer[at] : pointer[at + 1] == '1' ? '/' : '~';
      if (escaped) ++at;
    }
    tokens.push_back(std::move(token));
    pointer.remove_prefix(end);
  }
  return tokens;
}

// Follows one path of tokens through the stream. `matched_` levels of the path are entered; whatever lies beside it
// only counts depth.
class Follower : public nlohmann::json_sax<nlohmann::json> {
 public:
  // `found`: gets each value at the path's end (nullptr: one that is neither text nor number); false stops the reading.
  Follower(std::string_view pointer, std::function<bool(const std::string*)> found)
      : tokens_(tokens_of(pointer)), found_(std::move(found)) {}

  bool null() override { return value(nullptr); }
  bool boolean(bool) override { return value(nullptr); }
  bool number_integer(number_integer_t number) override { return text(std::to_string(number)); }
  bool number_unsigned(number_unsigned_t number) override { return text(std::to_string(number)); }
  bool number_float(number_float_t, const string_t& written) override { return text(written); }
  bool string(string_t& characters) override { return value(&characters); }
  bool binary(binary_t&) override { return value(nullptr); }
  bool start_object(std::size_t) override { return start(false); }
  bool end_object() override { return end(); }
  bool start_array(std::size_t) override { return start(true); }
  bool end_array() override { return end(); }
  bool key(string_t& name) override {
    if (beside_ == 0) here_ = name == tokens_[matched_];
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

  // Elements that a "*" has come to, and those of them with a value at the path's end.
  std::size_t elements = 0, elements_with_value = 0;

 private:
  bool text(const std::string& written) { return value(&written); }

  // Is what begins now on the path? In an array the token is an index or "*".
  bool on_path() {
    if (beside_ > 0) return false;
    if (levels_.empty()) return true;  // the document itself
    Level& level = levels_.back();
    if (!level.is_array) return here_;
    const std::string& token = tokens_[matched_];
    const std::size_t index = level.next_index++;
    if (token != kAny) return token == std::to_string(index);
    elements += 1;
    has_value_ = false;
    return true;
  }
  bool at_end() const { return levels_.size() == tokens_.size(); }

  bool value(const std::string* characters) {
    if (!on_path() || !at_end()) return true;
    note();
    return found_(characters);
  }
  void note() {
    if (!has_value_) elements_with_value += 1;
    has_value_ = true;
  }
  bool start(bool is_array) {
    const bool path = on_path();
    if (!path || at_end()) {
      ++beside_;
      if (!path) return true;
      note();
      return found_(nullptr);
    }
    levels_.push_back({is_array});
    matched_ = levels_.size() - 1;
    here_ = false;
    return true;
  }
  bool end() {
    if (beside_ > 0) {
      --beside_;
      return true;
    }
    levels_.pop_back();
    matched_ = levels_.empty() ? 0 : levels_.size() - 1;
    here_ = false;
    return true;
  }

  struct Level {
    bool is_array = false;
    std::size_t next_index = 0;
  };
  const std::vector<std::string> tokens_;
  const std::function<bool(const std::string*)> found_;
  std::vector<Level> levels_;  // the containers on the path that are open: never more than tokens
  std::size_t matched_ = 0;    // the token that counts within the innermost of them
  std::size_t beside_ = 0;     // open containers that are not on the path
  bool here_ = false;          // the member whose name was read last is the one wanted
  bool has_value_ = false;     // of the element that "*" has come to
};

}  // namespace

std::optional<std::string> json_field(std::string_view body, std::string_view pointer) {
  std::optional<std::string> result;
  Follower follower(pointer, [&](const std::string* characters) {
    if (characters != nullptr) result = *characters;
    return false;
  });
  (void)nlohmann::json::sax_parse(body, &follower);
  return result;
}

bool every_json_field(std::string_view body, std::string_view pattern,
                      const std::function<bool(std::string_view)>& fits) {
  bool all_fit = true;
  Follower follower(pattern, [&](const std::string* characters) {
    all_fit = all_fit && characters != nullptr && fits(*characters);
    return all_fit;
  });
  const bool is_json = nlohmann::json::sax_parse(body, &follower);
  return is_json && all_fit && follower.elements > 0 && follower.elements == follower.elements_with_value;
}

bool is_json_pointer(std::string_view text) {
  if (!text.empty() && text[0] != '/') return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '~' && (at + 1 == text.size() || (text[at + 1] != '0' && text[at + 1] != '1')))
      return false;
  }
  return true;
}

}  // namespace hookspool::net

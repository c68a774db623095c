#include "agent/config/config_scan.h"

#include <algorithm>
#include <utility>

namespace hookspool::agent {
namespace {

class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text) {}

  std::optional<ConfigScanFault> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (c == '"' || c == '\'') {
        // What is not closed is no TOML from here on, which the parser says; it does not look at the rest.
        if (!skip_string(c)) return std::nullopt;
        continue;
      }
      if (const auto fault = look_at(c)) return fault;
      ++at_;
    }
    return std::nullopt;
  }

 private:
  std::optional<ConfigScanFault> look_at(char c) {
    switch (c) {
      case '\n':
        ++line_;
        line_begin_ = at_ + 1;
        parts_ = 1;
        break;
      case '.':
        if (++parts_ > kKeyPartsMax) {
          return fault("a key has more than " + std::to_string(kKeyPartsMax) +
                       " parts with dots between them");
        }
        break;
      case '[':
      case '{':
        parts_ = 1;
        if (++depth_ > kNestingMax)
          return fault("more than " + std::to_string(kNestingMax) + " brackets are open within each other");
        break;
      case ']':
      case '}':
        parts_ = 1;
        if (depth_ > 0) --depth_;
        break;
      case '=':
      case ',':
        parts_ = 1;
        break;
      default:
        break;
    }
    return std::nullopt;
  }

  // Goes behind the string that begins here. False: it has no end.
  bool skip_string(char quote) {
    const bool several_lines = text_.substr(at_).starts_with(std::string(3, quote));
    const std::string end(several_lines ? 3 : 1, quote);
    at_ += end.size();
    while (at_ < text_.size()) {
      if (text_.substr(at_).starts_with(end)) {
        at_ += end.size();
        return true;
      }
      if (quote == '"' && text_[at_] == '\\') ++at_;  // and what it escapes
      if (at_ < text_.size() && text_[at_] == '\n') {
        if (!several_lines) return false;
        ++line_;
        line_begin_ = at_ + 1;
      }
      ++at_;
    }
    return false;
  }

  ConfigScanFault fault(std::string what) const { return {line_, at_ - line_begin_ + 1, std::move(what)}; }

  const std::string_view text_;
  std::size_t at_ = 0, line_ = 1, line_begin_ = 0;
  std::size_t parts_ = 1, depth_ = 0;
};

}  // namespace

std::optional<ConfigScanFault> scan_config(std::string_view text) {
  return Scan(text).run();
}

}  // namespace hookspool::agent

#include "agent/page/html.h"

#include "agent/page/words.h"
#include "storage/model/printable.h"

namespace hookspool::agent {

void Html::escaped(std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        text_ += "&amp;";
        break;
      case '<':
        text_ += "&lt;";
        break;
      case '>':
        text_ += "&gt;";
        break;
      case '"':
        text_ += "&quot;";
        break;
      case '\'':
        text_ += "&#39;";
        break;
      default:
        text_ += c;
    }
  }
}

Html& Html::text(std::string_view text, std::size_t bytes_max) {
  escaped(printable(text, bytes_max));
  return *this;
}

Html& Html::lines(std::string_view text) {
  escaped(printable_lines(text, kLinesBytesMax));
  return *this;
}

Html& Html::number(std::uint64_t value) {
  text_ += grouped(value);
  return *this;
}

}  // namespace hookspool::agent

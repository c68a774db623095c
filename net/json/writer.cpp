#include "net/json/writer.h"

#include <algorithm>

#include "storage/base/hex.h"

namespace hookspool::net {

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto plain = std::find_if(text.begin(), text.end(), [](char c) {
      return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
    });
    out.append(text.begin(), plain);
    text.remove_prefix(static_cast<std::size_t>(plain - text.begin()));
    if (text.empty()) break;
    const auto c = static_cast<unsigned char>(text.front());
    if (c >= 0x20) {
      out += '\\';
      out += text.front();
    } else {
      out += "\\u00";
      append_hex(out, c);
    }
    text.remove_prefix(1);
  }
  out += '"';
}

}  // namespace hookspool::net

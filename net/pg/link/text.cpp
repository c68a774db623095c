#include "net/pg/link/text.h"

#include "storage/model/printable.h"

namespace hookspool::net {

std::string one_line(std::string_view text) {
  std::string folded;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (!line.empty() && (line.front() == '\t' || line.front() == ' ')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == '\t' || line.back() == ' ' || line.back() == '\r'))
      line.remove_suffix(1);
    if (line.empty()) continue;
    if (!folded.empty()) folded += folded.back() == '.' || folded.back() == ':' ? " " : "; ";
    folded += line;
  }
  return folded;
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string all;
  for (const std::string& word : words) {
    if (!all.empty()) all += between;
    all += word;
  }
  return all;
}

std::string server_text(std::string_view text) {
  // Folding costs as much as the text is long, and of a long one only the beginning is shown.
  return printable(one_line(text.substr(0, 4 * kServerTextBytesMax)), kServerTextBytesMax);
}

}  // namespace hookspool::net

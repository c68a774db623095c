#include "agent/commands/raw_request.h"

#include <algorithm>

#include "storage/base/text.h"

namespace hookspool::agent {
namespace {

std::string_view next_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// "POST /hooks/a?b=c HTTP/1.1"
bool is_request_line(std::string_view line) {
  const auto space = line.find(' ');
  return space != std::string_view::npos && line.substr(0, space).find(':') == std::string_view::npos;
}

void read_request_line(std::string_view line, net::HttpRequest& request) {
  const auto space = line.find(' ');
  request.method = line.substr(0, space);
  std::string_view target = line.substr(space + 1);
  target = target.substr(0, target.find(' '));
  const auto mark = std::min(target.find('?'), target.size());
  request.path = target.substr(0, mark);
  request.query = target.substr(std::min(mark + 1, target.size()));
}

}  // namespace

Result<std::pair<std::string, std::string>, std::string> parse_header_line(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return fail("\"" + std::string(line) + "\" is not a header; write 'Name: value'");
  }
  return std::pair(lower_case(line.substr(0, colon)), std::string(trimmed(line.substr(colon + 1))));
}

Result<net::HttpRequest, std::string> parse_raw_request(std::string_view text) {
  net::HttpRequest request;
  request.method = "POST";
  bool first = true;
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line.empty()) break;
    if (first && is_request_line(line)) {
      read_request_line(line, request);
    } else {
      auto header = parse_header_line(line);
      if (!header) return fail(std::move(header).error());
      request.headers.push_back(std::move(*header));
    }
    first = false;
  }
  request.body = text;
  return request;
}

}  // namespace hookspool::agent

// The head of a request: what is let through is plain, and reading it does not depend on how it was cut.
#include <algorithm>
#include <string_view>

#include "net/http/request_head.h"
#include "tests/fuzz/target.h"

namespace hookspool::fuzz {
namespace {

constexpr net::HeadLimits kLimits{4096, 16, 256, 1000};

bool plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

bool lower_case_token(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || c <= ' ' || c == ':' || c == 0x7f;
  });
}

void check_accepted(const net::RequestHead& head) {
  const net::HttpRequest& request = head.request;
  require(request.path.size() <= kLimits.path_bytes_max, "a path is within its limit");
  require(!request.path.empty() && request.path[0] == '/', "a path begins with '/'");
  require(plain(request.path) && plain(request.query), "no control character in a target");
  require(request.path.find('?') == std::string::npos, "the query is not part of the path");
  require(request.headers.size() <= kLimits.header_lines_max, "header lines are within their limit");
  for (const auto& [name, value] : request.headers) {
    require(lower_case_token(name), "a header's name is a lower-case token");
    require(plain(value), "no control character in a header's value");
  }
  require(head.content_length <= kLimits.body_bytes_max, "an announced body is within its limit");
  require(!(head.chunked && head.content_length > 0), "a body has one framing");
}

}  // namespace
}  // namespace hookspool::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hookspool;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::size_t whole = 0;
  const net::HeadScan scan = net::find_head_end(bytes, whole);

  // The same bytes, one more at a time: the same verdict, no earlier and no later.
  std::size_t scanned = 0;
  net::HeadScan piecewise = net::HeadScan::kMore;
  for (std::size_t end = 0; end <= size && piecewise == net::HeadScan::kMore; ++end)
    piecewise = net::find_head_end(bytes.substr(0, end), scanned);
  fuzz::require(piecewise == scan, "a head is found wherever it is cut");
  if (scan != net::HeadScan::kEnd) return 0;
  fuzz::require(scanned == whole && whole <= size, "a head ends at one place");
  if (whole > fuzz::kLimits.head_bytes_max) return 0;

  const auto head = net::parse_request_head(bytes.substr(0, whole), fuzz::kLimits);
  if (head) {
    fuzz::check_accepted(*head);
  } else {
    fuzz::require(head.error().status >= 400 && head.error().status < 600, "a refusal has a status");
  }
  return 0;
}

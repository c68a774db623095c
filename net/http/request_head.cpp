#include "net/http/request_head.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "net/http/syntax.h"

namespace hookspool::net {
namespace {

std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  return line;
}

bool is_plain_host(std::string_view host) {
  return std::all_of(host.begin(), host.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || std::string_view(".-_~:[]%").find(c) != std::string_view::npos;
  });
}

// "http://host:port/path" is a legal way to write "/path" (RFC 9112 section 3.2.2). Nothing of ours depends on
// the host, so it is only checked. False: the target has no path, or no proper host before it.
bool strip_authority(std::string_view& target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    if (end == 0 || !is_plain_host(target.substr(0, end))) return false;
    target.remove_prefix(end);
    break;
  }
  return !target.empty();
}

// Fills method, path and query. nullptr or the refusal.
const Refusal* parse_request_line(std::string_view line, std::size_t path_bytes_max, HttpRequest& request,
                                  bool& version_1_0) {
  static constexpr Refusal kBadLine{400, "the request line is not METHOD SP target SP HTTP/1.1"};
  static constexpr Refusal kBadTarget{
      400, "the target is not an absolute path without spaces and control characters"};
  static constexpr Refusal kBadVersion{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  static constexpr Refusal kLongPath{414, "the path is too long"};

  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return &kBadLine;
  const std::string_view method = line.substr(0, first);
  std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method)) return &kBadLine;
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) || version[6] != '.' ||
      !is_digit(version[7]))
    return &kBadLine;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return &kBadVersion;
  version_1_0 = version == "HTTP/1.0";

  const bool clean =
      std::all_of(target.begin(), target.end(), [](char c) { return c != ' ' && c != '\t' && c != '#'; }) &&
      std::none_of(target.begin(), target.end(), is_control);
  if (!clean || !strip_authority(target) || target.front() != '/') return &kBadTarget;
  const std::size_t question = std::min(target.find('?'), target.size());
  if (question > path_bytes_max) return &kLongPath;
  request.method = method;
  request.path = target.substr(0, question);
  request.query = target.substr(std::min(question + 1, target.size()));
  return nullptr;
}

const Refusal* parse_header_line(std::string_view line, HttpRequest& request) {
  static constexpr Refusal kFolded{400, "a header line is folded"};
  static constexpr Refusal kBadName{400, "a header line has no proper name before its colon"};

  if (line.front() == ' ' || line.front() == '\t') return &kFolded;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return &kBadName;
  request.headers.emplace_back(lower_case(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  return nullptr;
}

// Length only: digits, as many as a size can have. An overlong number is simply too large.
const Refusal* parse_content_length(std::string_view value, std::size_t body_bytes_max, std::size_t& length) {
  static constexpr Refusal kBadLength{400, "Content-Length is not a number"};
  static constexpr Refusal kTooLarge{413, "the body is too large"};
  static constexpr std::size_t kDigitsMax = 18;

  if (value.empty() || !std::all_of(value.begin(), value.end(), is_digit)) return &kBadLength;
  value.remove_prefix(std::min(value.find_first_not_of('0'), value.size()));
  if (value.size() > kDigitsMax) return &kTooLarge;
  length = 0;
  for (const char c : value) length = length * 10 + static_cast<std::size_t>(c - '0');
  return length > body_bytes_max ? &kTooLarge : nullptr;
}

// Some senders write the body's character set here. It changes no byte of the body, which is kept as it came.
bool is_no_coding(std::string_view coding) {
  return coding.empty() || equals_ignoring_case(coding, "identity") || equals_ignoring_case(coding, "none") ||
         equals_ignoring_case(coding, "utf-8") || equals_ignoring_case(coding, "utf8");
}

// What the headers say about the message as such, gathered before it is judged.
struct Framing {
  int hosts = 0;
  int content_lengths = 0;
  int transfer_encodings = 0;
  bool chunked = false;  // all that Transfer-Encoding says
  bool encoded = false;
  bool unknown_expectation = false;
};

const Refusal* gather_framing(RequestHead& head, std::size_t body_bytes_max, Framing& framing) {
  static constexpr Refusal kBadHost{400, "the Host header is not a host name"};
  const Refusal* refusal = nullptr;
  for (const auto& [name, value] : head.request.headers) {
    if (name == "host") {
      ++framing.hosts;
      if (!is_plain_host(value)) return &kBadHost;
    } else if (name == "content-length") {
      ++framing.content_lengths;
      // A malformed length is reported only if nothing else about the framing is worse.
      refusal = parse_content_length(value, body_bytes_max, head.content_length);
    } else if (name == "transfer-encoding") {
      ++framing.transfer_encodings;
      framing.chunked = equals_ignoring_case(value, "chunked");
    } else if (name == "connection") {
      for_each_member(value, [&](std::string_view option) {
        head.close = head.close || equals_ignoring_case(option, "close");
        return !head.close;
      });
    } else if (name == "content-encoding") {
      for_each_member(value, [&](std::string_view coding) {
        framing.encoded = framing.encoded || !is_no_coding(coding);
        return !framing.encoded;
      });
    } else if (name == "expect") {
      if (equals_ignoring_case(value, "100-continue")) {
        head.expects_continue = true;
      } else {
        framing.unknown_expectation = true;
      }
    }
  }
  return framing.content_lengths > 1 ? nullptr : refusal;
}

// All that decides where this request ends and the next one begins stands here and in gather_framing().
const Refusal* judge_framing(RequestHead& head, bool version_1_0, std::size_t body_bytes_max) {
  static constexpr Refusal kHosts{400, "exactly one Host header is needed"};
  static constexpr Refusal kTwoLengths{400, "more than one Content-Length"};
  static constexpr Refusal kLengthAndCoding{400, "both Content-Length and Transfer-Encoding"};
  static constexpr Refusal kOldCoding{400, "HTTP/1.0 has no Transfer-Encoding"};
  static constexpr Refusal kCoding{501, "the only Transfer-Encoding known here is chunked, once"};
  static constexpr Refusal kEncoded{415, "an encoded body is not accepted; send it without Content-Encoding"};
  static constexpr Refusal kUnwantedBody{400, "a GET or HEAD must not have a body"};
  static constexpr Refusal kMethod{405, "only GET, HEAD and POST are accepted here"};
  static constexpr Refusal kExpectation{417, "the only expectation known here is 100-continue"};

  Framing framing;
  const Refusal* bad_value = gather_framing(head, body_bytes_max, framing);
  if (framing.hosts > 1 || (framing.hosts == 0 && !version_1_0)) return &kHosts;
  if (framing.content_lengths > 1) return &kTwoLengths;
  const bool coded = framing.transfer_encodings > 0;
  if (coded && framing.content_lengths > 0) return &kLengthAndCoding;
  if (coded && version_1_0) return &kOldCoding;
  if (bad_value != nullptr && bad_value->status == 400) return bad_value;

  const std::string& method = head.request.method;
  const bool body = head.content_length > 0 || coded;
  if (method == "GET" || method == "HEAD") {
    if (body) return &kUnwantedBody;
  } else if (method != "POST") {
    // Without a body the handler gets to see it, and answers 405 or 404 as it knows the path.
    if (body) return &kMethod;
  } else if (coded) {
    if (framing.transfer_encodings > 1 || !framing.chunked) return &kCoding;
    head.chunked = true;
  } else if (framing.content_lengths == 0) {
    head.without_length = true;
  }
  if (bad_value != nullptr) return bad_value;
  if (framing.encoded) return &kEncoded;
  if (framing.unknown_expectation && !version_1_0) return &kExpectation;
  head.close = head.close || version_1_0 || head.without_length;
  head.expects_continue = head.expects_continue && !version_1_0 && (head.content_length > 0 || head.chunked);
  return nullptr;
}

}  // namespace

std::size_t memory_bytes(const HttpRequest& request) {
  static constexpr std::size_t kAllocatorBytes = 16;
  static const std::size_t kInPlace = std::string().capacity();
  const auto of = [](const std::string& text) {
    return text.capacity() > kInPlace ? text.capacity() + 1 + kAllocatorBytes : 0;
  };
  std::size_t bytes = sizeof(HttpRequest) + of(request.method) + of(request.path) + of(request.query);
  bytes += request.headers.capacity() * sizeof(request.headers[0]) + kAllocatorBytes;
  for (const auto& [name, value] : request.headers) bytes += of(name) + of(value);
  return bytes;
}

HeadScan find_head_end(std::string_view buffer, std::size_t& scanned) {
  for (; scanned < buffer.size(); ++scanned) {
    const auto c = static_cast<unsigned char>(buffer[scanned]);
    const bool after_cr = scanned > 0 && buffer[scanned - 1] == '\r';
    if (c == '\n') {
      if (!after_cr || scanned == 1) return HeadScan::kBad;
      if (scanned >= 3 && buffer[scanned - 2] == '\n') {
        ++scanned;
        return HeadScan::kEnd;
      }
    } else if (after_cr || (c < ' ' && c != '\t' && c != '\r') || c == 0x7f) {
      return HeadScan::kBad;
    }
  }
  return HeadScan::kMore;
}

Result<RequestHead, Refusal> parse_request_head(std::string_view head_bytes, const HeadLimits& limits) {
  static constexpr Refusal kManyLines{431, "too many header lines"};

  RequestHead head;
  bool version_1_0 = false;
  std::string_view rest = head_bytes;
  const Refusal* refusal =
      parse_request_line(next_line(rest), limits.path_bytes_max, head.request, version_1_0);
  if (refusal != nullptr) return fail(*refusal);

  head.request.headers.reserve(std::min<std::size_t>(limits.header_lines_max, 16));
  for (std::string_view line = next_line(rest); !line.empty(); line = next_line(rest)) {
    if (head.request.headers.size() == limits.header_lines_max) return fail(kManyLines);
    refusal = parse_header_line(line, head.request);
    if (refusal != nullptr) return fail(*refusal);
  }
  refusal = judge_framing(head, version_1_0, limits.body_bytes_max);
  if (refusal != nullptr) return fail(*refusal);
  return head;
}

}  // namespace hookspool::net

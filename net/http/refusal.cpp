#include "net/http/refusal.h"

#include <algorithm>

namespace hookspool::net {
namespace {

const char* reason_phrase(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 413:
      return "Payload Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Refused";
  }
}

}  // namespace

RefusedMethod refused_method(std::string_view bytes) {
  constexpr std::string_view kHead = "HEAD";
  bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
  if (bytes.empty()) return RefusedMethod::kNothingCame;
  // Another method that begins so is refused without content, too.
  return bytes.starts_with(kHead) || kHead.starts_with(bytes) ? RefusedMethod::kMayBeHead
                                                              : RefusedMethod::kOther;
}

std::string refusal_answer(const Refusal& refusal, RefusedMethod method) {
  std::string answer =
      "HTTP/1.1 " + std::to_string(refusal.status) + ' ' + reason_phrase(refusal.status) + "\r\n";
  // RFC 9110 demands Allow with 405; Retry-After makes senders come back instead of giving up.
  if (refusal.status == 405) answer += "Allow: GET, HEAD, POST\r\n";
  if (refusal.status == 503) answer += "Retry-After: 1\r\n";
  if (method != RefusedMethod::kOther) return answer + "Connection: close\r\n\r\n";
  const std::string body = std::string("{\"error\":\"") + refusal.text + "\"}\n";
  answer += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
            "\r\nConnection: close\r\n\r\n" + body;
  return answer;
}

}  // namespace hookspool::net

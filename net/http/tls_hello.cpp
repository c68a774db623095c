#include "net/http/tls_hello.h"

#include <algorithm>

namespace hookspool::net {
namespace {

constexpr std::size_t kRecordHeaderBytes = 5;
constexpr std::size_t kMessageHeaderBytes = 4;
constexpr std::size_t kPlainRecordBytesMax = 16 * 1024;
constexpr std::uint8_t kHandshake = 22;
constexpr std::uint8_t kClientHello = 1;
constexpr int kMessagesWatched =
    2;  // a ClientHello, and the one after a HelloRetryRequest: the rest is short or encrypted

std::uint8_t at(std::string_view bytes, std::size_t i) {
  return static_cast<std::uint8_t>(bytes[i]);
}

// The length that a handshake message's header says.
std::size_t message_bytes(std::string_view header) {
  return (std::size_t{at(header, 1)} << 16) | (std::size_t{at(header, 2)} << 8) | at(header, 3);
}

}  // namespace

Hello judge_hello(std::string_view bytes) {
  std::size_t missing = 0;  // of the message, after its header
  for (bool first = true;; first = false) {
    if (bytes.empty()) return Hello::kMore;
    const char type = bytes[0];
    if (first && type >= 'A' && type <= 'Z') return Hello::kPlain;
    if (at(bytes, 0) != kHandshake || (bytes.size() > 1 && at(bytes, 1) != 3)) return Hello::kBad;
    if (bytes.size() < kRecordHeaderBytes) return Hello::kMore;
    const std::size_t length = (std::size_t{at(bytes, 3)} << 8) | at(bytes, 4);
    // No client cuts a ClientHello inside its header.
    if (length > kPlainRecordBytesMax || length < (first ? kMessageHeaderBytes : 1)) return Hello::kBad;
    std::string_view content = bytes.substr(kRecordHeaderBytes, length);
    const bool whole_record = content.size() == length;
    if (first) {
      if (!content.empty() && at(content, 0) != kClientHello) return Hello::kBad;
      if (content.size() < kMessageHeaderBytes) return Hello::kMore;
      missing = message_bytes(content);
      if (missing > kHelloBytesMax) return Hello::kBad;
      content.remove_prefix(kMessageHeaderBytes);
    }
    missing -= std::min(missing, content.size());
    if (!whole_record) return Hello::kMore;
    if (missing == 0) return Hello::kWhole;
    bytes.remove_prefix(kRecordHeaderBytes + length);
  }
}

bool RecordWatch::take(std::string_view bytes) {
  while (!bytes.empty()) {
    if (left_ == 0) {
      header_[header_bytes_++] = at(bytes, 0);
      bytes.remove_prefix(1);
      if (header_bytes_ < header_.size()) continue;
      header_bytes_ = 0;
      left_ = (std::size_t{header_[3]} << 8) | header_[4];
      continue;
    }
    const std::string_view content = bytes.substr(0, left_);
    if (messages_ < kMessagesWatched && header_[0] == kHandshake && !begin_content(content)) return false;
    left_ -= content.size();
    bytes.remove_prefix(content.size());
  }
  return true;
}

// A message begins at the start of a record or goes on from the one before; OpenSSL reads a record's content from its
// first byte on in pieces of its own, of which the first one holds the header.
bool RecordWatch::begin_content(std::string_view content) {
  if (message_left_ == 0) {
    if (content.size() < kMessageHeaderBytes) return false;
    ++messages_;
    message_left_ = kMessageHeaderBytes + message_bytes(content);
    if (at(content, 0) == kClientHello && message_left_ > kMessageHeaderBytes + kHelloBytesMax) return false;
    if (at(content, 0) != kClientHello) messages_ = kMessagesWatched;
  }
  message_left_ -= std::min(message_left_, content.size());
  return true;
}

}  // namespace hookspool::net

#include "net/http/chunked.h"

#include <algorithm>

#include "net/http/syntax.h"
#include "storage/base/hex.h"

namespace hookspool::net {
namespace {

// As many as a number of 64 bits has; leading zeros count, or a size could be as long as one likes.
constexpr int kSizeDigitsMax = 16;

constexpr Refusal kBadSize{400, "a chunk size is not a hexadecimal number"};
constexpr Refusal kBadLine{400, "a line of a chunked body does not end in CR LF"};
constexpr Refusal kBadData{400, "a chunk is longer than its size"};
constexpr Refusal kBadTrailer{400, "a trailer line has no proper name before its colon"};
constexpr Refusal kTooLarge{413, "the body is too large"};
constexpr Refusal kExtras{431, "too many bytes of chunk extensions and trailers"};

}  // namespace

std::optional<Refusal> ChunkedBody::next(std::string_view& bytes, std::string_view& data) {
  data = {};
  while (!bytes.empty() && at_ != At::kEnd) {
    if (at_ == At::kData) {
      data = bytes.substr(0, std::min<std::uint64_t>(chunk_bytes_left_, bytes.size()));
      bytes.remove_prefix(data.size());
      chunk_bytes_left_ -= data.size();
      if (chunk_bytes_left_ == 0) at_ = At::kDataCr;
      return std::nullopt;
    }
    const Refusal* const refusal = take(bytes.front());
    if (refusal != nullptr) return *refusal;
    bytes.remove_prefix(1);
  }
  return std::nullopt;
}

const Refusal* ChunkedBody::take(char c) {
  switch (at_) {
    case At::kSize:
      return take_size(c);
    case At::kExtension:
      if (c == '\r') {
        at_ = At::kSizeLf;
        return nullptr;
      }
      return is_control(c) ? &kBadLine : count_extra();
    case At::kSizeLf:
      if (c != '\n') return &kBadLine;
      at_ = chunk_bytes_left_ == 0 ? At::kTrailer : At::kData;
      return nullptr;
    case At::kDataCr:
      if (c != '\r') return &kBadData;
      at_ = At::kDataLf;
      return nullptr;
    case At::kDataLf:
      if (c != '\n') return &kBadData;
      at_ = At::kSize;
      digits_ = 0;
      return nullptr;
    case At::kEndLf:
      if (c != '\n') return &kBadLine;
      at_ = At::kEnd;
      return nullptr;
    default:
      return take_trailer(c);
  }
}

const Refusal* ChunkedBody::take_size(char c) {
  const int value = hex_value(c);
  if (value >= 0) {
    if (++digits_ > kSizeDigitsMax) return &kBadSize;
    chunk_bytes_left_ = chunk_bytes_left_ * 16 + static_cast<std::uint64_t>(value);
    return nullptr;
  }
  if (digits_ == 0 || (c != '\r' && c != ';')) return &kBadSize;
  if (chunk_bytes_left_ > body_bytes_max_ - body_bytes_) return &kTooLarge;
  body_bytes_ += chunk_bytes_left_;
  at_ = c == ';' ? At::kExtension : At::kSizeLf;
  return c == ';' ? count_extra() : nullptr;
}

const Refusal* ChunkedBody::take_trailer(char c) {
  if (at_ == At::kTrailerLf) {
    if (c != '\n') return &kBadLine;
    at_ = At::kTrailer;
    return nullptr;
  }
  if (c == '\r' && at_ != At::kTrailerName) {
    at_ = at_ == At::kTrailer ? At::kEndLf : At::kTrailerLf;
    return nullptr;
  }
  if (at_ == At::kTrailerValue) {
    if (is_control(c)) return &kBadLine;
  } else if (c == ':' && at_ == At::kTrailerName) {
    at_ = At::kTrailerValue;
  } else if (is_token_char(c)) {
    at_ = At::kTrailerName;
  } else {
    return &kBadTrailer;
  }
  return count_extra();
}

const Refusal* ChunkedBody::count_extra() {
  return ++extra_bytes_ > kExtraBytesMax ? &kExtras : nullptr;
}

}  // namespace hookspool::net

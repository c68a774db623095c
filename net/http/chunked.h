// Takes a chunked body apart, strictly (RFC 9112 section 7.1): hexadecimal sizes without sign, space or 0x,
// CR LF and nothing else at every line's end. Two readers that see one doubtful chunk differently are how
// requests are smuggled, so what is not plainly well-formed is refused.
//
// Extensions and trailers are checked and thrown away: nothing of ours reads them, and a trailer must never
// pass for a header. Pure state: no socket, no clock, no copy of the data. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "net/http/refusal.h"

namespace hookspool::net {

class ChunkedBody {
 public:
  // Bytes of extensions and trailers of one body together: a body of one-byte chunks with long extensions
  // would else keep us busy for nothing.
  static constexpr std::size_t kExtraBytesMax = 16 * 1024;

  explicit ChunkedBody(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  // Consumes from the front of `bytes` up to and with the next piece of the body, which `data` then shows;
  // up to the end of the body, where the rest of `bytes` belongs to the next request; or all of it.
  std::optional<Refusal> next(std::string_view& bytes, std::string_view& data);
  bool ended() const { return at_ == At::kEnd; }

 private:
  enum class At {
    kSize,
    kExtension,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailer,  // the first byte of a line after the last chunk
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kEndLf,
    kEnd,
  };

  const Refusal* take(char c);
  const Refusal* take_size(char c);
  const Refusal* take_trailer(char c);
  const Refusal* count_extra();

  const std::size_t body_bytes_max_;
  At at_ = At::kSize;
  int digits_ = 0;
  std::uint64_t chunk_bytes_left_ = 0;
  std::size_t body_bytes_ = 0;  // of all chunks whose size is known
  std::size_t extra_bytes_ = 0;
};

}  // namespace hookspool::net

// What is looked at of a client's TLS records before OpenSSL gets them: OpenSSL makes room for a ClientHello as long as it
// says that it is, up to 128 KiB, and for a handshake before anything has come.
//
// Source: RFC 8446 sections 4 and 5.1. Knows no socket. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hookspool::net {

inline constexpr std::size_t kHelloBytesMax = 16 * 1024;  // of a ClientHello; usual ones have less than 2 KiB
inline constexpr std::size_t kHelloWireBytesMax = 20 * 1024;  // with the headers of its records

enum class Hello {
  kMore,   // so far it could become one
  kWhole,  // it is all there
  kPlain,  // the client speaks plain HTTP
  kBad,
};

// `bytes`: all that has come from the client so far.
Hello judge_hello(std::string_view bytes);

// Follows what OpenSSL reads, piece by piece, and stops a second ClientHello that is too long: after a
// HelloRetryRequest it comes without a look at it from outside.
class RecordWatch {
 public:
  // False: this must not reach OpenSSL.
  bool take(std::string_view bytes);
  bool in_record() const { return left_ > 0 || header_bytes_ > 0; }  // some of a record is missing

 private:
  bool begin_content(std::string_view content);

  std::array<std::uint8_t, 5> header_{};
  std::size_t header_bytes_ = 0;
  std::size_t left_ = 0;          // of the record's content
  std::size_t message_left_ = 0;  // of a handshake message that goes on in the next record
  int messages_ = 0;              // in plaintext, as far as they matter
};

}  // namespace hookspool::net

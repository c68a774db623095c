#include "net/verify/signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <optional>

namespace hookspool::net {
namespace {

constexpr std::size_t kSha256Bytes = 32;
using Mac = std::array<unsigned char, kSha256Bytes>;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<Mac> decode_hex(std::string_view hex) {
  if (hex.size() != 2 * kSha256Bytes) return std::nullopt;
  Mac mac{};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    mac[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return mac;
}

std::optional<Mac> hmac_sha256(std::string_view secret, std::string_view body) {
  Mac mac{};
  unsigned int size = 0;
  // OpenSSL's interface takes unsigned char for bytes.
  const auto* bytes = reinterpret_cast<const unsigned char*>(body.data());
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes, body.size(), mac.data(),
           &size) == nullptr ||
      size != mac.size()) {
    return std::nullopt;
  }
  return mac;
}

}  // namespace

bool github_signature_fits(std::string_view header, std::string_view body,
                           std::span<const std::string> secrets) {
  constexpr std::string_view kPrefix = "sha256=";
  if (!header.starts_with(kPrefix)) return false;
  const auto given = decode_hex(header.substr(kPrefix.size()));
  if (!given) return false;
  bool fits = false;
  for (const auto& secret : secrets) {
    const auto expected = hmac_sha256(secret, body);
    fits |= expected && CRYPTO_memcmp(expected->data(), given->data(), given->size()) == 0;
  }
  return fits;
}

}  // namespace hookspool::net

#include "net/verify/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <memory>

namespace hookspool::net {
namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using MdContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Freer<EVP_MAC_CTX_free>>;
using Output = std::array<unsigned char, EVP_MAX_MD_SIZE>;

const EVP_MD* function_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kSha1:
      return EVP_sha1();
    case Algorithm::kSha256:
      return EVP_sha256();
    case Algorithm::kSha384:
      return EVP_sha384();
    case Algorithm::kSha512:
      return EVP_sha512();
  }
  return EVP_sha256();
}

// OpenSSL's interface takes unsigned char for bytes.
const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string text_of(const Output& output, std::size_t size) {
  return {reinterpret_cast<const char*>(output.data()), size};
}

}  // namespace

std::size_t digest_bytes(Algorithm algorithm) {
  return static_cast<std::size_t>(EVP_MD_get_size(function_of(algorithm)));
}

std::optional<std::string> digest(Algorithm algorithm, std::span<const std::string_view> pieces) {
  const MdContext context(EVP_MD_CTX_new());
  if (!context || EVP_DigestInit_ex(context.get(), function_of(algorithm), nullptr) != 1) return std::nullopt;
  for (const auto piece : pieces) {
    if (EVP_DigestUpdate(context.get(), piece.data(), piece.size()) != 1) return std::nullopt;
  }
  Output output{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context.get(), output.data(), &size) != 1) return std::nullopt;
  return text_of(output, size);
}

std::optional<std::string> hmac(Algorithm algorithm, std::string_view key,
                                std::span<const std::string_view> pieces) {
  static EVP_MAC* const kMac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);  // lives as long as we do
  if (kMac == nullptr) return std::nullopt;
  const MacContext context(EVP_MAC_CTX_new(kMac));
  std::string name = EVP_MD_get0_name(function_of(algorithm));
  const std::array<OSSL_PARAM, 2> params{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0), OSSL_PARAM_construct_end()};
  if (!context || EVP_MAC_init(context.get(), bytes_of(key), key.size(), params.data()) != 1)
    return std::nullopt;
  for (const auto piece : pieces) {
    if (EVP_MAC_update(context.get(), bytes_of(piece), piece.size()) != 1) return std::nullopt;
  }
  Output output{};
  std::size_t size = 0;
  if (EVP_MAC_final(context.get(), output.data(), &size, output.size()) != 1) return std::nullopt;
  return text_of(output, size);
}

bool same_bytes(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

bool same_secret(std::string_view one, std::string_view other) {
  const auto digest_of = [](std::string_view text) {
    return digest(Algorithm::kSha256, std::span(&text, 1));
  };
  const auto a = digest_of(one), b = digest_of(other);
  return a && b && same_bytes(*a, *b);
}

}  // namespace hookspool::net

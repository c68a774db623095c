#include "storage/segment/packed_body.h"

#include <snappy.h>

namespace hookspool::storage {
namespace {

constexpr std::size_t kWorthItShare = 8;  // of the body, to be saved at least

// No element makes more of fewer bytes: a copy of 64 by 3 (Snappy's format_description.txt, section 2.2).
constexpr std::size_t kGrowthMax = 64 / 3 + 1;

}  // namespace

std::string pack_body(std::string_view body) {
  std::string packed;
  if (body.size() < kPackBytesMin) return packed;
  snappy::Compress(body.data(), body.size(), &packed);
  if (packed.size() > body.size() - body.size() / kWorthItShare) return {};
  packed.shrink_to_fit();  // Snappy begins with room for the worst
  return packed;
}

std::optional<std::string> unpack_body(std::string_view packed) {
  std::size_t bytes = 0;
  if (!snappy::GetUncompressedLength(packed.data(), packed.size(), &bytes) ||
      bytes / kGrowthMax > packed.size())
    return std::nullopt;
  std::string body;
  if (!snappy::Uncompress(packed.data(), packed.size(), &body)) return std::nullopt;
  return body;
}

}  // namespace hookspool::storage

#include "storage/dedupe/key_filter.h"

#include <array>
#include <cstring>

namespace hookspool::storage {
namespace {

// Odd numbers: each takes another five bits of the hash for its word.
constexpr std::array<std::uint32_t, KeyFilter::kBlockWords> kSalts{
    0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du, 0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u};

struct Place {
  std::size_t first_word;
  std::uint32_t hash;
};

Place place_of(const Uuid& key, std::size_t words) {
  std::uint32_t block_hash = 0, bit_hash = 0;
  std::memcpy(&block_hash, key.bytes.data() + 8, sizeof block_hash);
  std::memcpy(&bit_hash, key.bytes.data() + 12, sizeof bit_hash);
  const std::uint64_t blocks = words / KeyFilter::kBlockWords;
  return {static_cast<std::size_t>(block_hash * blocks >> 32) * KeyFilter::kBlockWords, bit_hash};
}

std::uint32_t bit_of(std::uint32_t hash, std::size_t word) {
  return 1u << (hash * kSalts[word] >> 27);
}

}  // namespace

void KeyFilter::add(const Uuid& key) {
  if (words_.empty()) return;
  const Place place = place_of(key, words_.size());
  for (std::size_t i = 0; i < kBlockWords; ++i) words_[place.first_word + i] |= bit_of(place.hash, i);
}

bool KeyFilter::may_contain(const Uuid& key) const {
  if (words_.empty()) return true;
  const Place place = place_of(key, words_.size());
  for (std::size_t i = 0; i < kBlockWords; ++i) {
    if ((words_[place.first_word + i] & bit_of(place.hash, i)) == 0) return false;
  }
  return true;
}

}  // namespace hookspool::storage

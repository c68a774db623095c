// Says of most keys that are not in a run that they are not, without a read: a Bloom filter whose bits of one key lie in one
// block of 32 bytes, so that a question touches one line of the processor's cache (Putze, Sanders, Singler: "Cache-, Hash-
// and Space-Efficient Bloom Filters", 2007; the block is the one of Apache Parquet's specification).
//
// Keys are digests: their last eight bytes serve as the hash. At kBitsPerKey about one in 200 keys that are not there needs
// a read all the same (tests/bench/dedupe_size). Not thread-safe while it is filled; afterwards immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "storage/model/uuid.h"

namespace hookspool::storage {

class KeyFilter {
 public:
  static constexpr std::size_t kBitsPerKey = 12;
  static constexpr std::size_t kBlockWords = 8;

  KeyFilter() = default;  // may contain anything
  explicit KeyFilter(std::uint64_t keys) : words_(blocks_for(keys) * kBlockWords) {}
  // Of a file. REQUIRES: whole blocks.
  explicit KeyFilter(std::vector<std::uint32_t> words) : words_(std::move(words)) {}

  static std::uint64_t words_for(std::uint64_t keys) { return blocks_for(keys) * kBlockWords; }

  void add(const Uuid& key);
  bool may_contain(const Uuid& key) const;
  std::span<const std::uint32_t> words() const { return words_; }

 private:
  static std::uint64_t blocks_for(std::uint64_t keys) {
    return (keys * kBitsPerKey + kBlockWords * 32 - 1) / (kBlockWords * 32);
  }

  std::vector<std::uint32_t> words_;
};

}  // namespace hookspool::storage

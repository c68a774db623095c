// CRC-32C (Castagnoli; RFC 3720 section 12.1): the checksum every journal row carries.
//
// Pure functions, callable from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hookspool::storage {

// Extends `crc` (0 to begin with) over `size` bytes. Uses the processor's instruction where it has one.
std::uint32_t crc32c(std::uint32_t crc, const void* data, std::size_t size);

// The same by table. Only for processors without the instruction, and for the test that compares the two.
std::uint32_t crc32c_by_table(std::uint32_t crc, const void* data, std::size_t size);

}  // namespace hookspool::storage

#include "agent/base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>

namespace hookspool::agent {

void random_bytes(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();  // an epoch that is not random could give one identity to two events
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

double random_unit() {
  std::uint64_t bits = 0;
  random_bytes(std::as_writable_bytes(std::span(&bits, 1)));
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

}  // namespace hookspool::agent

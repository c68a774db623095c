#include "agent/base/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace hookspool::agent {
namespace {

// Segments and their WALs, the pool, the admin listeners' connections, the log.
constexpr rlim_t kDescriptorsOfTheRest = 512;

}  // namespace

std::size_t descriptors_for_connections(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  const rlim_t needed = static_cast<rlim_t>(wanted) + kDescriptorsOfTheRest;
  if (limit.rlim_cur < needed) {
    const rlimit raised{std::min(needed, limit.rlim_max), limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit.rlim_cur = raised.rlim_cur;
  }
  // With very few at all, the rest gets half.
  const rlim_t for_the_rest = std::min(kDescriptorsOfTheRest, limit.rlim_cur / 2);
  return std::min(wanted, static_cast<std::size_t>(limit.rlim_cur - for_the_rest));
}

}  // namespace hookspool::agent

#include "agent/upkeep/idle_memory.h"

#include <malloc.h>

namespace hookspool::agent {

void IdleMemory::round(std::uint64_t work) {
  quiet_rounds_ = work_ == work ? quiet_rounds_ + 1 : 0;
  work_ = work;
  if (quiet_rounds_ >= kQuietRounds && (quiet_rounds_ - kQuietRounds) % kRoundsAgain == 0) ::malloc_trim(0);
}

}  // namespace hookspool::agent

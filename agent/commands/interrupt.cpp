#include "agent/commands/interrupt.h"

#include <poll.h>

#include <algorithm>
#include <csignal>

namespace hookspool::agent {
namespace {

volatile std::sig_atomic_t g_ended = 0;

void note_end(int /*signal*/) {
  g_ended = 1;
}

}  // namespace

void end_by_signal() {
  struct sigaction action {};
  action.sa_handler = note_end;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
}

bool is_ended() {
  return g_ended != 0;
}

bool wait_for_end(std::chrono::milliseconds duration) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + duration;
  // A signal between the look and the wait is noticed a slice later.
  constexpr std::chrono::milliseconds kSlice{200};
  for (auto now = Clock::now(); !is_ended() && now < until; now = Clock::now()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
    ::poll(nullptr, 0, static_cast<int>(std::min(left, kSlice).count()));
  }
  return is_ended();
}

}  // namespace hookspool::agent

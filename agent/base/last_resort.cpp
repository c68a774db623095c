#include "agent/base/last_resort.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "agent/base/exit_codes.h"
#include "agent/base/log.h"

namespace hookspool::agent {
namespace {

constexpr int kWriteLimitMs = 1'000;

// Past the log's thread, which may be the one that has failed, and without asking for memory.
void say(const char* text, std::size_t size) {
  pollfd out{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&out, 1, kWriteLimitMs) == 1) (void)!::write(STDERR_FILENO, text, size);
}

[[noreturn]] void end_deliberately() {
  const char* what = "no exception";
  std::array<char, 600> line{};
  std::array<char, 16> thread{};
  ::pthread_getname_np(::pthread_self(), thread.data(), thread.size());
  const auto told = [&] {
    const int size =
        std::snprintf(line.data(), line.size(),
                      "<2>the thread \"%s\" cannot go on (%.400s): the agent ends, to be started "
                      "again; what was acknowledged is on disk\n",
                      thread.data(), what);
    say(line.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  };
  (void)finish_log();
  try {
    if (const auto exception = std::current_exception()) std::rethrow_exception(exception);
    told();
  } catch (const std::exception& error) {
    what = error.what();
    told();
  } catch (...) {
    what = "an unknown exception";
    told();
  }
  std::_Exit(kExitSoftware);
}

}  // namespace

void install_last_resort() {
  std::set_terminate(end_deliberately);
}

}  // namespace hookspool::agent

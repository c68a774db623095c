#include "agent/commands/progress.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "storage/model/printable.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kTextBytesMax = 76;  // a line of the narrowest terminal

bool is_terminal() {
  const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): no other thread sets it
  return ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

Progress::Progress() : on_terminal_(is_terminal()) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
}

void Progress::show(const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  if (!on_terminal_ || (shown_ && now - shown_at_ < kInterval)) return;
  shown_ = true;
  shown_at_ = now;
  std::fprintf(stderr, "\r\x1b[K%s ...", printable(text, kTextBytesMax).c_str());
  std::fflush(stderr);
}

}  // namespace hookspool::agent

#include "agent/commands/live_screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "agent/commands/output.h"

namespace hookspool::agent {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l", kLeave = "\x1b[?25h\x1b[?1049l";

bool is_terminal() {
  const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): no other thread sets it
  return ::isatty(STDOUT_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

struct Size {
  std::size_t rows = 24, columns = 80;
};

Size size_of_terminal() {
  winsize found{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) != 0 || found.ws_row == 0 || found.ws_col == 0) return {};
  return {found.ws_row, found.ws_col};
}

// As many characters as fit; a character of UTF-8 is never taken apart.
std::string_view cut(std::string_view line, std::size_t columns) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(line[i]) & 0xC0u) != 0x80u;
    if (begins && ++width > columns) return line.substr(0, i);
  }
  return line;
}

std::string screen_of(std::string_view text, const Size& size) {
  std::string screen = "\x1b[H";
  for (std::size_t row = 0; row < size.rows && !text.empty(); ++row) {
    const auto end = text.find('\n');
    if (row > 0) screen += "\r\n";
    screen += cut(text.substr(0, end), size.columns);
    screen += "\x1b[K";
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return screen + "\x1b[J";
}

bool write_now(std::string_view bytes) {
  print_data(bytes);
  return std::fflush(stdout) == 0;
}

}  // namespace

LiveScreen::LiveScreen() : on_terminal_(is_terminal()) {
  if (on_terminal_) write_now(kEnter);
}

LiveScreen::~LiveScreen() {
  if (on_terminal_) write_now(kLeave);
}

bool LiveScreen::draw(const std::string& text) {
  return write_now(on_terminal_ ? screen_of(text, size_of_terminal()) : text + "\n");
}

}  // namespace hookspool::agent

#include "agent/commands/output.h"

#include <unistd.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string>

#include "storage/model/printable.h"

namespace hookspool::agent {
namespace {

[[gnu::format(printf, 2, 0)]] void write_to(std::FILE* stream, const char* format, std::va_list arguments) {
  std::va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length < 0) return;
  std::string text(static_cast<std::size_t>(length) + 1, '\0');
  std::vsnprintf(text.data(), text.size(), format, arguments);
  text.pop_back();
  std::fputs(printable_lines(text, SIZE_MAX).c_str(), stream);
}

}  // namespace

void print(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  write_to(stdout, format, arguments);
  va_end(arguments);
}

void tell(const char* format, ...) {
  std::va_list arguments;
  va_start(arguments, format);
  write_to(stderr, format, arguments);
  va_end(arguments);
}

void print_data(std::string_view data) {
  std::fwrite(data.data(), 1, data.size(), stdout);
}

void print_raw(std::string_view bytes) {
  if (::isatty(STDOUT_FILENO) == 1) {
    print_data(printable_lines(bytes, SIZE_MAX));
  } else {
    print_data(bytes);
  }
}

}  // namespace hookspool::agent

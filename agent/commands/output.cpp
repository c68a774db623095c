#include "agent/commands/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string>
#include <system_error>

#include "agent/base/exit_codes.h"
#include "storage/model/printable.h"

namespace hookspool::agent {
namespace {

int g_output_errno = 0;         // the first of standard output
std::string* g_said = nullptr;  // takes all that is written, while said_by() is at work

void write_bytes(std::string_view bytes, std::FILE* stream) {
  if (g_said != nullptr) {
    g_said->append(bytes);
    return;
  }
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), stream) == bytes.size();
  if (!written && stream == stdout && g_output_errno == 0) g_output_errno = errno;
}

[[gnu::format(printf, 2, 0)]] void write_to(std::FILE* stream, const char* format, std::va_list arguments) {
  std::va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length < 0) return;
  std::string text(static_cast<std::size_t>(length) + 1, '\0');
  std::vsnprintf(text.data(), text.size(), format, arguments);
  text.pop_back();
  write_bytes(printable_lines(text, SIZE_MAX), stream);
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

int finish_output(int code) {
  const bool flushed = std::fflush(stdout) == 0;
  if (!flushed && g_output_errno == 0) g_output_errno = errno;
  if (flushed && std::ferror(stdout) == 0) return code;
  tell("hookspool: not all of the output could be written: %s\n",
       std::generic_category().message(g_output_errno == 0 ? EIO : g_output_errno).c_str());
  return code == kExitOk ? kExitIo : code;
}

void print_data(std::string_view data) {
  write_bytes(data, stdout);
}

std::string said_by(const std::function<void()>& printing) {
  std::string said;
  g_said = &said;
  printing();
  g_said = nullptr;
  return said;
}

void print_raw(std::string_view bytes) {
  if (::isatty(STDOUT_FILENO) == 1) {
    print_data(printable_lines(bytes, SIZE_MAX));
  } else {
    print_data(bytes);
  }
}

}  // namespace hookspool::agent

// What the commands print. Text for people goes through print() and tell(), which escape what would act on a terminal
// (storage/model/printable.h): it may hold what an unknown client sent. Data (--json) is ASCII by its escapes.
// Not thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace hookspool::agent {

// printf(3)'s format. To standard output and to standard error; a line feed in an argument stays one, so one-line fields
// of a client's go through printable() first.
[[gnu::format(printf, 1, 2)]] void print(const char* format, ...);
[[gnu::format(printf, 1, 2)]] void tell(const char* format, ...);
// At the end of a command: `code`, but 74 where standard output did not take all that was printed (a full disk, a pipe that
// nothing reads from any more), which is reported on standard error.
int finish_output(int code);
// To standard output, byte by byte: JSON.
void print_data(std::string_view data);
// To standard output: a webhook's body, or SQL to run. Byte by byte where that is a file or a pipe, escaped where it is a
// terminal.
void print_raw(std::string_view bytes);

// What `printing` says by the functions above, to either stream, instead of saying it.
std::string said_by(const std::function<void()>& printing);

}  // namespace hookspool::agent

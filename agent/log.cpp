#include "agent/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace hookspool::agent {
namespace {

constexpr std::size_t kPrintableBytesMax = 200;

// systemd names the journal's stream as "device:inode" (systemd.exec(5), $JOURNAL_STREAM).
bool stderr_is_the_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &info) != 0) return false;
  return stream == std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
}

// sd-daemon(3): the level before the text; the journal adds the time itself.
void log_for_journal(spdlog::level::level_enum level, std::string_view text) {
  const char* prefix = level >= spdlog::level::err    ? "<3>"
                       : level >= spdlog::level::warn ? "<4>"
                       : level >= spdlog::level::info ? "<6>"
                                                      : "<7>";
  spdlog::default_logger_raw()->log(level, "{}{}", prefix, text);
}

bool g_journal = false;

void write(spdlog::level::level_enum level, std::string_view text) {
  if (g_journal) {
    log_for_journal(level, text);
  } else {
    spdlog::default_logger_raw()->log(level, "{}", text);
  }
}

}  // namespace

void start_log(const std::string& level) {
  g_journal = stderr_is_the_journal();
  auto logger = spdlog::stderr_color_mt("hookspool");
  logger->set_pattern(g_journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

void log_debug(std::string_view text) {
  write(spdlog::level::debug, text);
}
void log_info(std::string_view text) {
  write(spdlog::level::info, text);
}
void log_warn(std::string_view text) {
  write(spdlog::level::warn, text);
}
void log_error(std::string_view text) {
  write(spdlog::level::err, text);
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, std::min(text.size(), kPrintableBytesMax))) {
    if (c >= 0x20 && c < 0x7f && c != '\\') {
      out += c;
    } else {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escaped.data();
    }
  }
  if (text.size() > kPrintableBytesMax) out += "...";
  return out;
}

}  // namespace hookspool::agent

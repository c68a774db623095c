#include "agent/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

namespace hookspool::agent {
namespace {

constexpr std::size_t kPrintableBytesMax = 200;
constexpr std::size_t kLinesWaitingMax = 4096;
constexpr std::chrono::milliseconds kFinishLimit{1'000};
constexpr std::chrono::milliseconds kFinishPoll{1};

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
// Never destroyed: its destructor would wait for a reader that may never come.
spdlog::details::thread_pool* g_pool = nullptr;
std::atomic<std::uint64_t> g_given = 0;    // lines to the queue
std::atomic<std::uint64_t> g_written = 0;  // lines that came out of it

// Runs on the log's own thread.
class Sink : public spdlog::sinks::stderr_color_sink_mt {
 public:
  void log(const spdlog::details::log_msg& message) override {
    if (const std::size_t lost = g_pool->overrun_counter(); lost != told_lost_) {
      const std::string text = (g_journal ? "<4>" : "") + std::to_string(lost - told_lost_) +
                               " lines of the log are lost: nobody took them";
      told_lost_ = lost;
      spdlog::sinks::stderr_color_sink_mt::log({message.logger_name, spdlog::level::warn, text});
    }
    spdlog::sinks::stderr_color_sink_mt::log(message);
    ++g_written;
  }

 private:
  std::size_t told_lost_ = 0;
};

void write(spdlog::level::level_enum level, std::string_view text) {
  if (!spdlog::default_logger_raw()->should_log(level)) return;
  ++g_given;
  if (g_journal) {
    log_for_journal(level, text);
  } else {
    spdlog::default_logger_raw()->log(level, "{}", text);
  }
}

}  // namespace

void start_log(const std::string& level) {
  g_journal = stderr_is_the_journal();
  auto pool = std::make_unique<std::shared_ptr<spdlog::details::thread_pool>>(
      std::make_shared<spdlog::details::thread_pool>(kLinesWaitingMax, 1));
  g_pool = pool->get();
  auto logger = std::make_shared<spdlog::async_logger>("hookspool", std::make_shared<Sink>(), *pool.release(),
                                                       spdlog::async_overflow_policy::overrun_oldest);
  logger->set_pattern(g_journal ? "%v" : "%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
}

bool finish_log() {
  const auto deadline = std::chrono::steady_clock::now() + kFinishLimit;
  while (g_written + g_pool->overrun_counter() < g_given) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(kFinishPoll);
  }
  return true;
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

#include "agent/base/log.h"

#include <pthread.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <memory>
#include <thread>
#include <utility>

#include "agent/base/instant.h"
#include "agent/base/log_line.h"
#include "storage/base/mutex.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kLineBytesMax = 16u << 10;  // of one line
constexpr std::size_t kLinesWaitingMax = 4096;
constexpr std::size_t kBytesWaitingMax = 1u << 20;
constexpr std::chrono::milliseconds kFinishLimit{1'000};
constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v";
constexpr const char* kBarePattern = "%v";  // the line has time and level, or the journal adds them
constexpr auto kUtc = spdlog::pattern_time_type::utc;

std::atomic<bool> g_json = false;

// systemd names the journal's stream as "device:inode" (systemd.exec(5), $JOURNAL_STREAM).
bool stderr_is_the_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &info) != 0) return false;
  return stream == std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
}

// sd-daemon(3): the level before the text; the journal adds the time itself.
std::string_view journal_prefix(spdlog::level::level_enum level) {
  return level >= spdlog::level::err    ? "<3>"
         : level >= spdlog::level::warn ? "<4>"
         : level >= spdlog::level::info ? "<6>"
                                        : "<7>";
}

// The words that text lines have, too.
std::string_view level_name(spdlog::level::level_enum level) {
  return level >= spdlog::level::err    ? "error"
         : level >= spdlog::level::warn ? "warning"
         : level >= spdlog::level::info ? "info"
                                        : "debug";
}

// The lines that wait and the thread that writes them. spdlog's own asynchronous logger sets its queue up in whole,
// 1.6 MiB of it.
class Lines {
 public:
  using Level = spdlog::level::level_enum;

  explicit Lines(bool journal) : journal_(journal) {
    std::thread([this] { run(); }).detach();  // it may wait for ever for the log's reader
  }

  void give(Level level, std::string_view text, LogKeys keys) {
    Line line = whole_line(level, text, keys);
    const MutexLock lock(mutex_);
    bytes_ += line.text.size();
    waiting_.push_back(std::move(line));
    while (waiting_.size() > kLinesWaitingMax || (bytes_ > kBytesWaitingMax && waiting_.size() > 1)) {
      bytes_ -= waiting_.front().text.size();
      waiting_.pop_front();
      ++lost_;
    }
    changed_.notify_all();
  }

  bool finish(std::chrono::milliseconds limit) {
    MutexLock lock(mutex_);
    return changed_.wait_for(mutex_, limit,
                             [this]() REQUIRES(mutex_) { return waiting_.empty() && !writing_; });
  }

 private:
  struct Line {
    spdlog::log_clock::time_point at;
    Level level;
    bool is_json;  // with its time and level; decided when it is logged, so that each line is of one form
    std::string text;
  };

  static Line whole_line(Level level, std::string_view text, LogKeys keys) {
    const auto now = spdlog::log_clock::now();
    if (!g_json) return {now, level, false, text_line(text, keys)};
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
    return {now, level, true, json_line(format_instant(us.count()), level_name(level), text, keys)};
  }

  void run() {
    ::pthread_setname_np(::pthread_self(), "log");
    MutexLock lock(mutex_);
    for (;;) {
      changed_.wait(mutex_, [this]() REQUIRES(mutex_) { return !waiting_.empty(); });
      const Line line = std::move(waiting_.front());
      waiting_.pop_front();
      bytes_ -= line.text.size();
      const std::uint64_t lost = std::exchange(lost_, 0);
      writing_ = true;
      lock.unlock();
      if (lost > 0) write_lost(lost);
      write(line);
      lock.lock();
      writing_ = false;
      changed_.notify_all();
    }
  }

  // A line for which there is no memory is lost, and the thread goes on: it is the only one that cannot log it.
  void write(const Line& line) {
    try {
      const bool bare = journal_ || line.is_json;
      if (bare != bare_) spdlog::default_logger_raw()->set_pattern(bare ? kBarePattern : kTextPattern, kUtc);
      bare_ = bare;
      const std::string text = journal_ ? std::string(journal_prefix(line.level)) + line.text : line.text;
      spdlog::default_logger_raw()->log(line.at, spdlog::source_loc{}, line.level, text);
    } catch (const std::exception&) {
    }
  }

  void write_lost(std::uint64_t lines) {
    try {
      write(whole_line(spdlog::level::warn,
                       std::to_string(lines) + " lines of the log are lost: no reader took them", {}));
    } catch (const std::exception&) {
    }
  }

  const bool journal_;
  bool bare_ = true;  // the pattern in use; of the thread
  Mutex mutex_;
  CondVar changed_;
  std::deque<Line> waiting_ GUARDED_BY(mutex_);
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;   // of the lines that wait
  std::uint64_t lost_ GUARDED_BY(mutex_) = 0;  // since the last line that said so
  bool writing_ GUARDED_BY(mutex_) = false;
};

Lines* g_lines = nullptr;  // never destroyed: its thread may be stuck

// Several lines as one, for the journal and its readers take each for a message of its own.
std::string joined(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    if (part.empty()) continue;
    if (!line.empty()) line += ' ';
    line += part;
  }
  return line;
}

void write(spdlog::level::level_enum level, std::string_view given, LogKeys keys) {
  if (!spdlog::default_logger_raw()->should_log(level)) return;
  const std::string text = printable(
      given.find('\n') == std::string_view::npos ? std::string(given) : joined(given), kLineBytesMax);
  if (g_lines != nullptr) {
    g_lines->give(level, text, keys);
  } else {
    spdlog::default_logger_raw()->log(level, "{}", text_line(text, keys));
  }
}

}  // namespace

void start_log(const std::string& level, const std::string& format) {
  const bool journal = stderr_is_the_journal();
  auto logger =
      std::make_shared<spdlog::logger>("hookspool", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern(kBarePattern, kUtc);
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
  set_log_format(format);
  g_lines = std::make_unique<Lines>(journal).release();
}

void set_log_format(const std::string& format) {
  g_json = format == "json";
}

void set_log_level(const std::string& level) {
  spdlog::default_logger_raw()->set_level(spdlog::level::from_str(level));
}

bool finish_log() {
  return g_lines == nullptr || g_lines->finish(kFinishLimit);
}
void log_debug(std::string_view text, LogKeys keys) {
  write(spdlog::level::debug, text, keys);
}
void log_info(std::string_view text, LogKeys keys) {
  write(spdlog::level::info, text, keys);
}
void log_warn(std::string_view text, LogKeys keys) {
  write(spdlog::level::warn, text, keys);
}
void log_error(std::string_view text, LogKeys keys) {
  write(spdlog::level::err, text, keys);
}

}  // namespace hookspool::agent

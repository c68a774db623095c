// Rows of the events table as JSON Lines, asked of PostgreSQL and not of the agent, which keeps no more than keep_delivered.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

#include "agent/base/exit_codes.h"
#include "agent/base/instant.h"
#include "agent/base/wall_clock.h"
#include "agent/commands/commands.h"
#include "agent/commands/output.h"
#include "net/pg/ledger/event_export.h"

namespace hookspool::agent {
namespace {

constexpr std::chrono::milliseconds kProgressEvery{500};

int refused(const net::PgError& error) {
  tell("%s\n", error.text.c_str());
  if (!error.hint.empty()) tell("%s\n", error.hint.c_str());
  return error.error_class == net::ErrorClass::kOutage ? kExitUnavailable : kExitConfig;
}

bool read_instant(const std::string& text, std::optional<std::int64_t>& instant) {
  if (text.empty()) return true;
  instant = parse_instant(text, wall_clock_us());
  if (!instant) tell("\"%s\" is no time: write \"2h\" (ago) or \"2026-11-23T14:00:00Z\"\n", text.c_str());
  return instant.has_value();
}

// To standard error, and only where that is a terminal.
class Progress {
 public:
  void add_row() {
    ++rows_;
    if (!shown_ || std::chrono::steady_clock::now() - last_ < kProgressEvery) return;
    last_ = std::chrono::steady_clock::now();
    std::fprintf(stderr, "%llu rows ...\r", rows_);
  }
  void finish() const {
    if (shown_) std::fprintf(stderr, "%llu rows    \n", rows_);
  }

 private:
  const bool shown_ = ::isatty(STDERR_FILENO) == 1;
  unsigned long long rows_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace

int ExportCommand::run(const Config& config) const {
  const auto& options = config.postgres.options;
  net::ExportRequest request{.sources = sources, .since_us = {}, .until_us = {}};
  if (!read_instant(since, request.since_us) || !read_instant(until, request.until_us)) return kExitUsage;
  if (!net::Connection::configured(options.conninfo)) {
    tell("no PostgreSQL is named: give this command the service's environment (--environment FILE)\n");
    return kExitConfig;
  }
  auto connection = net::Connection::connect(options);
  if (!connection) return refused(connection.error());
  Progress progress;
  const auto done = net::export_events(**connection, options, request, [&](std::string_view line) {
    print_data(line);
    progress.add_row();
    return std::ferror(stdout) == 0;  // finish_output() says why
  });
  progress.finish();
  return done ? kExitOk : refused(done.error());
}

}  // namespace hookspool::agent

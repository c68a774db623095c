#include "agent/delivery/row_retention.h"

#include <algorithm>
#include <utility>

#include "agent/base/log.h"
#include "agent/base/units.h"
#include "agent/base/wall_clock.h"

namespace hookspool::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kTookTooLong = "57014";

milliseconds since(Clock::time_point begun) {
  return std::chrono::ceil<milliseconds>(Clock::now() - begun);
}

}  // namespace

struct RowRetention::Round {
  std::uint64_t deleted = 0;
  std::string source, held_by;
  std::size_t rows = kRowsOfAPiece;
};

RowRetention::RowRetention(const Current<PostgresConfig>& config, std::string agent_id,
                           std::function<bool()> may_write)
    : config_(config), agent_id_(std::move(agent_id)), may_write_(std::move(may_write)) {}
RowRetention::~RowRetention() {
  ask_to_end();
}

void RowRetention::start() {
  thread_ = std::make_unique<RoundThread>("row-retention", kEvery, [this] { round(); });
}

void RowRetention::wake() {
  if (thread_) thread_->wake();
}

void RowRetention::ask_to_end() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  ending_changed_.notify_all();
  if (thread_) thread_->ask_to_end();
}

RowRetention::Status RowRetention::status() const {
  const MutexLock lock(mutex_);
  return status_;
}

bool RowRetention::pause(milliseconds duration) {
  const MutexLock lock(mutex_);
  return !ending_changed_.wait_for(mutex_, duration, [this]() REQUIRES(mutex_) { return ending_; });
}

void RowRetention::round() {
  const auto config = config_.get();
  if (config->keep_rows.count() == 0) {
    const MutexLock lock(mutex_);
    status_ = {.deleted = status_.deleted};
    return;
  }
  if (!may_write_()) return;
  Round round;
  const auto done = work(config->options, config->keep_rows, round);
  {
    const MutexLock lock(mutex_);
    if (ending_) return;
    status_.keep = config->keep_rows;
    status_.round_at_us = wall_clock_us();
    status_.source = round.source;
    status_.held_by = round.held_by;
    status_.error = done ? std::nullopt : std::optional(done.error());
  }
  if (round.deleted > 0) {
    log_info("keep_rows: " + std::to_string(round.deleted) + " rows older than " +
             format_duration(config->keep_rows) + " were deleted from the events table");
  }
  const std::string held = round.held_by.empty() ? "" : round.source + " " + round.held_by;
  if (held != std::exchange(logged_held_, held) && !held.empty()) {
    log_warn("keep_rows: rows of source " + printable(round.source) + " stay, for consumer " +
             printable(round.held_by) +
             " has not read them (hookspool consumers); one that is no longer in use is removed by "
             "drop_consumer()");
  }
  const std::string problem = done ? "" : done.error().sqlstate + " " + done.error().hint;
  if (problem != std::exchange(logged_problem_, problem) && !done) {
    log_warn("keep_rows: old rows stay for now: " + done.error().text +
             (done.error().hint.empty() ? "" : ". " + done.error().hint));
  }
}

net::PgResult<void> RowRetention::work(const net::PgOptions& options, milliseconds keep, Round& round) {
  net::PgOptions own = options;
  own.connect_timeout = std::min(own.connect_timeout, kConnectMax);
  auto connection = net::Connection::connect(own);
  if (!connection) return fail(std::move(connection).error());
  const auto sources = net::feed_sources(**connection, options, agent_id_);
  if (!sources) return fail(sources.error());
  for (const auto& source : *sources) {
    auto done = prune_source(**connection, options, {agent_id_, source, keep}, round);
    if (!done) return done;
    if (!pause(milliseconds(0))) break;
  }
  return {};
}

net::PgResult<void> RowRetention::prune_source(net::Connection& connection, const net::PgOptions& options,
                                               net::PruneRequest request, Round& round) {
  for (;;) {
    request.rows_max = round.rows;
    const auto begun = Clock::now();
    const auto pruned = net::prune(connection, options, request);
    const milliseconds took = since(begun);
    if (!pruned) {
      if (pruned.error().sqlstate != kTookTooLong || round.rows == kRowsOfAPieceMin)
        return fail(pruned.error());
      round.rows = std::max(round.rows / 4, kRowsOfAPieceMin);
    } else {
      round.deleted += pruned->deleted;
      if (!pruned->held_by.empty() && round.held_by.empty()) {
        round.source = request.source;
        round.held_by = pruned->held_by;
      }
      const MutexLock lock(mutex_);
      status_.deleted += pruned->deleted;
    }
    if (!pause(std::clamp(took * kPauseFactor, kPauseMin, kPauseMax))) return {};
    if (!pruned) continue;
    if (!pruned->reached) return {};
    request.after = *pruned->reached;
  }
}

}  // namespace hookspool::agent

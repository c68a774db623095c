#include "agent/delivery/wake_ups.h"

#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "agent/base/log.h"

namespace hookspool::agent {
namespace {

constexpr std::chrono::hours kWithoutAny{1};  // the thread's round while nothing is delivered

}  // namespace

WakeUps::WakeUps(const Current<PostgresConfig>& config) : config_(config) {}
WakeUps::~WakeUps() = default;

void WakeUps::start() {
  thread_ = std::make_unique<RoundThread>("wake-ups", kWithoutAny, [this] { round(); });
}

void WakeUps::ask_to_end() {
  if (thread_) thread_->ask_to_end();
}

void WakeUps::delivered(const net::LaneKey& key, std::uint64_t seq) {
  if (!thread_ || config_.get()->options.notify.empty()) return;
  {
    const MutexLock lock(mutex_);
    const bool announced = !waiting_.empty();
    waiting_[key.lane] = {key.epoch, seq};
    if (announced) return;
  }
  thread_->wake();
}

void WakeUps::round() {
  std::this_thread::sleep_until(not_before_);
  Waiting waiting;
  {
    const MutexLock lock(mutex_);
    waiting.swap(waiting_);
  }
  const auto config = config_.get();
  if (waiting.empty() || config->options.notify.empty()) return;
  const auto sent = send(config->options, waiting);
  not_before_ = std::chrono::steady_clock::now() + kWakeUpEvery;
  if (sent) {
    failing_ = false;
    return;
  }
  connection_.reset();
  if (!std::exchange(failing_, true))
    log_warn("consumers are not notified at the moment (they look by themselves): " + sent.error().text);
}

net::PgResult<void> WakeUps::send(const net::PgOptions& options, const Waiting& waiting) {
  if (!connection_ || !connection_->usable() || !connection_->silent()) {
    net::PgOptions hasty = options;
    hasty.connect_timeout = std::min(hasty.connect_timeout, kAnswerMax);
    auto opened = net::Connection::connect(hasty);
    if (!opened) return fail(std::move(opened).error());
    connection_ = std::move(*opened);
  }
  std::string sql = "SELECT";
  for (const auto& [lane, newest] : waiting) {
    const std::string payload =
        nlohmann::json{{"lane", lane}, {"epoch", newest.epoch.to_string()}, {"seq", newest.seq}}.dump(
            -1, ' ', true, nlohmann::json::error_handler_t::replace);
    sql += (sql.size() > 6 ? ", pg_notify(" : " pg_notify(") + connection_->quote_literal(options.notify) +
           ", " + connection_->quote_literal(payload) + ")";
  }
  const auto sent =
      connection_->query(sql, std::chrono::steady_clock::now() + kAnswerMax, "notifying consumers");
  if (!sent) return fail(sent.error());
  return {};
}

}  // namespace hookspool::agent

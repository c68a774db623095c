#include "agent/app/agent.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "agent/admin/admin_api.h"
#include "agent/admin/pages.h"
#include "agent/alerts/alerts.h"
#include "agent/app/delivering.h"
#include "agent/app/journaling.h"
#include "agent/app/serving.h"
#include "agent/app/stop_order.h"
#include "agent/base/early_stop.h"
#include "agent/base/exit_codes.h"
#include "agent/base/host_name.h"
#include "agent/base/last_resort.h"
#include "agent/base/log.h"
#include "agent/base/notify.h"
#include "agent/base/passed_sockets.h"
#include "agent/base/prepare_process.h"
#include "agent/base/version.h"
#include "agent/base/wall_clock.h"
#include "agent/config/socket_files.h"
#include "agent/history/history.h"
#include "agent/history/lane_rates.h"
#include "agent/history/recent_events.h"
#include "agent/reload/live_settings.h"
#include "agent/reload/reconfigure.h"
#include "agent/reload/reloader.h"
#include "agent/upkeep/health.h"
#include "agent/upkeep/history_upkeep.h"
#include "agent/upkeep/upkeep.h"

namespace hookspool::agent {
namespace {

constexpr milliseconds kReloadGrace{1'000};  // for a reload that is running
constexpr milliseconds kAlertsGrace{500};    // for an alert that is being sent

// The parts, from the ground up: each member works on those above it, and goes before them.
class Agent {
 public:
  using Load = std::function<ConfigResult()>;

  Agent(const Config& config, Load load, std::vector<PassedSocket> passed)
      : config_(config),
        settings_(config),
        journaling_(config, settings_),
        serving_(config, std::move(passed)),
        reloader_(config, std::move(load),
                  [this](const Config& now, Config& next) { return reconfigure(now, next); }) {}
  // A start that fails after the intake was opened: what came in is with the journal's writer, which answers by way of the
  // other parts.
  ~Agent() { journaling_.close_journal(); }
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // kExitOk or the code to end with, having logged why.
  int start();
  void serve();
  int stop();

 private:
  int open_admin(std::int64_t started_at_us);
  Result<void, std::string> reconfigure(const Config& now, Config& next);

  const Config& config_;   // of the start
  LiveSettings settings_;  // of now
  RecentEvents recent_;    // before the journal, whose writer calls it
  Journaling journaling_;
  Delivering delivering_;
  FillForecast forecast_;
  History history_;
  LaneRates rates_;
  std::optional<HealthSources> health_;
  std::optional<Metrics> metrics_;
  std::optional<Dashboard> dashboard_;
  std::optional<AdminParts> admin_parts_;
  std::atomic<bool> stopping_{false};
  Serving serving_;
  std::optional<HistoryUpkeep> history_upkeep_;
  std::optional<Alerts> alerts_;
  std::optional<SilenceUpkeep> silence_upkeep_;
  std::optional<Upkeep> upkeep_;
  Reloader reloader_;
};

// In the order of the data's way, from its end: what accepts webhooks comes last but for what shows the state.
int Agent::start() {
  const Journaling::Delivery delivery{[this](Journaling::Events events) { delivering_.committing(events); },
                                      [this](Journaling::Events events) {
                                        recent_.committed(events);
                                        delivering_.committed(events);
                                      }};
  if (const int code = journaling_.open(delivery); code != kExitOk) return code;
  const std::int64_t started_at_us = wall_clock_us();
  journaling_.open_quarantine();
  delivering_.open(config_, settings_, journaling_);
  if (const int code = serving_.open_intake(settings_, journaling_); code != kExitOk) return code;
  return open_admin(started_at_us);
}

int Agent::open_admin(std::int64_t started_at_us) {
  Delivering::Sink* const sink = delivering_.sink();
  health_.emplace(HealthSources{.journal = journaling_.journal(),
                                .admission = serving_.admission(),
                                .intake = serving_.intake(),
                                .dead_letters = delivering_.dead_letters(),
                                .quarantine = journaling_.quarantine(),
                                .reloader = reloader_,
                                .forecast = forecast_,
                                .postgres = std::nullopt,
                                .deduplicator = journaling_.deduplicator(),
                                .started_at_us = started_at_us});
  admin_parts_.emplace(AdminParts{journaling_.journal(), delivering_.dead_letters(), journaling_.quarantine(),
                                  serving_.admission(), reloader_, std::nullopt, admin_socket_path(config_),
                                  serving_.intake_address()});
  if (sink != nullptr) {
    health_->postgres.emplace(
        HealthSources::Postgres{sink->pool, sink->uplink, sink->lanes, sink->consumers, sink->row_retention});
    admin_parts_->postgres.emplace(
        AdminParts::Postgres{sink->pool, sink->lanes, sink->guard, settings_.postgres});
  }
  metrics_.emplace(*health_);
  dashboard_.emplace(*health_, history_, rates_, recent_);
  const auto page = [this](net::HttpRequest&& request) {
    return admin_page(request, *health_, *admin_parts_, {*metrics_, *dashboard_}, stopping_);
  };
  return serving_.open_admin(page, [this] { admin_parts_->socket.clear(); });
}

Result<void, std::string> Agent::reconfigure(const Config& now, Config& next) {
  Delivering::Sink* const sink = delivering_.sink();
  auto done = put_in_force(now, next,
                           {settings_, journaling_.journal(), journaling_.quarantine(),
                            sink == nullptr ? nullptr : &sink->lanes, serving_.intake()});
  if (done && sink != nullptr) sink->row_retention.wake();
  return done;
}

// Until SIGTERM or SIGINT, which, like SIGHUP, every thread has blocked, so that only this wait receives them.
void Agent::serve() {
  delivering_.start();
  serving_.log_endpoints();
  notify_systemd("READY=1");
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  history_upkeep_.emplace(*health_, history_, rates_, config_.journal.path);
  alerts_.emplace(settings_.alerts, AlertOrigin{journaling_.journal().agent_id(), host_name()});
  alerts_->start();
  silence_upkeep_.emplace(*alerts_, journaling_.journal().admin(), config_.journal.path);
  upkeep_.emplace(*health_, settings_.journal, forecast_, *history_upkeep_, *silence_upkeep_, *alerts_);
  reloader_.start();
  // This thread waits for no file, no lock that is held over one, and no database: systemd's watchdog depends on it.
  const auto tick_ms = upkeep_->watchdog_tick().count();
  const timespec tick{tick_ms / 1'000, tick_ms % 1'000 * 1'000'000};
  for (;;) {
    upkeep_->feed_watchdog(Upkeep::Clock::now());
    const int signal = ::sigtimedwait(&signals, nullptr, &tick);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) reloader_.request();
  }
}

// In the order of stop_in_order().
int Agent::stop() {
  log_info("stopping");
  notify_systemd("STOPPING=1");
  stopping_ = true;
  // From here on a second signal is fatal at once: what was acknowledged is on disk.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);

  serving_.admission().set_stopping();
  Journaling::Closed journal;
  const bool ended = stop_in_order({.reloads = [this] { return reloader_.stop(kReloadGrace); },
                                    .alerts = [this] { return alerts_->stop(kAlertsGrace); },
                                    .intake = [this] { return serving_.stop_intake(); },
                                    .deliveries = [this](bool patient) { return delivering_.stop(patient); },
                                    .admin = [this] { return serving_.stop_admin(); },
                                    .upkeep =
                                        [this] {
                                          upkeep_.reset();
                                          history_upkeep_->finish();
                                          silence_upkeep_->finish();
                                        },
                                    .logs =
                                        [this] {
                                          serving_.admission().finish_logs();
                                          delivering_.finish_logs();
                                        },
                                    .journal =
                                        [&] {
                                          journal = journaling_.close();
                                          return journal.ended;
                                        }});

  const int code = journal.without_error ? kExitOk : kExitIo;
  // A worker that still waits for a dead server or disk cannot be joined; nothing of it is needed any more.
  if (!ended) {
    (void)finish_log();
    std::_Exit(code);
  }
  return code;
}

int run(const Config& config, const Agent::Load& load) {
  Agent agent(config, load, take_passed_sockets());
  {
    const EarlyStop early_stop;
    if (const int code = agent.start(); code != kExitOk) return code;
  }
  agent.serve();
  return agent.stop();
}

}  // namespace

int run_agent(const Config& config, const std::string& config_file, const std::string& log_format) {
  prepare_process();  // before the first thread
  start_log(config.log_level, config.log_format);
  install_last_resort();
  std::error_code error;
  log_info(std::string("hookspool ") + kVersion + ", " +
           (config_file.empty()
                ? "no configuration file: the embedded default, with its journal in " + config.journal.path
                : "configuration " + std::filesystem::absolute(config_file, error).string()));
  const auto load = [&] {
    auto read = read_config(config_file);
    if (read && !log_format.empty()) read->log_format = log_format;
    return read;
  };
  const int code = run(config, load);
  if (!finish_log()) std::_Exit(code);
  return code;
}

}  // namespace hookspool::agent

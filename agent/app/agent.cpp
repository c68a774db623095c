#include "agent/app/agent.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "agent/admin/admin_api.h"
#include "agent/admin/pages.h"
#include "agent/base/early_stop.h"
#include "agent/base/entropy.h"
#include "agent/base/exit_codes.h"
#include "agent/base/journal_exit.h"
#include "agent/base/last_resort.h"
#include "agent/base/log.h"
#include "agent/base/notify.h"
#include "agent/base/passed_sockets.h"
#include "agent/base/prepare_process.h"
#include "agent/base/units.h"
#include "agent/base/version.h"
#include "agent/config/journal_room.h"
#include "agent/config/socket_files.h"
#include "agent/delivery/lanes.h"
#include "agent/delivery/sink_guard.h"
#include "agent/delivery/uplink.h"
#include "agent/intake/admission.h"
#include "agent/intake/deduplicator.h"
#include "agent/intake/quarantine.h"
#include "agent/reload/live_settings.h"
#include "agent/reload/reconfigure.h"
#include "agent/reload/reloader.h"
#include "agent/repair/dead_letters.h"
#include "agent/upkeep/health.h"
#include "agent/upkeep/upkeep.h"
#include "net/http/server.h"
#include "net/pg/link/pool.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {
namespace {

constexpr milliseconds kIntakeGrace{5'000};    // for requests already read in whole to be answered
constexpr milliseconds kDeliveryGrace{5'000};  // for a delivery transaction to end
constexpr milliseconds kReloadGrace{1'000};    // for a reload at hand
constexpr milliseconds kDedupeGrace{2'000};    // for a write of the index of deliveries
constexpr std::size_t kAdminWorkers = 2;
constexpr std::size_t kAdminConnectionsMax = 64;
constexpr std::chrono::minutes kAdminReplyDeadline{10};  // a comparison reads a table
constexpr std::ptrdiff_t kSegmentsIndexedAtStart = 8;    // read before the agent is ready, at most
constexpr std::uint64_t kSegmentBytesLeast = 1u << 20;
constexpr std::uint64_t kSegmentBytesMost = 64u << 20;
constexpr std::uint64_t kSegmentsInBudget = 32;  // so that reclaiming comes in steps of a few per cent

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

class Agent {
 public:
  Agent(const Config& config, const std::string& config_file, std::vector<PassedSocket> passed)
      : config_(config),
        settings_(config),
        passed_(std::move(passed)),
        reloader_(
            config, [config_file] { return read_config(config_file); },
            [this](const Config& now, Config& next) {
              return put_in_force(now, next, {settings_, *journal_, *quarantine_, lanes_.get(), *intake_});
            }) {
    health_.reloader = &reloader_;
  }
  // A start that fails after the intake was opened: what came in is with the writer, which answers by way of the members
  // that go before the journal does.
  ~Agent() {
    if (journal_) (void)journal_->close();
  }
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Each returns kExitOk or the code to end with, having logged why.
  int open_journal();
  void open_quarantine();
  void open_dedupe_index();
  void forget_lost(std::span<const storage::LostIds> lost);
  void connect_postgres();
  void open_dead_letters();
  int match_passed_sockets();
  int open_listeners();
  int open_admin_socket(net::HttpOptions options, net::HttpLaterHandler handler);
  void serve();
  int stop();

 private:
  int open_listener(const std::string& listen, const net::HttpOptions& options, net::HttpLaterHandler handler,
                    const std::string& what, std::unique_ptr<net::HttpServer>& server);
  void tell_where() const;

  const Config& config_;   // of the start
  LiveSettings settings_;  // of now
  std::vector<PassedSocket> passed_;
  std::map<std::string, int> passed_by_address_;
  std::unique_ptr<storage::DedupeIndex> dedupe_index_;
  std::unique_ptr<Deduplicator> deduplicator_;  // before the journal, whose writer calls it
  std::unique_ptr<storage::Journal> journal_;
  std::unique_ptr<net::Pool> pool_;
  std::unique_ptr<DeadLetters> dead_letters_;
  std::unique_ptr<Lanes> lanes_;
  std::unique_ptr<SinkGuard> sink_guard_;
  std::unique_ptr<Uplink> uplink_;
  std::unique_ptr<Quarantine> quarantine_;
  std::unique_ptr<Admission> admission_;
  std::unique_ptr<net::HttpServer> intake_, admin_, admin_socket_;
  FillForecast forecast_;
  HealthSources health_;
  std::optional<Upkeep> upkeep_;
  AdminParts admin_parts_;
  std::atomic<bool> stopping_{false};
  Reloader reloader_;  // last: it reaches into all of the above
};

int Agent::open_journal() {
  storage::JournalOptions options;
  options.folder = config_.journal.path;
  options.agent_id = config_.agent_id;
  options.random_bytes = random_bytes;
  set_room(config_, options);
  options.segment_bytes_max =
      std::clamp(config_.journal.bytes_max / kSegmentsInBudget, kSegmentBytesLeast, kSegmentBytesMost);
  options.on_committing = [this](std::span<const EventPtr> events) {
    if (lanes_) lanes_->committing(events);
  };
  options.on_committed = [this](std::span<const EventPtr> events) {
    if (deduplicator_) deduplicator_->committed(events);
    if (lanes_) lanes_->committed(events);
  };
  auto opened = storage::Journal::open(std::move(options));
  if (!opened) {
    log_error("journal: " + opened.error().text);
    return exit_code_of(opened.error());
  }
  for (const auto& note : opened->notes) log_warn("journal: " + note);
  for (const auto& loss : opened->losses) log_error("journal: LOST: " + loss);
  journal_ = std::move(opened->journal);
  const auto stats = journal_->stats();
  log_info("journal " + config_.journal.path + ": " + std::to_string(stats.pending) + " events waiting, " +
           format_bytes(stats.bytes) + " in " + std::to_string(stats.segments) + " segments, agent " +
           printable(journal_->agent_id()));
  open_dedupe_index();
  forget_lost(opened->lost_ids);
  health_.journal = journal_.get();
  health_.forecast = &forecast_;
  health_.started_at_us = wall_clock_us();
  return kExitOk;
}

// Before anything is delivered: what it finds out about an interrupted admission is in the journal's newest events.
void Agent::open_quarantine() {
  std::unique_ptr<storage::QuarantineStore> store;
  if (wants_quarantine(config_) || storage::QuarantineStore::exists(config_.journal.path)) {
    auto opened = storage::QuarantineStore::open(config_.journal.path, quarantine_limits(config_));
    if (!opened) {
      log_warn("quarantine: " + opened.error().text + "; nothing is quarantined until the next start");
    } else {
      for (const auto& note : opened->notes) log_warn("quarantine: " + note);
      store = std::move(opened->store);
    }
  }
  quarantine_ =
      std::make_unique<Quarantine>(settings_.sources, settings_.quarantine, *journal_, std::move(store));
  quarantine_->resolve();
  health_.quarantine = quarantine_.get();
}

// Without it every delivery is an event: better than to refuse what most senders would not send again.
void Agent::open_dedupe_index() {
  const auto& journal = config_.journal;
  if (journal.dedupe_keep == milliseconds(0)) return;
  auto opened = storage::DedupeIndex::open(
      {std::filesystem::path(journal.path) / "dedupe", journal.dedupe_keys_max, journal.dedupe_keep},
      storage::DedupeIndex::Clock::now());
  for (const auto& note : opened.notes) log_warn("dedupe: " + note);
  if (!opened.unopened.empty())
    log_error("dedupe: " + opened.unopened +
              "; it is tried again while the agent runs, and until then repeated deliveries are events");
  dedupe_index_ = std::move(opened.index);
  deduplicator_ = std::make_unique<Deduplicator>(*dedupe_index_);
  health_.deduplicator = deduplicator_.get();
  if (const auto recalled = deduplicator_->recall(*journal_); !recalled)
    log_warn("dedupe: " + recalled.error().text + "; repeats of lost events may be answered as duplicates");
  if (const auto begun = deduplicator_->begin(*journal_); !begun) log_warn("dedupe: " + begun.error().text);
  // An index that lacks a whole backlog is filled by a thread: senders should not wait for that.
  const auto segments = journal_->segments();
  const auto lacking =
      std::count_if(segments.begin(), segments.end(), [&](const storage::SegmentInfo& segment) {
        return segment.number >= dedupe_index_->complete_before();
      });
  if (lacking > kSegmentsIndexedAtStart) {
    log_warn("dedupe: the index lacks " + std::to_string(lacking) +
             " segments; until they are read, repeats of what they hold are events");
  } else if (const auto whole = deduplicator_->catch_up(*journal_); !whole) {
    log_warn("dedupe: " + whole.error().text + "; until it is read, repeats of what it holds are events");
  }
}

void Agent::forget_lost(std::span<const storage::LostIds> lost) {
  if (!deduplicator_) return;
  if (const auto noted = deduplicator_->forget(*journal_, lost); !noted)
    log_warn("dedupe: " + noted.error().text +
             "; after a restart repeats of lost events may be answered as duplicates");
}

// The local copy is a convenience: without it the agent does its work all the same.
void Agent::open_dead_letters() {
  auto opened = storage::DeadLetterStore::open(config_.journal.path);
  if (!opened) {
    log_warn("dead letters: " + opened.error().text +
             "; they cannot be listed or put back until the next start");
  } else {
    for (const auto& note : opened->notes) log_warn("dead letters: " + note);
  }
  dead_letters_ =
      std::make_unique<DeadLetters>(*journal_, opened ? std::move(opened->store) : nullptr, pool_.get());
  health_.dead_letters = dead_letters_.get();
}

void Agent::connect_postgres() {
  const auto& postgres = config_.postgres;
  if (!net::Connection::configured(postgres.options.conninfo)) {
    if (postgres.database_url_is_empty) log_warn("DATABASE_URL is set, but empty: it names no PostgreSQL");
    log_info("no PostgreSQL is configured: journal only");
    open_dead_letters();
    return;
  }
  if (const auto server = net::Connection::unverified_server(postgres.options.conninfo); !server.empty()) {
    log_warn("the certificate of " + server +
             " is not checked, so anybody on the way can read and change what is sent: "
             "set sslmode=verify-full in conninfo");
  }
  pool_ = std::make_unique<net::Pool>(postgres.options);
  open_dead_letters();
  lanes_ = std::make_unique<Lanes>(
      *journal_, *pool_, settings_.postgres,
      [this](const StoredEvent& event, const net::PgError& why) { dead_letters_->buried(event, why); },
      [this](const Uuid& id) { dead_letters_->returned(id); },
      [this](const storage::LostIds& lost) {
        forget_lost({&lost, 1});
      });
  sink_guard_ = std::make_unique<SinkGuard>(*journal_);
  uplink_ = std::make_unique<Uplink>(
      *pool_, postgres.backoff_min, postgres.backoff_max,
      [this](const net::SinkIdentity& identity) { return sink_guard_->check(identity); },
      [this] {
        const auto uplink = uplink_->status();
        lanes_->uplink_changed(uplink);
        dead_letters_->uplink_changed(uplink);
      });
  health_.pool = pool_.get();
  health_.lanes = lanes_.get();
  health_.uplink = uplink_.get();
}

// A passed socket without a listener of ours would keep clients waiting for ever, so each must match one.
int Agent::match_passed_sockets() {
  const std::string listeners[] = {config_.intake.listen, config_.admin.listen,
                                   "unix:" + admin_socket_path(config_)};
  for (const PassedSocket& socket : passed_) {
    const std::string name = "systemd's socket \"" + printable(socket.name) + "\"";
    const auto address = net::HttpServer::address_of(socket.fd);
    if (!address) {
      log_error(name + ": " + address.error().text);
      return kExitConfig;
    }
    const bool known =
        std::any_of(std::begin(listeners), std::end(listeners), [&](const std::string& listen) {
          const auto checked = net::HttpServer::check_address(listen);
          return checked && *checked == *address;
        });
    if (!known) {
      log_error(name + " listens on " + *address +
                ", which is no listener of the configuration; make ListenStream= "
                "and [intake] listen the same address");
      return kExitConfig;
    }
    passed_by_address_[*address] = socket.fd;
    log_info(name + " on " + *address + " is used");
  }
  return kExitOk;
}

int Agent::open_listener(const std::string& listen, const net::HttpOptions& given,
                         net::HttpLaterHandler handler, const std::string& what,
                         std::unique_ptr<net::HttpServer>& server) {
  net::HttpOptions options = given;
  if (const auto address = net::HttpServer::check_address(listen); address) {
    if (const auto passed = passed_by_address_.find(*address); passed != passed_by_address_.end())
      options.inherited_fd = passed->second;
  }
  auto started = net::HttpServer::start(options, std::move(handler));
  if (!started) {
    log_error(what + ": " + started.error().text);
    switch (started.error().kind) {
      case net::HttpError::Kind::kBadAddress:
      case net::HttpError::Kind::kBadCertificate:
        return kExitConfig;
      case net::HttpError::Kind::kNotPermitted:
        return kExitNoPermission;
      case net::HttpError::Kind::kAddressInUse:
      case net::HttpError::Kind::kSystem:
        break;
    }
    return kExitUnavailable;
  }
  server = std::move(*started);
  const bool is_unix = listen.starts_with("unix:");
  log_info(what + " listening on " +
           (is_unix ? listen : listen.substr(0, listen.rfind(':') + 1) + std::to_string(server->port())));
  return kExitOk;
}

int Agent::open_listeners() {
  if (const int code = match_passed_sockets(); code != kExitOk) return code;
  admission_ =
      std::make_unique<Admission>(settings_.sources, *journal_, quarantine_.get(), deduplicator_.get());
  health_.admission = admission_.get();

  const net::HttpOptions intake = intake_options(config_.intake);
  const auto accept = [this](net::HttpRequest&& request, const net::HttpReply& reply) {
    admission_->handle(std::move(request), reply);
  };
  if (const int code = open_listener(intake.listen, intake, accept, "intake", intake_); code != kExitOk)
    return code;
  health_.intake = intake_.get();
  if (intake.tls.given()) {
    const auto checked = net::HttpServer::check_certificate(intake.tls);
    if (checked) tell_certificate(intake.tls, *checked);
  }

  admin_parts_ = {
      journal_.get(),      dead_letters_.get(),        pool_.get(),       lanes_.get(),     sink_guard_.get(),
      &settings_.postgres, admin_socket_path(config_), quarantine_.get(), admission_.get(), &reloader_};
  net::HttpOptions admin;
  admin.listen = config_.admin.listen;
  admin.workers = kAdminWorkers;
  admin.connections_max = kAdminConnectionsMax;
  admin.reply_deadline = kAdminReplyDeadline;
  admin.unix_mode = config_.admin.socket_file.mode;
  admin.unix_gid = config_.admin.socket_file.gid;
  const auto page = [this](net::HttpRequest&& request, const net::HttpReply& reply) {
    reply(admin_page(request, health_, admin_parts_, stopping_));
  };
  // Opened last: a client that is answered here finds every other listener open.
  if (const int code = open_admin_socket(admin, page); code != kExitOk) return code;
  for (const auto& line : socket_warnings(config_)) log_warn(line);
  return open_listener(admin.listen, admin, page, "admin", admin_);
}

// Where the commands come in. One that nobody asked for must not keep the agent from its work.
int Agent::open_admin_socket(net::HttpOptions options, net::HttpLaterHandler handler) {
  const std::string path = admin_socket_path(config_);
  options.listen = "unix:" + path;
  const int code = open_listener(options.listen, options, std::move(handler), "admin", admin_socket_);
  if (code == kExitOk || !config_.admin.socket.empty()) return code;
  log_warn(
      "there is no admin socket, so the commands that change something cannot reach this agent; set [admin] "
      "socket");
  admin_parts_.socket.clear();
  return kExitOk;
}

void Agent::tell_where() const {
  if (config_.intake.listen.starts_with("unix:") || config_.admin.listen.starts_with("unix:")) return;
  // An address that stands for all of this machine's is none to post to; a certificate is for a name.
  const auto address = [](const std::string& listen, const net::HttpServer& server, bool by_name = false) {
    std::string host = listen.substr(0, listen.rfind(':'));
    if (by_name || host == "[::]" || host == "0.0.0.0") host = by_name ? host_name() : "localhost";
    return host + ":" + std::to_string(server.port());
  };
  const std::string path = config_.sources.empty() ? "/hooks/test" : config_.sources.front().path;
  const std::string scheme = config_.intake.tls.given() ? "https://" : "http://";
  log_info("post to it:  curl -d '{\"hello\":\"world\"}' -H 'Content-Type: application/json' " + scheme +
           address(config_.intake.listen, *intake_, config_.intake.tls.given()) + path);
  log_info("look at it:  curl http://" + address(config_.admin.listen, *admin_) + "/health");
}

// Until SIGTERM or SIGINT, which, like SIGHUP, every thread has blocked, so that only this wait receives them.
void Agent::serve() {
  if (uplink_) {
    lanes_->start(*uplink_);
    dead_letters_->start();
    uplink_->start();
  }
  tell_where();
  notify_systemd("READY=1");
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  upkeep_.emplace(health_, settings_.journal, forecast_);
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

// Against the data's way: no new events, answers for those that are here, the transaction at hand, the journal.
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

  admission_->set_stopping();
  bool ended = reloader_.stop(kReloadGrace);
  ended = intake_->stop(kIntakeGrace) && ended;
  if (lanes_) ended = lanes_->stop(kDeliveryGrace) && ended;
  if (uplink_) ended = uplink_->stop(milliseconds(ended ? 500 : 0)) && ended;
  ended = dead_letters_->stop(milliseconds(ended ? 500 : 0)) && ended;
  if (admin_socket_) ended = admin_socket_->stop(milliseconds(500)) && ended;
  ended = admin_->stop(milliseconds(500)) && ended;
  upkeep_.reset();
  admission_->finish_logs();
  if (lanes_) lanes_->finish_logs();
  dead_letters_->finish_logs();
  const auto closed = journal_->close();
  if (!closed) log_error("journal: " + closed.error().text);
  if (deduplicator_) {
    if (closed) (void)deduplicator_->end(*journal_);  // else the next start reads a segment
    ended = deduplicator_->stop(kDedupeGrace) && ended;
  }
  const auto stats = journal_->stats();
  log_info("stopped: " + std::to_string(stats.pending) + " events wait in the journal for PostgreSQL");
  const int code = closed ? kExitOk : kExitIo;
  // A worker that still waits for a dead server or disk cannot be joined; nothing of it is needed any more.
  if (!ended) {
    (void)finish_log();
    std::_Exit(code);
  }
  return code;
}

int run(const Config& config, const std::string& config_file) {
  Agent agent(config, config_file, take_passed_sockets());
  {
    const EarlyStop early_stop;
    if (const int code = agent.open_journal(); code != kExitOk) return code;
    agent.open_quarantine();
    agent.connect_postgres();
    if (const int code = agent.open_listeners(); code != kExitOk) return code;
  }
  agent.serve();
  return agent.stop();
}

}  // namespace

int run_agent(const Config& config, const std::string& config_file) {
  prepare_process();  // before the first thread
  start_log(config.log_level);
  install_last_resort();
  std::error_code error;
  log_info(std::string("hookspool ") + kVersion + ", " +
           (config_file.empty()
                ? "no configuration file: the embedded default, with its journal in " + config.journal.path
                : "configuration " + std::filesystem::absolute(config_file, error).string()));
  const int code = run(config, config_file);
  if (!finish_log()) std::_Exit(code);
  return code;
}

}  // namespace hookspool::agent

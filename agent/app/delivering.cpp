#include "agent/app/delivering.h"

#include <chrono>
#include <utility>

#include "agent/base/log.h"

namespace hookspool::agent {
namespace {

constexpr milliseconds kDeliveryGrace{5'000};  // for a delivery transaction to end
constexpr milliseconds kAskingGrace{500};      // for a question to PostgreSQL

}  // namespace

// The local copy is a convenience: without it the agent does its work all the same.
void Delivering::open_dead_letters(const Config& config, storage::Journal& journal) {
  auto opened = storage::DeadLetterStore::open(config.journal.path);
  if (!opened) {
    log_warn("dead letters: " + opened.error().text +
             "; they cannot be listed or put back until the next start");
  } else {
    for (const auto& note : opened->notes) log_warn("dead letters: " + note);
  }
  dead_letters_ =
      std::make_unique<DeadLetters>(journal, opened ? std::move(opened->store) : nullptr, pool_.get());
}

void Delivering::open(const Config& config, const LiveSettings& settings, Journaling& journaling) {
  const auto& postgres = config.postgres;
  if (!net::Connection::configured(postgres.options.conninfo)) {
    if (postgres.database_url_is_empty) log_warn("DATABASE_URL is set, but empty: it names no PostgreSQL");
    log_info("no PostgreSQL is configured: journal only");
    open_dead_letters(config, journaling.journal());
    return;
  }
  if (const auto server = net::Connection::unverified_server(postgres.options.conninfo); !server.empty()) {
    log_warn("the certificate of " + server +
             " is not checked, so any host on the way can read and change what is sent: "
             "set sslmode=verify-full in conninfo");
  }
  pool_ = std::make_unique<net::Pool>(postgres.options);
  open_dead_letters(config, journaling.journal());
  DeadLetters& dead = *dead_letters_;
  // Callbacks come after start(), when sink_ is there.
  sink_.reset(
      new Sink{*pool_,
               Lanes(
                   journaling.journal(), *pool_, settings.postgres,
                   [&dead](const StoredEvent& event, const net::PgError& why) { dead.buried(event, why); },
                   [&dead](const Uuid& id) { dead.returned(id); },
                   [&journaling](const storage::LostIds& lost) {
                     journaling.forget_lost({&lost, 1});
                   }),
               SinkGuard(journaling.journal().notes()),
               Uplink(
                   *pool_, postgres.backoff_min, postgres.backoff_max,
                   [this](const net::SinkIdentity& identity) { return sink_->guard.check(identity); },
                   [this] {
                     const auto uplink = sink_->uplink.status();
                     sink_->lanes.uplink_changed(uplink);
                     dead_letters_->uplink_changed(uplink);
                     if (uplink.up) sink_->row_retention.wake();
                   }),
               ConsumerWatch(*pool_, journaling.journal().agent_id()),
               RowRetention(settings.postgres, journaling.journal().agent_id(),
                            [this] { return sink_->uplink.status().up; })});
}

void Delivering::start() {
  if (!sink_) return;
  sink_->lanes.start(sink_->uplink);
  dead_letters_->start();
  sink_->row_retention.start();
  sink_->uplink.start();
}

bool Delivering::stop(bool patient) {
  bool ended = true;
  const auto grace = [&] { return patient && ended ? kAskingGrace : milliseconds(0); };
  if (sink_) {
    sink_->row_retention.ask_to_end();
    ended = sink_->lanes.stop(kDeliveryGrace);
    ended = sink_->uplink.stop(grace()) && ended;
  }
  return dead_letters_->stop(grace()) && ended;
}

void Delivering::finish_logs() {
  if (sink_) sink_->lanes.finish_logs();
  dead_letters_->finish_logs();
}

void Delivering::committing(Journaling::Events events) {
  if (sink_) sink_->lanes.committing(events);
}

void Delivering::committed(Journaling::Events events) {
  if (sink_) sink_->lanes.committed(events);
}

}  // namespace hookspool::agent

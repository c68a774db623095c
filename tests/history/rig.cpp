#include "tests/history/rig.h"

#include <sys/stat.h>

#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include "tests/history/collect.h"
#include "tests/history/wall_clock.h"
#include "tests/support/process.h"
#include "tests/support/wait.h"

namespace hookspool::history {
namespace {

using std::chrono::seconds;

// Longer than the backoff of a held lane and the agent's own deadlines together.
constexpr seconds kDrainStallMax{30};
constexpr seconds kReadyMax{60};
constexpr std::size_t kHealthBytesMax = 3'000;  // of what is said; the lanes would fill pages

constexpr std::string_view kDedupeTrouble = "dedupe: ";

constexpr const char* kOwnTable =
    "CREATE TABLE own_events (id uuid, agent_id text, epoch uuid, seq bigint, source text, delivery_id text,"
    " headers jsonb, body bytea);"
    "GRANT SELECT, INSERT ON own_events TO hookspool;";

constexpr const char* kPlanted =
    "ALTER TABLE hookspool.events ADD CONSTRAINT planted CHECK (delivery_id NOT LIKE '%-poison');"
    "ALTER TABLE own_events ADD CONSTRAINT planted CHECK (delivery_id NOT LIKE '%-poison');";

// Sees every dead letter that is committed, also one that is put back a moment later.
constexpr const char* kWitness =
    "CREATE TABLE witness (id uuid, agent_id text, epoch uuid, seq bigint, source text, request bytea, body "
    "bytea,"
    " sqlstate text, at timestamptz NOT NULL DEFAULT clock_timestamp());"
    "CREATE FUNCTION bear_witness() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN"
    " INSERT INTO public.witness SELECT NEW.id, NEW.agent_id, NEW.epoch, NEW.seq, NEW.source, NEW.request, "
    "NEW.body,"
    " NEW.sqlstate; RETURN NEW; END $$;"
    "CREATE TRIGGER witness AFTER INSERT ON hookspool.dead_letters FOR EACH ROW EXECUTE FUNCTION "
    "bear_witness();";

std::string make_run_folder(std::uint64_t seed) {
  std::string name = "/tmp/hookspool-history-" + std::to_string(seed) + "-XXXXXX";
  // Others may enter it: PostgreSQL runs as another user, and its backups are in here.
  if (::mkdtemp(name.data()) == nullptr || ::chmod(name.c_str(), 0755) != 0)
    throw std::runtime_error("cannot make " + name);
  return name;
}

}  // namespace

Rig::Rig(RigOptions options)
    : options_(std::move(options)),
      folder_(make_run_folder(options_.seed)),
      nemesis_log_(folder_ / "nemesis.log"),
      began_(std::chrono::steady_clock::now()),
      primary_(std::make_unique<testing::PgCluster>()),
      proxy_(std::make_unique<testing::CutProxy>(primary_->port())),
      shim_(std::make_unique<Shim>(folder_ / "shim")) {
  if (options_.with_standby) standby_ = testing::PgCluster::standby_of(*primary_);
  testing::AgentOptions agent;
  agent.binary = options_.binary;
  agent.conninfo =
      standby_ ? testing::either_conninfo(*primary_, *standby_) : primary_->conninfo(proxy_->port());
  agent.more_postgres =
      "backoff_min = \"20ms\"\nbackoff_max = \"500ms\"\nconnect_timeout = \"2s\"\nstatement_timeout = "
      "\"2s\"\n"
      "idle_in_transaction_session_timeout = \"2s\"\n";
  agent.more_journal = "min_free_bytes = \"16MiB\"\n" + options_.more_journal;
  agent.sources = sources();
  agent.journal = folder_ / "journal";
  for (const auto& [name, value] : shim_->env()) agent.env[name] = value;
  agent_ = std::make_unique<testing::AgentProcess>(agent);
  make_tables();
  std::filesystem::create_directory(folder_ / "clients");
}

Rig::~Rig() {
  clients_.reset();
  if (sampler_) sampler_->stop();
  agent_.reset();
  if (keep_) return;
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string Rig::sources() const {
  const ClientsOptions clients;
  std::string toml;
  for (int client = 0; client < clients.clients; ++client) {
    for (int source = 0; source < clients.sources; ++source) {
      const std::string name = source_name(client, source);
      toml += "[sources." + name + "]\npath = \"/hooks/" + name + "\"\nverify = \"none\"\n";
      if (source + 1 != clients.sources) continue;
      toml += "table = \"public.own_events\"\n[sources." + name + ".columns]\n";
      for (const char* field :
           {"id", "agent_id", "epoch", "seq", "source", "delivery_id", "headers", "body"}) {
        toml += std::string(field) + " = \"@" + field + "\"\n";
      }
    }
  }
  return toml;
}

void Rig::make_tables() {
  primary_->query(kOwnTable);
  start_agent();
  const bool made = testing::wait_until(kReadyMax, [&] {
    return primary_->value("SELECT to_regclass('hookspool.dead_letters') IS NOT NULL") == "t";
  });
  if (!made) throw std::runtime_error("the agent did not make its tables: " + agent_->health());
  primary_->query(kPlanted);
  primary_->query(kWitness);
  primary_conninfo_ = primary_->superuser_conninfo();
  sampler_ = std::make_unique<Sampler>([this] {
    const std::lock_guard lock(primary_mutex_);
    return primary_conninfo_;
  });
}

void Rig::swap_primary() {
  std::swap(primary_, standby_);
  const std::lock_guard lock(primary_mutex_);
  primary_conninfo_ = primary_->superuser_conninfo();
}

// What the agent says of its index of deliveries it says in a warning or an error: it takes no chance in silence.
void Rig::note_unindexed() {
  const std::string log = agent_->log();
  const auto at = log.find(kDedupeTrouble, life_log_begin_);
  if (at != std::string::npos) {
    const std::string said = log.substr(at, log.find('\n', at) - at);
    say("the agent's log: " + said);
    unindexed_.push_back({.begin_us = life_began_us_, .end_us = wall_clock_us(), .said = said});
  }
  life_log_begin_ = log.size();
  life_began_us_ = wall_clock_us();
}

void Rig::start_agent() {
  note_unindexed();
  life_ += 1;
  agent_->launch();
  agent_->wait_ready(kReadyMax);
}

void Rig::start_clients(const ClientsOptions& base) {
  ClientsOptions options = base;
  options.port = agent_->intake_port();
  options.log_folder = folder_ / "clients";
  options.seed = options_.seed;
  clients_ = std::make_unique<Clients>(options, life_);
}

void Rig::stop_clients() {
  if (!clients_) return;
  const ClientCounts counts = clients_->counts();
  sends_ = clients_->stop();
  clients_.reset();
  say("clients at rest: " + std::to_string(counts.ok) + " acknowledged, " + std::to_string(counts.fail) +
      " refused, " + std::to_string(counts.unknown) + " unanswered");
}

void Rig::say(const std::string& line) {
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - began_;
  char stamp[32];
  std::snprintf(stamp, sizeof(stamp), "%8.2f s  ", since.count());
  const std::lock_guard lock(say_mutex_);
  std::cout << stamp << line << std::endl;
  nemesis_log_ << stamp << line << std::endl;
}

void Rig::wait_idle() {
  long long least = -1;
  auto since = std::chrono::steady_clock::now();
  for (;;) {
    const long long pending = agent_->health_number("/journal/pending");
    if (pending == 0 && agent_->health("/mode") == "online") return;
    const auto now = std::chrono::steady_clock::now();
    if (least < 0 || (pending >= 0 && pending < least)) {
      least = pending;
      since = now;
    }
    if (now - since > kDrainStallMax) {
      throw Stalled("I10 the drain stands still with " + std::to_string(pending) +
                    " events waiting: " + agent_->health().substr(0, kHealthBytesMax));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void Rig::drain() {
  wait_idle();
  // What a changed table refused goes in now; what was planted is refused again.
  const auto retried = retry_dead_letters(*agent_, options_.binary);
  say("hookspool dead retry --all: " + retried);
  wait_idle();
}

Result Rig::collect(std::vector<Fault> faults) {
  sampler_->stop();
  const testing::ExitStatus status = agent_->terminate(std::chrono::seconds(60));
  if (status.code != 0)
    throw std::runtime_error("the agent ended with exit code " + std::to_string(status.code));
  note_unindexed();
  Result result = read_postgres(*primary_);
  result.journal = read_journal(agent_->journal(), folder_ / "journal-copy");
  result.sends = sends_;
  result.faults = std::move(faults);
  result.samples = sampler_->samples();
  result.went_back = sampler_->went_back();
  result.unindexed = unindexed_;
  return result;
}

std::filesystem::path Rig::keep(Result result) {
  keep_ = true;
  if (result.sends.empty()) result.sends = sends_;
  save(result, folder_ / "result");
  std::ofstream(folder_ / "agent.log") << agent_->log();
  std::error_code ignored;
  std::filesystem::copy_file(primary_->log_file(), folder_ / "postgres.log", ignored);
  dump_postgres(*primary_, folder_ / "postgres.dump");
  return folder_;
}

}  // namespace hookspool::history

#include "agent/commands/admin_options.h"

#include <CLI/CLI.hpp>
#include <utility>
#include <vector>

#include "agent/admin/admin_protocol.h"
#include "agent/commands/admin_commands.h"

namespace hookspool::agent {

void add_config_option(CLI::App& command, std::string& config_file) {
  command
      .add_option(
          "-c,--config", config_file,
          "configuration file (TOML); else HOOKSPOOL_CONFIG, else /etc/hookspool/hookspool.toml if it is "
          "there")
      ->type_name("FILE");
}

struct AdminOptions::Commands {
  AdminTarget target;
  DeadCommand dead;
  QuarantineCommand quarantine;
  CompareCommand compare;
  std::string lane, from;
  std::vector<std::pair<CLI::App*, std::function<int(const Config&)>>> runs;

  CLI::App* add(CLI::App& parent, std::string& config_file, const char* name, const char* help,
                std::function<int(const Config&)> run) {
    auto* command = parent.add_subcommand(name, help);
    add_config_option(*command, config_file);
    command->add_option("--socket", target.socket, "the agent's admin socket")->type_name("PATH");
    command->add_flag("--json", target.json, "as JSON");
    runs.emplace_back(command, std::move(run));
    return command;
  }
  void add_dead(CLI::App& app, std::string& config_file);
  void add_quarantine(CLI::App& app, std::string& config_file);
  void add_comparing(CLI::App& app, std::string& config_file);
  void add_steering(CLI::App& app, std::string& config_file);
};

void AdminOptions::Commands::add_dead(CLI::App& app, std::string& config_file) {
  auto* group = app.add_subcommand("dead", "events that PostgreSQL refused");
  group->require_subcommand(1);
  auto* list = add(*group, config_file, "list", "list dead letters, also while PostgreSQL is away",
                   [this](const Config& config) { return dead.list(config, target); });
  list->add_option("--source", dead.source, "this source only")->type_name("NAME");
  auto* show = add(*group, config_file, "show", "show one with its request and body",
                   [this](const Config& config) { return dead.show(config, target); });
  show->add_option("id", dead.ids, "id of the event")->type_name("ID")->required()->expected(1);
  auto* retry = add(*group, config_file, "retry", "send dead letters again, once",
                    [this](const Config& config) { return dead.retry(config, target); });
  auto* ids = retry->add_option("id", dead.ids, "ids of the events")->type_name("ID");
  auto* source = retry->add_option("--source", dead.source, "all of this source")->type_name("NAME");
  auto* all = retry->add_flag("--all", dead.all, "all");
  ids->excludes(source)->excludes(all);
  source->excludes(all);
  retry->callback([this] {
    if (dead.ids.empty() && dead.source.empty() && !dead.all)
      throw CLI::RequiredError("an id, --source or --all");
  });
  auto* bury = add(*group, config_file, "bury",
                   "make the event that holds a lane a dead letter, so that the lane resumes",
                   [this](const Config& config) { return dead.bury(config, target); });
  bury->add_option("--source", dead.source, "the lane")->type_name("NAME")->required();
  auto* count =
      bury->add_option("--count", dead.count, "up to this many refused events in a row (default: 1)")
          ->type_name("N")
          ->check(CLI::Range(std::int64_t{1}, kApiBuryMax));
  bury->add_option("--id", dead.ids, "only if this event holds the lane")
      ->type_name("ID")
      ->expected(1)
      ->excludes(count);
  auto* discard = add(*group, config_file, "discard", "discard for good",
                      [this](const Config& config) { return dead.discard(config, target); });
  discard->add_option("id", dead.ids, "ids of the events")->type_name("ID")->required();
}

void AdminOptions::Commands::add_quarantine(CLI::App& app, std::string& config_file) {
  auto* group = app.add_subcommand("quarantine", "webhooks whose signature fits no secret");
  group->require_subcommand(1);
  auto* list = add(*group, config_file, "list", "list quarantined requests",
                   [this](const Config& config) { return quarantine.list(config, target); });
  list->add_option("--source", quarantine.source, "this source only")->type_name("NAME");
  auto* show = add(*group, config_file, "show", "show one with its headers and body",
                   [this](const Config& config) { return quarantine.show(config, target); });
  show->add_option("id", quarantine.ids, "id of the request")->type_name("ID")->required()->expected(1);
  auto* verify =
      add(*group, config_file, "verify", "verify again with the current secrets; what fits is admitted, once",
          [this](const Config& config) { return quarantine.verify(config, target); });
  verify->add_option("--source", quarantine.source, "this source only")->type_name("NAME");
  auto* discard = add(*group, config_file, "discard", "discard for good",
                      [this](const Config& config) { return quarantine.discard(config, target); });
  auto* ids = discard->add_option("id", quarantine.ids, "ids of the requests")->type_name("ID");
  auto* source = discard->add_option("--source", quarantine.source, "all of this source")->type_name("NAME");
  auto* all = discard->add_flag("--all", quarantine.all, "all");
  ids->excludes(source)->excludes(all);
  source->excludes(all);
  discard->callback([this] {
    if (quarantine.ids.empty() && quarantine.source.empty() && !quarantine.all)
      throw CLI::RequiredError("an id, --source or --all");
  });
}

void AdminOptions::Commands::add_comparing(CLI::App& app, std::string& config_file) {
  auto* verify =
      add(app, config_file, "verify", "compare the journal with the table; 65 if something is missing",
          [this](const Config& config) { return compare.verify(config, target); });
  verify->add_option("--source", compare.source, "this source only")->type_name("NAME");
  verify->add_option("--since", compare.since, "received since; \"2h\" (ago) or RFC 3339")->type_name("TIME");
  verify->add_flag("--repair", compare.repair, "insert what is missing");
  auto* replay = add(app, config_file, "replay", "send retained events again; only missing ones are inserted",
                     [this](const Config& config) { return compare.replay(config, target); });
  replay->add_option("--source", compare.source, "this source only")->type_name("NAME");
  replay->add_option("--since", compare.since, "received since; \"2h\" (ago) or RFC 3339")->type_name("TIME");
  replay->add_option("--until", compare.until, "received before")->type_name("TIME");
  replay->add_option("--id", compare.id, "this event only")->type_name("ID");
}

void AdminOptions::Commands::add_steering(CLI::App& app, std::string& config_file) {
  auto* repair = add(app, config_file, "repair", "correct a lane's watermark by comparing ids",
                     [this](const Config& config) { return repair_lane(config, target, lane); });
  repair->add_option("lane", lane, "the source")->type_name("LANE")->required();
  add(app, config_file, "retry", "try PostgreSQL and all waiting lanes at once",
      [this](const Config& config) { return retry_now(config, target); });
  auto* adopt = add(app, config_file, "adopt", "accept another database as the journal's own",
                    [this](const Config& config) { return adopt_database(config, target, from); });
  adopt
      ->add_option(
          "--from", from,
          "what the database gets: unsent (not confirmed by any database) or beginning (all retained)")
      ->required()
      ->check(CLI::IsMember({"unsent", "beginning"}));
}

AdminOptions::AdminOptions(CLI::App& app, std::string& config_file)
    : commands_(std::make_unique<Commands>()) {
  commands_->add_dead(app, config_file);
  commands_->add_quarantine(app, config_file);
  commands_->add_comparing(app, config_file);
  commands_->add_steering(app, config_file);
}

AdminOptions::~AdminOptions() = default;

bool AdminOptions::has_socket() const {
  return !commands_->target.socket.empty();
}

std::optional<int> AdminOptions::run(const Config& config) const {
  for (const auto& [command, run] : commands_->runs) {
    if (*command) return run(config);
  }
  return std::nullopt;
}

}  // namespace hookspool::agent

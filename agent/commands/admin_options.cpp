#include <CLI/CLI.hpp>
#include <memory>

#include "agent/admin/admin_protocol.h"
#include "agent/commands/command_options.h"

namespace hookspool::agent {
namespace {

// What an administrator's commands are given, for as long as one of them may run.
struct Given {
  DeadCommand dead;
  QuarantineCommand quarantine;
  CompareCommand compare;
  std::string lane, from;
};
using GivenPtr = std::shared_ptr<Given>;

constexpr const char* kTimeHelp = "received since; \"2h\" (ago) or RFC 3339";

void add_source(CLI::App& command, std::string& source) {
  command.add_option("--source", source, "this source only")->type_name("NAME");
}

// Ids, or all of a source, or all there are: one of the three.
void add_choice(CLI::App& command, std::vector<std::string>& chosen, std::string& of_source, bool& everything,
                const char* id_help) {
  auto* ids = command.add_option("id", chosen, id_help)->type_name("ID");
  auto* source = command.add_option("--source", of_source, "all of this source")->type_name("NAME");
  auto* all = command.add_flag("--all", everything, "all");
  ids->excludes(source)->excludes(all);
  source->excludes(all);
  command.callback([&chosen, &of_source, &everything] {
    if (chosen.empty() && of_source.empty() && !everything)
      throw CLI::RequiredError("an id, --source or --all");
  });
}

void add_dead(CommandSet& commands, const GivenPtr& given) {
  DeadCommand& dead = given->dead;
  auto& group = commands.add_group(
      {"dead", "events that PostgreSQL refused", {"dead list", "dead retry --source shop"}});
  auto& list = commands.add_asking(
      group,
      {"list", "list dead letters, also while PostgreSQL is away", {"dead list", "dead list --source shop"}},
      [given](const Config& config, const AdminTarget& target) { return given->dead.list(config, target); });
  add_source(list, dead.source);
  auto& show = commands.add_asking(
      group,
      {"show",
       "show one with its request and body",
       {"dead show 01a21cb9-4c5a-7000-8000-3f2a9c1b7d10",
        "dead show --json 01a21cb9-4c5a-7000-8000-3f2a9c1b7d10"}},
      [given](const Config& config, const AdminTarget& target) { return given->dead.show(config, target); });
  show.add_option("id", dead.ids, "id of the event")->type_name("ID")->required()->expected(1);
  auto& retry = commands.add_asking(
      group, {"retry", "send dead letters again, once", {"dead retry --source shop", "dead retry --all"}},
      [given](const Config& config, const AdminTarget& target) { return given->dead.retry(config, target); });
  add_choice(retry, dead.ids, dead.source, dead.all, "ids of the events");
  auto& bury = commands.add_asking(
      group,
      {"bury",
       "make the event that holds a lane a dead letter, so that the lane resumes",
       {"dead bury --source shop", "dead bury --source shop --count 20"}},
      [given](const Config& config, const AdminTarget& target) { return given->dead.bury(config, target); });
  bury.add_option("--source", dead.source, "the lane")->type_name("NAME")->required();
  auto* count = bury.add_option("--count", dead.count, "up to this many refused events in a row (default: 1)")
                    ->type_name("N")
                    ->check(CLI::Range(std::int64_t{1}, kApiBuryMax));
  bury.add_option("--id", dead.ids, "only if this event holds the lane")
      ->type_name("ID")
      ->expected(1)
      ->excludes(count);
  auto& discard = commands.add_asking(
      group, {"discard", "discard for good", {"dead discard 01a21cb9-4c5a-7000-8000-3f2a9c1b7d10"}},
      [given](const Config& config, const AdminTarget& target) {
        return given->dead.discard(config, target);
      });
  discard.add_option("id", dead.ids, "ids of the events")->type_name("ID")->required();
}

void add_quarantine(CommandSet& commands, const GivenPtr& given) {
  QuarantineCommand& quarantine = given->quarantine;
  auto& group = commands.add_group({"quarantine",
                                    "webhooks whose signature fits no secret",
                                    {"quarantine list", "quarantine verify --source shop"}});
  auto& list = commands.add_asking(
      group, {"list", "list quarantined requests", {"quarantine list", "quarantine list --source shop"}},
      [given](const Config& config, const AdminTarget& target) {
        return given->quarantine.list(config, target);
      });
  add_source(list, quarantine.source);
  auto& show = commands.add_asking(group,
                                   {"show",
                                    "show one with its headers and body",
                                    {"quarantine show 01a21cb9-4c5a-7000-8000-3f2a9c1b7d10"}},
                                   [given](const Config& config, const AdminTarget& target) {
                                     return given->quarantine.show(config, target);
                                   });
  show.add_option("id", quarantine.ids, "id of the request")->type_name("ID")->required()->expected(1);
  auto& verify = commands.add_asking(group,
                                     {"verify",
                                      "verify again with the current secrets; what fits is admitted, once",
                                      {"quarantine verify --source shop"}},
                                     [given](const Config& config, const AdminTarget& target) {
                                       return given->quarantine.verify(config, target);
                                     });
  add_source(verify, quarantine.source);
  auto& discard = commands.add_asking(
      group,
      {"discard", "discard for good", {"quarantine discard --source shop", "quarantine discard --all"}},
      [given](const Config& config, const AdminTarget& target) {
        return given->quarantine.discard(config, target);
      });
  add_choice(discard, quarantine.ids, quarantine.source, quarantine.all, "ids of the requests");
}

void add_comparing(CommandSet& commands, const GivenPtr& given) {
  CompareCommand& compare = given->compare;
  auto& verify = commands.add_asking(commands.app(),
                                     {"verify",
                                      "compare the journal with the table; 65 if something is missing",
                                      {"verify", "verify --source shop --since 24h", "verify --repair"}},
                                     [given](const Config& config, const AdminTarget& target) {
                                       return given->compare.verify(config, target);
                                     });
  add_source(verify, compare.source);
  verify.add_option("--since", compare.since, kTimeHelp)->type_name("TIME");
  verify.add_flag("--repair", compare.repair, "insert what is missing");
  auto& replay = commands.add_asking(commands.app(),
                                     {"replay",
                                      "send retained events again; only missing ones are inserted",
                                      {"replay --source shop --since 2026-11-23T14:00:00Z",
                                       "replay --id 01a21cb9-4c5a-7000-8000-3f2a9c1b7d10"}},
                                     [given](const Config& config, const AdminTarget& target) {
                                       return given->compare.replay(config, target);
                                     });
  add_source(replay, compare.source);
  replay.add_option("--since", compare.since, kTimeHelp)->type_name("TIME");
  replay.add_option("--until", compare.until, "received before")->type_name("TIME");
  replay.add_option("--id", compare.id, "this event only")->type_name("ID");
}

void add_steering(CommandSet& commands, const GivenPtr& given) {
  auto& repair = commands.add_asking(
      commands.app(), {"repair", "correct a lane's watermark by comparing ids", {"repair shop"}},
      [given](const Config& config, const AdminTarget& target) {
        return repair_lane(config, target, given->lane);
      });
  repair.add_option("lane", given->lane, "the source")->type_name("NAME")->required();
  commands.add_asking(commands.app(), {"retry", "try PostgreSQL and all waiting lanes at once", {"retry"}},
                      retry_now);
  auto& adopt = commands.add_asking(commands.app(),
                                    {"adopt",
                                     "accept another database as the journal's own",
                                     {"adopt --from unsent", "adopt --from beginning"}},
                                    [given](const Config& config, const AdminTarget& target) {
                                      return adopt_database(config, target, given->from);
                                    });
  adopt
      .add_option(
          "--from", given->from,
          "what the database gets: unsent (not confirmed by any database) or beginning (all retained)")
      ->required()
      ->check(CLI::IsMember({"unsent", "beginning"}));
}

}  // namespace

void add_admin_commands(CommandSet& commands) {
  const auto given = std::make_shared<Given>();
  add_dead(commands, given);
  add_quarantine(commands, given);
  add_comparing(commands, given);
  add_steering(commands, given);
}

}  // namespace hookspool::agent

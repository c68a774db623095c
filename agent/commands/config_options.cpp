#include <CLI/CLI.hpp>
#include <memory>

#include "agent/commands/command_options.h"
#include "agent/commands/commands.h"

namespace hookspool::agent {

void add_config_commands(CommandSet& commands) {
  commands.add({"check-config",
                "report every fault of a configuration; 78 if there is one",
                {"check-config --config /etc/hookspool/hookspool.toml"}},
               Reads::kConfigAndEnvironment,
               [](const CommandSet::Invocation& now) { return report_config(now.config, now.file); });

  const auto reload_command = std::make_shared<ReloadCommand>();
  auto& reload = commands.add(
      {"reload", "make the running agent read its configuration again; 78 if it refuses", {"reload"}},
      Reads::kFileName, [reload_command, &commands](const CommandSet::Invocation& now) {
        return reload_command->run(now.file, commands.json());
      });
  reload.add_option("--socket", reload_command->socket, "the agent's admin socket")->type_name("FILE");
  commands.add_json(reload);

  const auto doctor_command = std::make_shared<DoctorCommand>();
  auto& doctor = commands.add({"doctor",
                               "check the machine, PostgreSQL, its schema and each source's table",
                               {"doctor", "doctor --environment /etc/hookspool/environment", "doctor --sql"}},
                              Reads::kConfigAndEnvironment,
                              [doctor_command, &commands](const CommandSet::Invocation& now) {
                                return doctor_command->run(now.config, commands.json());
                              });
  doctor.add_flag("--sql", doctor_command->sql, "print the SQL for an administrator");
  commands.add_json(doctor);

  auto& alert = commands.add_group({"alert", "alerts without Prometheus", {"alert test"}});
  auto& alert_test =
      commands.add(alert,
                   {"test",
                    "send a test alert to each destination, and show what came back",
                    {"alert test", "alert test --json"}},
                   Reads::kConfigAndEnvironment, [&commands](const CommandSet::Invocation& now) {
                     return AlertTestCommand{}.run(now.config, commands.json());
                   });
  commands.add_json(alert_test);

  auto& consumers =
      commands.add({"consumers",
                    "show what each consumer of the events still has before it",
                    {"consumers", "consumers --json"}},
                   Reads::kConfigAndEnvironment, [&commands](const CommandSet::Invocation& now) {
                     return ConsumersCommand{}.run(now.config, commands.json());
                   });
  commands.add_json(consumers);

  const auto exporting = std::make_shared<ExportCommand>();
  auto& rows = commands.add({"export",
                             "print rows of the events table in PostgreSQL as JSON Lines",
                             {"export --source shop --since 24h > shop.jsonl"}},
                            Reads::kConfigAndEnvironment, [exporting](const CommandSet::Invocation& now) {
                              return exporting->run(now.config);
                            });
  rows.add_option("--source", exporting->sources, "of this source; may be given several times")
      ->type_name("NAME")
      ->allow_extra_args(false);
  rows.add_option("--since", exporting->since, "received at this time or later: RFC 3339 or \"2h\" (ago)")
      ->type_name("TIME");
  rows.add_option("--until", exporting->until, "received before this time")->type_name("TIME");
}

}  // namespace hookspool::agent

#include "agent/commands/command_set.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>

#include "agent/base/exit_codes.h"
#include "agent/commands/commands.h"
#include "agent/commands/output.h"
#include "agent/config/config_environment.h"
#include "agent/config/config_place.h"

namespace hookspool::agent {
namespace {

int tell_faults(const ConfigFaults& faults) {
  for (const auto& line : faults.lines) tell("%s\n", line.c_str());
  return exit_code_of(faults);
}

// What the packaged service finds in its environment, for the commands that say what a service will meet. The packaged
// file belongs to the packaged configuration.
int take_environment(const std::string& given, const std::string& config_file) {
  std::string file = given;
  if (file.empty() && config_file == kPackagedConfigFile && ::access(kPackagedEnvironmentFile, F_OK) == 0)
    file = kPackagedEnvironmentFile;
  if (file.empty()) return kExitOk;
  const auto taken = take_environment_file(file);
  if (taken) return kExitOk;
  tell("%s\n", taken.error().c_str());
  if (::access(file.c_str(), R_OK) == 0 || errno != EACCES) return kExitNoInput;
  tell(
      "The service may find its PostgreSQL there: run this as root, or give another one with "
      "--environment.\n");
  return kExitNoPermission;
}

std::string examples_of(const CommandText& text) {
  std::string footer = "Examples:";
  for (const char* example : text.examples) footer += std::string("\n  hookspool ") + example;
  return footer;
}

}  // namespace

CLI::App& CommandSet::add_group(const CommandText& text) {
  auto* group = app_.add_subcommand(text.name, text.help);
  group->require_subcommand(1);
  group->footer(examples_of(text));
  return *group;
}

CLI::App& CommandSet::add(CLI::App& parent, const CommandText& text, Reads reads, Run run) {
  auto* command = parent.add_subcommand(text.name, text.help);
  command->footer(examples_of(text));
  if (reads != Reads::kNothing) {
    command
        ->add_option(
            "-c,--config", config_file_,
            "configuration file (TOML); else HOOKSPOOL_CONFIG, else /etc/hookspool/hookspool.toml if it is "
            "there")
        ->type_name("FILE");
  }
  if (reads == Reads::kConfigAndEnvironment) {
    command
        ->add_option(
            "--environment", environment_file_,
            "file with the service's variables, as EnvironmentFile= of its unit; default with the packaged "
            "configuration: /etc/hookspool/environment")
        ->type_name("FILE");
  }
  commands_.push_back({command, reads, std::move(run)});
  return *command;
}

CLI::App& CommandSet::add(const CommandText& text, Reads reads, Run run) {
  return add(app_, text, reads, std::move(run));
}

CLI::App& CommandSet::add_asking(CLI::App& parent, const CommandText& text,
                                 std::function<int(const Config&, const AdminTarget&)> run) {
  auto& command =
      add(parent, text, Reads::kAgentAddress,
          [this, run = std::move(run)](const Invocation& now) { return run(now.config, target_); });
  command.add_option("--socket", target_.socket, "the agent's admin socket")->type_name("FILE");
  add_json(command);
  return command;
}

void CommandSet::add_json(CLI::App& command) {
  command.add_flag("--json", target_.json, "as JSON");
}

void CommandSet::add_admin_address(CLI::App& command) {
  command.add_option("--admin", admin_address_, "address of the admin listener")->type_name("HOST:PORT");
}

int CommandSet::run() const {
  for (const auto& command : commands_) {
    if (*command.app) return run(command);
  }
  return kExitUsage;
}

int CommandSet::run(const Command& command) const {
  const std::string file = command.reads == Reads::kNothing ? "" : chosen_config_file(config_file_);
  if (command.reads == Reads::kConfigAndEnvironment) {
    if (const int code = take_environment(environment_file_, file); code != kExitOk) return code;
  }
  const auto config = read(command.reads, file);
  if (!config) return tell_faults(config.error());
  return command.run({*config, file});
}

ConfigResult CommandSet::read(Reads reads, const std::string& file) const {
  switch (reads) {
    case Reads::kNothing:
    case Reads::kFileName:
      return Config{};
    case Reads::kAgentAddress:
      if (!target_.socket.empty() || !admin_address_.empty()) return Config{};
      return admin_part(file);
    case Reads::kConfig:
    case Reads::kConfigAndEnvironment:
      return read_config(file);
  }
  return Config{};
}

}  // namespace hookspool::agent

#include <CLI/CLI.hpp>
#include <memory>

#include "agent/base/exit_codes.h"
#include "agent/commands/command_options.h"
#include "agent/commands/commands.h"
#include "agent/commands/completion.h"
#include "agent/commands/output.h"

namespace hookspool::agent {

void add_other_commands(CommandSet& commands) {
  const auto salvage = std::make_shared<SalvageCommand>();
  auto& command = commands.add(
      {"salvage",
       "recover intact events from damaged or old segments; the agent must be stopped",
       {"salvage --dry-run", "salvage /backup/segment-00000012.db", "import /old/disk/segment-*.db"}},
      Reads::kConfig, [salvage, &commands](const CommandSet::Invocation& now) {
        return salvage->run(now.config, commands.json());
      });
  command.alias("import");
  command
      .add_option("files", salvage->files,
                  "segments, also of other folders; default: those set aside in the journal's folder")
      ->type_name("FILE");
  command.add_option("--epoch", salvage->epochs, "an epoch to try, if the file has lost its own")
      ->type_name("UUID");
  command.add_option("--source", salvage->lanes, "a source's name to try, if the file has lost it")
      ->type_name("NAME");
  command.add_flag("--dry-run", salvage->dry_run, "report only, change nothing");
  commands.add_json(command);

  const auto shell = std::make_shared<std::string>();
  auto& completion =
      commands.add({"completion",
                    "print what a shell needs to complete commands and options",
                    {"completion bash > /usr/share/bash-completion/completions/hookspool",
                     "completion zsh > /usr/share/zsh/vendor-completions/_hookspool",
                     "completion fish > /usr/share/fish/vendor_completions.d/hookspool.fish"}},
                   Reads::kNothing, [shell, &commands](const auto& /*now*/) {
                     print_data(completion_script(commands.app(), *shell == "bash"  ? Shell::kBash
                                                                  : *shell == "zsh" ? Shell::kZsh
                                                                                    : Shell::kFish));
                     return kExitOk;
                   });
  completion.add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));

  auto& version = commands.add({"version", "show the versions of hookspool and its libraries", {"version"}},
                               Reads::kNothing,
                               [&commands](const auto& /*now*/) { return print_version(commands.json()); });
  commands.add_json(version);
}

}  // namespace hookspool::agent

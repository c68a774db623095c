#include "agent/app/command_line.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "agent/app/agent.h"
#include "agent/base/exit_codes.h"
#include "agent/commands/command_options.h"
#include "agent/commands/command_set.h"
#include "agent/commands/output.h"
#include "agent/commands/usage_error.h"

namespace hookspool::agent {
namespace {

void add_run(CommandSet& commands) {
  const auto log_format = std::make_shared<std::string>();
  auto& run =
      commands.add({"run", "serve until SIGTERM", {"run", "run --config /etc/hookspool/hookspool.toml"}},
                   Reads::kConfig, [log_format](const CommandSet::Invocation& now) {
                     Config config = now.config;
                     if (!log_format->empty()) config.log_format = *log_format;
                     return run_agent(config, now.file, *log_format);
                   });
  run.add_option("--log-format", *log_format, "text or json; default: [agent] log_format")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json"}));
}

// What people try first: "help", "help dead list", "--version", "-V".
std::vector<std::string> in_our_words(std::vector<std::string> words) {
  if (words.empty()) return words;
  if (words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  } else if (words.front() == "--version" || words.front() == "-V") {
    words.front() = "version";
  }
  return words;
}

int refused(CLI::App& app, const std::vector<std::string>& words, const CLI::ParseError& error) {
  tell("%s\n", usage_error(app, words, error.what()).c_str());
  CLI::App* command = &app;
  for (const auto& word : words) {
    auto* next = subcommand_of(*command, word);
    if (next == nullptr) break;
    command = next;
  }
  tell("Options and examples: %s --help\n", full_name(*command).c_str());
  return kExitUsage;
}

}  // namespace

void describe_commands(CLI::App& app, CommandSet& commands) {
  app.name("hookspool");
  app.description(
      "hookspool: takes webhooks over HTTP, journals them on disk, delivers them to PostgreSQL exactly "
      "once.");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n  hookspool run\n  hookspool status\n  hookspool events list --since 2h\n"
      "  hookspool help events list");
  add_run(commands);
  add_config_commands(commands);
  add_event_commands(commands);
  add_admin_commands(commands);
  add_other_commands(commands);
}

int command_line(int argc, char** argv) {
  CLI::App app;
  CommandSet commands(app);
  describe_commands(app, commands);

  const auto words = in_our_words({argv + std::min(argc, 1), argv + argc});
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return refused(app, words, error);
  }
  return commands.run();
}

}  // namespace hookspool::agent

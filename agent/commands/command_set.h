// All commands of the command line. One description of each, with its options, is what the parser, the help, the
// suggestions after a typing error and the completions are made from.
// Lives as long as the parsing does. Not thread-safe.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agent/commands/admin_commands.h"
#include "agent/config/config.h"

namespace CLI {
class App;
}

namespace hookspool::agent {

// What a command reads before it runs.
enum class Reads {
  kNothing,
  kFileName,  // which file is the configuration: whatever is wrong with it is for the agent to say
  kAgentAddress,  // of the file, whatever else is wrong with it; nothing where --socket or --admin names the agent
  kConfig,
  kConfigAndEnvironment,  // with the variables of the service
};

struct CommandText {
  const char* name;
  const char* help;
  std::vector<const char*> examples;  // without "hookspool "; at least one
};

class CommandSet {
 public:
  // What a command runs with. `file`: of the configuration; empty: the embedded default.
  struct Invocation {
    const Config& config;
    const std::string& file;
  };
  using Run = std::function<int(const Invocation&)>;

  explicit CommandSet(CLI::App& app) : app_(app) {}
  CommandSet(const CommandSet&) = delete;
  CommandSet& operator=(const CommandSet&) = delete;

  CLI::App& app() const { return app_; }
  // A command that has commands.
  CLI::App& add_group(const CommandText& text);
  CLI::App& add(CLI::App& parent, const CommandText& text, Reads reads, Run run);
  CLI::App& add(const CommandText& text, Reads reads, Run run);
  // One that asks the agent over its Unix socket, which --socket names; with --json.
  CLI::App& add_asking(CLI::App& parent, const CommandText& text,
                       std::function<int(const Config&, const AdminTarget&)> run);
  void add_json(CLI::App& command);
  void add_admin_address(CLI::App& command);  // --admin, into admin_address()

  bool json() const { return target_.json; }
  bool& json_wanted() { return target_.json; }  // for a --json that says something else
  const std::string& socket() const { return target_.socket; }
  const std::string& admin_address() const { return admin_address_; }

  // After parsing: runs the command that was given. Its exit code; a configuration that is refused is reported on standard
  // error.
  int run() const;

 private:
  struct Command {
    CLI::App* app;
    Reads reads;
    Run run;
  };
  int run(const Command& command) const;
  ConfigResult read(Reads reads, const std::string& file) const;

  CLI::App& app_;
  std::string config_file_, environment_file_, admin_address_;
  AdminTarget target_;
  std::vector<Command> commands_;
};

}  // namespace hookspool::agent

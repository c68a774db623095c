// The administrator's commands on the command line: their names, options and help.
// Lives as long as the parsing does. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/config/config.h"

namespace CLI {
class App;
}

namespace hookspool::agent {

// --config, the same for every command. `config_file` receives it and must outlive the parsing.
void add_config_option(CLI::App& command, std::string& config_file);

class AdminOptions {
 public:
  // `config_file` receives --config.
  AdminOptions(CLI::App& app, std::string& config_file);
  ~AdminOptions();
  AdminOptions(const AdminOptions&) = delete;
  AdminOptions& operator=(const AdminOptions&) = delete;

  // After parsing: does one of these commands name the agent's address?
  bool has_socket() const;
  // After parsing: the exit code of the command that was given; nothing if it was none of these.
  std::optional<int> run(const Config& config) const;

 private:
  struct Commands;
  std::unique_ptr<Commands> commands_;
};

}  // namespace hookspool::agent

// The command line: agent/commands has what it takes, and `run` is added here. Data goes to standard output, everything else to
// standard error; exit codes are those of exit_codes.h. Not thread-safe: called once, by main().
#pragma once

namespace CLI {
class App;
}

namespace hookspool::agent {

class CommandSet;

// All that the command line takes: into `app`, which `commands` was made with. For the manual, too.
void describe_commands(CLI::App& app, CommandSet& commands);

int command_line(int argc, char** argv);

}  // namespace hookspool::agent

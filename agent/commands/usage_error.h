// What is wrong with a command line, in words: the first word that means nothing there, and what was probably meant.
// Thread-safe: pure functions.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace hookspool::agent {

// `words`: without the program's name. `otherwise`: what the parser says, for what is found by it alone.
std::string usage_error(CLI::App& app, const std::vector<std::string>& words, const std::string& otherwise);

// By its name or an alias; nullptr: there is none.
CLI::App* subcommand_of(CLI::App& app, const std::string& name);

// "hookspool dead list", of a command.
std::string full_name(const CLI::App& command);

}  // namespace hookspool::agent

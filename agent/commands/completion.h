// What a shell needs to complete hookspool's commands and options, made from their description. Thread-safe: pure.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace hookspool::agent {

enum class Shell { kBash, kZsh, kFish };

// A script for the shell to read.
std::string completion_script(CLI::App& app, Shell shell);

}  // namespace hookspool::agent

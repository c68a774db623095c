// The manual's pages of the command line, made from the description that parser, help and completions are made from.
// Thread-safe: no state.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace hookspool::agent {

struct Page {
  std::string file;  // "hookspool-status.1"
  std::string text;  // roff
};

// Of all pages made at one time.
struct Edition {
  std::string date, version;
};

// hookspool(8), and hookspool-NAME(1) for each command; a group's page has its commands. Another name of a command is a page
// that refers to it.
std::vector<Page> command_pages(CLI::App& app, const Edition& edition);

}  // namespace hookspool::agent

#include "agent/commands/usage_error.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "agent/base/near_miss.h"
#include "storage/model/printable.h"

namespace hookspool::agent {
namespace {

std::string quoted(const std::string& word) {
  return "\"" + printable(word) + "\"";
}

std::string meant(const std::string& word, const std::vector<std::string>& known) {
  const std::string nearest = near_miss(word, known);
  return nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?";
}

std::vector<std::string> command_names(CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* each : app.get_subcommands({})) {
    names.push_back(each->get_name());
    for (const auto& alias : each->get_aliases()) names.push_back(alias);
  }
  return names;
}

std::string listed(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

std::vector<std::string> option_names(CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// The option of a word that begins with "-"; "-Hvalue" and "--name=value" are an option as well. Nothing: there is none.
const CLI::Option* option_of(CLI::App& app, const std::string& word) {
  if (word.starts_with("--")) return app.get_option_no_throw(word.substr(0, word.find('=')));
  return app.get_option_no_throw(word.substr(0, 2));
}

bool takes_the_next_word(const CLI::Option& option, const std::string& word, const std::string& next) {
  if (option.get_items_expected_max() == 0) return false;
  if (option.get_items_expected_min() == 0 && next.starts_with('-')) return false;
  return word.starts_with("--") ? word.find('=') == std::string::npos : word.size() == 2;
}

bool takes_words(CLI::App& app) {
  const auto options = app.get_options();
  return std::any_of(options.begin(), options.end(), [](const auto* each) { return each->get_positional(); });
}

}  // namespace

CLI::App* subcommand_of(CLI::App& app, const std::string& name) {
  for (auto* each : app.get_subcommands({})) {
    if (each->check_name(name)) return each;
  }
  return nullptr;
}

std::string full_name(const CLI::App& command) {
  const auto* parent = command.get_parent();
  return parent == nullptr ? "hookspool" : full_name(*parent) + " " + command.get_name();
}

std::string usage_error(CLI::App& app, const std::vector<std::string>& words, const std::string& otherwise) {
  CLI::App* here = &app;
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    const std::string& word = words[i];
    if (word.size() > 1 && word.front() == '-') {
      const auto* option = option_of(*here, word);
      if (option == nullptr) {
        const std::string name = word.substr(0, word.find('='));
        return full_name(*here) + " has no option " + quoted(name) + meant(name, option_names(*here));
      }
      if (takes_the_next_word(*option, word, i + 1 < words.size() ? words[i + 1] : "")) ++i;
      continue;
    }
    const auto names = command_names(*here);
    if (auto* command = subcommand_of(*here, word)) {
      here = command;
    } else if (!names.empty()) {
      return "unknown command " + quoted(word) + meant(word, names);
    } else if (!takes_words(*here)) {
      return full_name(*here) + " takes no " + quoted(word);
    }
  }
  const auto names = command_names(*here);
  if (!names.empty()) return full_name(*here) + " needs a command: " + listed(names);
  return full_name(*here) + ": " + otherwise;
}

}  // namespace hookspool::agent

#include "agent/manual/command_pages.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "agent/manual/program_page.h"
#include "agent/manual/roff.h"

namespace hookspool::agent {
namespace {

// The parser's "FORMAT:{text,json}" and "N:UINT in [1 - 10000]" are a value's name and what it may be.
std::pair<std::string, std::string> value_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto colon = type.find(':');
  if (colon == std::string::npos) return {type, ""};
  std::string may_be = type.substr(colon + 1);
  if (may_be.starts_with('{')) {
    std::replace(may_be.begin(), may_be.end(), ',', '|');
    return {may_be.substr(1, may_be.size() - 2), ""};
  }
  if (may_be.starts_with("UINT in ")) may_be.erase(0, std::string("UINT in ").size());
  return {type.substr(0, colon), may_be};
}

std::string sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text.ends_with('.') || text.empty() ? text : text + ".";
}

std::string explained(const CLI::Option& option, const std::string& may_be) {
  std::string text = sentence(option.get_description());
  if (!may_be.empty()) text += " Values: " + may_be + ".";
  if (!option.get_default_str().empty() && text.find("default") == std::string::npos)
    text += " Default: " + option.get_default_str() + ".";
  if (option.get_required()) text += " Required.";
  for (const auto* other : option.get_excludes()) text += " Not with " + other->get_name() + ".";
  return text;
}

std::string term_of(const CLI::Option& option, const std::string& value) {
  std::string names;
  for (const auto& name : option.get_snames()) names += (names.empty() ? "-" : ", -") + name;
  for (const auto& name : option.get_lnames()) names += (names.empty() ? "--" : ", --") + name;
  if (option.get_items_expected_min() == 0 && option.get_items_expected_max() > 0)
    return names + " [" + value + "]";
  return option.get_items_expected_max() == 0 ? names : names + " " + value;
}

void write_options(Roff& page, const CLI::App& command) {
  for (const auto* option : command.get_options()) {
    if (option->get_positional()) continue;
    const auto [value, may_be] = value_of(*option);
    page.terms({term_of(*option, value)}, explained(*option, may_be));
  }
}

void write_words(Roff& page, const CLI::App& command) {
  for (const auto* option : command.get_options()) {
    if (!option->get_positional()) continue;
    const auto [value, may_be] = value_of(*option);
    page.terms({option->get_name() + (value.empty() ? "" : " " + value)}, explained(*option, may_be));
  }
}

std::string synopsis_of(const CLI::App& command) {
  std::string text = "[OPTION...]";
  for (const auto* option : command.get_options()) {
    if (!option->get_positional()) continue;
    const std::string word = option->get_name() + (option->get_items_expected_max() > 1 ? "..." : "");
    text += option->get_required() ? " " + word : " [" + word + "]";
  }
  return text;
}

// The footer of a command's help is "Examples:" and a line for each.
std::vector<std::string> examples_of(const CLI::App& command) {
  std::vector<std::string> lines;
  std::istringstream footer(command.get_footer());
  for (std::string line; std::getline(footer, line);) {
    if (const auto begin = line.find_first_not_of(' '); begin != std::string::npos && begin > 0)
      lines.push_back(line.substr(begin));
  }
  return lines;
}

std::vector<CLI::App*> commands_of(CLI::App& command) {
  return command.get_subcommands([](const CLI::App*) { return true; });
}

void write_command(Roff& page, const CLI::App& command) {
  write_words(page, command);
  write_options(page, command);
  if (const auto examples = examples_of(command); !examples.empty()) {
    page.paragraph("Examples:");
    page.verbatim(examples);
  }
}

Page page_of(CLI::App& command, const Edition& edition) {
  const std::string name = "hookspool-" + command.get_name();
  const std::string typed = "hookspool " + command.get_name();
  Roff page({name, 1, command.get_description(), edition.date, edition.version});
  const auto below = commands_of(command);
  page.section("SYNOPSIS");
  if (below.empty()) page.synopsis(typed, synopsis_of(command));
  for (const auto* each : below) page.synopsis(typed + " " + each->get_name(), synopsis_of(*each));
  page.section("DESCRIPTION");
  page.paragraph(sentence(command.get_description()));
  if (const auto aliases = command.get_aliases(); !aliases.empty())
    page.paragraph("Another name of the command: " + aliases.front() + ".");
  page.section(below.empty() ? "OPTIONS" : "COMMANDS");
  if (below.empty()) write_command(page, command);
  for (const auto* each : below) {
    page.subsection(typed + " " + each->get_name());
    page.paragraph(sentence(each->get_description()));
    write_command(page, *each);
  }
  page.section("EXIT STATUS");
  page.paragraph("0, or one of those that hookspool(8) lists.");
  page.see_also({"hookspool(8)", "hookspool.toml(5)"});
  return {name + ".1", page.text()};
}

}  // namespace

std::vector<Page> command_pages(CLI::App& app, const Edition& edition) {
  std::vector<Page> pages;
  std::vector<ListedCommand> listed;
  for (auto* command : commands_of(app)) {
    pages.push_back(page_of(*command, edition));
    listed.push_back({command->get_name(), command->get_description()});
    for (const auto& alias : command->get_aliases())
      pages.push_back({"hookspool-" + alias + ".1", ".so man1/hookspool-" + command->get_name() + ".1\n"});
  }
  pages.push_back(program_page(listed, app.get_description(), edition));
  return pages;
}

}  // namespace hookspool::agent

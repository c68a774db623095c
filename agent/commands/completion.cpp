#include "agent/commands/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>
#include <vector>

namespace hookspool::agent {
namespace {

// What stands behind an option: one of some words, a file, or what no shell can know.
struct Value {
  bool is_expected = false;
  bool is_file = false;
  std::vector<std::string> words{};
};

struct Option {
  std::vector<std::string> names;  // with their dashes
  std::string help;
  Value value;
};

// A command, or (path empty) the program itself.
struct Command {
  std::string path;                                           // "dead list"
  std::vector<std::pair<std::string, std::string>> commands;  // below it, with their help
  std::vector<Option> options;
  Value words;  // what it takes without an option
};

// "TEXT:{unsent,beginning}" is how the parser describes a choice.
std::vector<std::string> choices_in(const std::string& type) {
  std::vector<std::string> words;
  const auto begin = type.find('{'), end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return words;
  for (std::size_t at = begin + 1; at < end;) {
    const auto comma = std::min(type.find(',', at), end);
    words.push_back(type.substr(at, comma - at));
    at = comma + 1;
  }
  return words;
}

Value value_of(const CLI::Option& option) {
  if (option.get_items_expected_min() == 0) return {};
  const std::string type = option.get_type_name();
  return {true, type.starts_with("FILE"), choices_in(type)};
}

void add_commands(CLI::App& app, const std::string& path, std::vector<Command>& all) {
  Command command{path, {}, {}, {}};
  for (const auto* each : app.get_subcommands({})) {
    command.commands.emplace_back(each->get_name(), each->get_description());
    for (const auto& alias : each->get_aliases())
      command.commands.emplace_back(alias, each->get_description());
  }
  for (const auto* option : app.get_options()) {
    if (option->get_positional()) {
      command.words = value_of(*option);
      continue;
    }
    Option described{{}, option->get_description(), value_of(*option)};
    for (const auto& name : option->get_snames()) described.names.push_back("-" + name);
    for (const auto& name : option->get_lnames()) described.names.push_back("--" + name);
    command.options.push_back(std::move(described));
  }
  all.push_back(std::move(command));
  for (auto* each : app.get_subcommands({})) {
    const std::string before = path.empty() ? "" : path + " ";
    add_commands(*each, before + each->get_name(), all);
    for (const auto& alias : each->get_aliases()) add_commands(*each, before + alias, all);
  }
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : std::string(between)) + word;
  return text;
}

// In single quotes of a shell.
std::string quoted(std::string_view text, std::string_view quote) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string(quote) : std::string(1, c);
  return out + "'";
}

std::string names_of(const Command& command) {
  std::vector<std::string> names;
  for (const auto& [name, help] : command.commands) names.push_back(name);
  return joined(names, " ");
}

std::string options_of(const Command& command) {
  std::vector<std::string> names;
  for (const auto& option : command.options)
    names.insert(names.end(), option.names.begin(), option.names.end());
  return joined(names, " ");
}

std::string kind_of(const Value& value) {
  if (!value.words.empty()) return joined(value.words, " ");
  return value.is_file ? "FILE" : "NOTHING";
}

// One case of a shell's `case` for each command for which `text` has something to say.
template <class Text>
std::string cases(const std::vector<Command>& all, Text text) {
  std::string out;
  for (const auto& command : all) {
    if (const std::string said = text(command); !said.empty())
      out += "    '" + command.path + "') printf '%s\\n' '" + said + "' ;;\n";
  }
  return out;
}

// The functions that bash and zsh have in common: what is at a place of the command line, as words.
std::string shell_functions(const std::vector<Command>& all) {
  std::string values;
  for (const auto& command : all) {
    for (const auto& option : command.options) {
      if (!option.value.is_expected) continue;
      for (const auto& name : option.names)
        values +=
            "    '" + command.path + " " + name + "') printf '%s\\n' '" + kind_of(option.value) + "' ;;\n";
    }
  }
  return "_hookspool_commands() {\n  case \"$1\" in\n" + cases(all, names_of) +
         "  esac\n}\n"
         "_hookspool_options() {\n  case \"$1\" in\n" +
         cases(all, options_of) +
         "  esac\n}\n"
         "# What stands behind an option: words, FILE, NOTHING that can be known; empty: it takes nothing.\n"
         "_hookspool_value() {\n  case \"$1 $2\" in\n" +
         values +
         "  esac\n}\n"
         "_hookspool_words() {\n  case \"$1\" in\n" +
         cases(all,
               [](const Command& command) {
                 return command.words.is_expected ? kind_of(command.words) : std::string();
               }) +
         "  esac\n}\n"
         "# The words so far are a command and its options: the command, then the option that waits for its "
         "value.\n"
         "_hookspool_place() {\n"
         "  local at='' word waits=''\n"
         "  for word in \"$@\"; do\n"
         "    if [[ -n $waits ]]; then waits=''; continue; fi\n"
         "    if [[ $word == -* ]]; then\n"
         "      if [[ -n $(_hookspool_value \"$at\" \"$word\") ]]; then waits=$word; fi\n"
         "      continue\n"
         "    fi\n"
         "    if [[ \" $(_hookspool_commands \"$at\") \" == *\" $word \"* ]]; then at=${at:+$at }$word; fi\n"
         "  done\n"
         "  printf '%s\\n' \"$at:$waits\"\n"
         "}\n"
         "# What may follow: $1 begins it, the others stand before it.\n"
         "_hookspool_candidates() {\n"
         "  local begun=$1; shift\n"
         "  local place at waits value\n"
         "  place=$(_hookspool_place \"$@\"); at=${place%:*}; waits=${place#*:}\n"
         "  if [[ -n $waits ]]; then\n"
         "    _hookspool_value \"$at\" \"$waits\"\n"
         "  elif [[ $begun == -* ]]; then\n"
         "    _hookspool_options \"$at\"\n"
         "  else\n"
         "    value=$(_hookspool_commands \"$at\")\n"
         "    printf '%s\\n' \"${value:-$(_hookspool_words \"$at\")}\"\n"
         "  fi\n"
         "}\n";
}

std::string bash_script(const std::vector<Command>& all) {
  return "# bash completion of hookspool, made by: hookspool completion bash\n" + shell_functions(all) +
         "_hookspool() {\n"
         "  local begun=${COMP_WORDS[COMP_CWORD]} candidates\n"
         "  candidates=$(_hookspool_candidates \"$begun\" \"${COMP_WORDS[@]:1:COMP_CWORD-1}\")\n"
         "  case \"$candidates\" in\n"
         "    FILE) compopt -o filenames 2>/dev/null || true; mapfile -t COMPREPLY < <(compgen -f -- "
         "\"$begun\") ;;\n"
         "    NOTHING) COMPREPLY=() ;;\n"
         "    *) mapfile -t COMPREPLY < <(compgen -W \"$candidates\" -- \"$begun\") ;;\n"
         "  esac\n"
         "}\n"
         "complete -F _hookspool hookspool\n";
}

std::string zsh_script(const std::vector<Command>& all) {
  return "#compdef hookspool\n# zsh completion of hookspool, made by: hookspool completion zsh\n" +
         shell_functions(all) +
         "_hookspool() {\n"
         "  local candidates\n"
         "  candidates=$(_hookspool_candidates \"${words[CURRENT]}\" \"${(@)words[2,CURRENT-1]}\")\n"
         "  case \"$candidates\" in\n"
         "    FILE) _files ;;\n"
         "    NOTHING|'') ;;\n"
         "    *) compadd -- ${=candidates} ;;\n"
         "  esac\n"
         "}\n"
         "if [[ $funcstack[1] == _hookspool ]]; then _hookspool \"$@\"; else compdef _hookspool hookspool; "
         "fi\n";
}

constexpr std::string_view kFishQuote = "\\'";

// -l for a long name, -s for a short one.
std::string fish_names(const Option& option) {
  std::string names;
  for (const auto& name : option.names)
    names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  return names;
}

std::string fish_value(const Value& value) {
  if (!value.is_expected) return "";
  if (!value.words.empty()) return " -x -a " + quoted(joined(value.words, " "), kFishQuote);
  return value.is_file ? " -r -F" : " -x";
}

std::string fish_script(const std::vector<Command>& all) {
  std::string groups;
  for (const auto& command : all) {
    if (!command.path.empty() && !command.commands.empty()) groups += " " + command.path;
  }
  std::string script =
      "# fish completion of hookspool, made by: hookspool completion fish\n"
      "function __hookspool_at\n"
      "  set -l words (commandline -opc | string match -v -- '-*')[2..-1]\n"
      "  set -l at $words[1]\n"
      "  if contains -- \"$at\"" +
      groups +
      "\n    set at $words[1..2]\n  end\n"
      "  test \"$at\" = \"$argv\"\n"
      "end\n"
      "complete -c hookspool -f\n";
  for (const auto& command : all) {
    const std::string here =
        "complete -c hookspool -n " + quoted("__hookspool_at " + command.path, kFishQuote);
    for (const auto& [name, help] : command.commands)
      script += here + " -a " + name + " -d " + quoted(help, kFishQuote) + "\n";
    for (const auto& option : command.options) {
      script += here + fish_names(option) + fish_value(option.value) + " -d " +
                quoted(option.help, kFishQuote) + "\n";
    }
    if (command.words.is_file) script += here + " -F\n";
    if (!command.words.words.empty())
      script += here + " -a " + quoted(joined(command.words.words, " "), kFishQuote) + "\n";
  }
  return script;
}

}  // namespace

std::string completion_script(CLI::App& app, Shell shell) {
  std::vector<Command> all;
  add_commands(app, "", all);
  switch (shell) {
    case Shell::kBash:
      return bash_script(all);
    case Shell::kZsh:
      return zsh_script(all);
    case Shell::kFish:
      return fish_script(all);
  }
  return "";
}

}  // namespace hookspool::agent

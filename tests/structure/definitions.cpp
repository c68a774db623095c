#include <cctype>
#include <map>
#include <string_view>

#include "tests/structure/rules.h"

namespace hookspool::structure {
namespace {

constexpr std::string_view kUnnamed = "(unnamed)";

// "namespace a::b {" -> "a::b", "namespace {" -> kUnnamed; empty if the line opens none.
std::string opened_namespace(std::string_view line) {
  constexpr std::string_view kWord = "namespace ";
  if (line.starts_with("inline ")) line.remove_prefix(7);
  if (!line.starts_with(kWord) || !line.ends_with(" {")) return {};
  line.remove_prefix(kWord.size());
  if (line == "{") return std::string(kUnnamed);
  return std::string(line.substr(0, line.size() - 2));
}

std::string_view first_word(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() &&
         (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_' || text[end] == ':')) {
    ++end;
  }
  while (end > 0 && text[end - 1] == ':') --end;  // of a base or of an enum's type
  return text.substr(0, end);
}

// The type that a first-column line begins to define; empty if it only declares one, or a specialisation.
std::string_view defined_type(std::string_view line) {
  if (line.find(';') != std::string_view::npos && line.find('{') == std::string_view::npos) return {};
  std::string_view rest = line;
  for (const std::string_view word : {"class ", "struct ", "union ", "enum "}) {
    if (!rest.starts_with(word)) continue;
    rest.remove_prefix(word.size());
    for (const std::string_view second : {"class ", "struct "}) {
      if (word == "enum " && rest.starts_with(second)) rest.remove_prefix(second.size());
    }
    const std::string_view name = first_word(rest);
    // What follows a type's name is its body or its bases; a function's result is followed by another name.
    std::string_view after = rest.substr(name.size());
    while (after.starts_with(' ')) after.remove_prefix(1);
    if (after.starts_with("final")) after.remove_prefix(5);
    while (after.starts_with(' ')) after.remove_prefix(1);
    return after.empty() || after.front() == '{' || after.front() == ':' ? name : std::string_view{};
  }
  return {};
}

}  // namespace

Faults check_definitions(const Files& files, std::size_t& found) {
  Faults faults;
  std::map<std::string, std::string> first_seen;  // qualified name -> where
  found = 0;
  for (const SourceFile& file : files) {
    if (!file.is_cpp()) continue;
    std::vector<std::string> open;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string& line = file.lines[i];
      if (std::string name = opened_namespace(line); !name.empty()) open.push_back(std::move(name));
      if (line.starts_with("}  // namespace") && !open.empty()) open.pop_back();
      const std::string_view type = defined_type(line);
      if (type.empty()) continue;
      ++found;
      std::string name;
      bool unnamed = false;
      for (const std::string& outer : open) {
        unnamed = unnamed || outer == kUnnamed;
        name += outer + "::";
      }
      if (unnamed) continue;
      name += type;
      const std::string where = file.path + ":" + std::to_string(i + 1);
      const auto [seen, is_new] = first_seen.emplace(name, where);
      if (!is_new) {
        faults.push_back(where + ": a second " + name + ", the first is " + seen->second +
                         ": rename one, or put it into an unnamed namespace");
      }
    }
  }
  return faults;
}

}  // namespace hookspool::structure

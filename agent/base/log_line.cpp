#include "agent/base/log_line.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace hookspool::agent {
namespace {

// What is printable has no other character that JSON escapes.
void append_escaped(std::string& line, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') line += '\\';
    line += c;
  }
}

void append_member(std::string& line, std::string_view key, std::string_view value) {
  line += line.size() > 1 ? ",\"" : "\"";
  line += key;
  line += "\":\"";
  append_escaped(line, value);
  line += '"';
}

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

// Of "source shop: refused ..." and "lane shop: ...".
std::optional<std::pair<std::string_view, std::string_view>> subject_of(std::string_view text) {
  for (const std::string_view kind : {"source", "lane"}) {
    if (!text.starts_with(kind) || text.size() <= kind.size() || text[kind.size()] != ' ') continue;
    const std::string_view rest = text.substr(kind.size() + 1);
    const std::string_view name = rest.substr(0, rest.find(':'));
    if (name.size() < rest.size() && is_name(name)) return std::pair(kind, name);
  }
  return std::nullopt;
}

}  // namespace

std::string text_line(std::string_view text, LogKeys keys) {
  std::string line(text);
  for (const auto& [key, value] : keys) {
    line += ' ';
    line += key;
    line += '=';
    const bool plain = !value.empty() && value.find_first_of(" \"=\\") == std::string_view::npos;
    if (!plain) line += '"';
    append_escaped(line, value);
    if (!plain) line += '"';
  }
  return line;
}

std::string json_line(std::string_view time, std::string_view level, std::string_view text, LogKeys keys) {
  std::string line = "{";
  append_member(line, "time", time);
  append_member(line, "level", level);
  append_member(line, "message", text);
  const auto has = [&](std::string_view name) {
    return std::any_of(keys.begin(), keys.end(), [&](const auto& entry) { return entry.first == name; });
  };
  if (const auto subject = subject_of(text); subject && !has(subject->first))
    append_member(line, subject->first, subject->second);
  for (const auto& [key, value] : keys) append_member(line, key, value);
  line += '}';
  return line;
}

}  // namespace hookspool::agent

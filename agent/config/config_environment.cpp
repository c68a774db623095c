#include "agent/config/config_environment.h"

#include <cstdlib>
#include <string_view>
#include <vector>

#include "agent/base/regular_file.h"
#include "agent/config/secret.h"
#include "storage/base/text.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kEnvironmentFileBytesMax = 256u << 10;
constexpr std::string_view kBlanks = " \t\r";

bool is_name(std::string_view text) {
  if (text.empty() || (text.front() >= '0' && text.front() <= '9')) return false;
  for (const char c : text) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!ok) return false;
  }
  return true;
}

// "a b", 'a b' or as it is; in double quotes, and outside of any, a backslash keeps the next character.
std::string unquoted(std::string_view value) {
  std::string out;
  char quote = '\0';
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = '\0';
    } else if (c == '\\' && quote != '\'' && i + 1 < value.size()) {
      out += value[++i];
    } else {
      out += c;
    }
  }
  return out;
}

void set_variable(std::string_view line) {
  line = trimmed(line, kBlanks);
  if (line.empty() || line.front() == '#' || line.front() == ';') return;
  const auto sign = line.find('=');
  if (sign == std::string_view::npos) return;
  const std::string_view name = trimmed(line.substr(0, sign), kBlanks);
  if (is_name(name))
    ::setenv(std::string(name).c_str(), unquoted(trimmed(line.substr(sign + 1), kBlanks)).c_str(), 1);
}

std::string variable_that_names_a_server() {
  for (const char* name : {"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"}) {
    if (std::getenv(name) != nullptr) return name;
  }
  return "";
}

}  // namespace

ConfigResult with_environment(Config config) {
  auto& postgres = config.postgres;
  if (net::Connection::configured_by(postgres.options.conninfo)) {
    postgres.conninfo_from = "conninfo";
    return config;
  }
  const char* set = std::getenv("DATABASE_URL");
  // It holds a password, and comes from files as other secrets do.
  const std::string url(set != nullptr ? without_line_ends(set) : std::string_view());
  if (net::Connection::configured_by(url)) {
    postgres.options.conninfo = url;
    postgres.conninfo_from = "DATABASE_URL";
    const auto checked = net::Connection::check_conninfo(url);
    if (!checked) return fail(ConfigFaults{{"DATABASE_URL: " + checked.error().text}});
    return config;
  }
  postgres.database_url_is_empty = set != nullptr;
  postgres.conninfo_from = variable_that_names_a_server();
  return config;
}

Result<void, std::string> take_environment_file(const std::string& file) {
  const auto read = read_regular_file(file, kEnvironmentFileBytesMax);
  if (!read) return fail(file + ": " + read.error());
  std::string line;
  const std::string_view text = read->content;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && text[at] != '\n') {
      line += text[at];
    } else if (line.ends_with('\\') && at < text.size()) {
      line.pop_back();  // goes on in the next line
    } else {
      set_variable(line);
      line.clear();
    }
  }
  return {};
}

}  // namespace hookspool::agent

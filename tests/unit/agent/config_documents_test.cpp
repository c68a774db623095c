// CONFIGURATION.md and the sample configuration against the reader of the configuration: each key that the reader looks
// for is described in both, each key described is one that it looks for, and the defaults written down are the defaults.
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/config/config_changes.h"
#include "agent/config/config_reader.h"
#include "tests/unit/agent/reader_keys.h"

namespace hookspool::agent {
namespace {

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream in(std::filesystem::path(HOOKSPOOL_SOURCE_DIR) / file);
  EXPECT_TRUE(in.is_open()) << file;
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool is_key(const std::string& text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (std::islower(static_cast<unsigned char>(c)) == 0 &&
        std::isdigit(static_cast<unsigned char>(c)) == 0 && c != '_')
      return false;
  }
  return true;
}

// The name of "[intake]", "#[sources.github]", "## [journal]" or "### [[sources.NAME.secrets]]"; nothing: another line.
std::optional<std::string> section_of(const std::string& line) {
  const auto open = line.find_first_not_of("# ");
  if (open == std::string::npos || line[open] != '[') return std::nullopt;
  const auto begin = line.find_first_not_of('[', open), end = line.find(']', open);
  if (end == std::string::npos || begin >= end) return std::nullopt;
  return line.substr(begin, end - begin);
}

struct Described {
  Keys keys;
  std::map<std::string, std::string> defaults;  // as TOML, of the keys whose default is written as `code`
};

std::vector<std::string> cells(const std::string& row) {
  std::vector<std::string> found;
  std::istringstream in(row.substr(1));
  for (std::string cell; std::getline(in, cell, '|');) {
    const auto begin = cell.find_first_not_of(' '), end = cell.find_last_not_of(' ');
    found.push_back(begin == std::string::npos ? "" : cell.substr(begin, end - begin + 1));
  }
  return found;
}

std::string without_ticks(const std::string& cell) {
  const bool code =
      cell.size() > 2 && cell.front() == '`' && cell.back() == '`' && cell.find('`', 1) == cell.size() - 1;
  return code ? cell.substr(1, cell.size() - 2) : "";
}

// Rows "| `key` | values | `default` | meaning |" below headings "## [section]".
Described described_in_the_manual() {
  Described found;
  std::string section;
  for (const std::string& line : lines_of("CONFIGURATION.md")) {
    if (line.starts_with('#')) section = section_of(line).value_or("");
    if (section.empty() || !line.starts_with("| `")) continue;
    const auto row = cells(line);
    const std::string key = without_ticks(row.front());
    if (row.size() < 4 || !is_key(key)) continue;
    EXPECT_TRUE(found.keys.insert(section + "." + key).second) << key << " is described twice in " << section;
    const std::string value = without_ticks(row[2]);
    if (!value.empty()) found.defaults[section + "." + key] = value;
  }
  return found;
}

// Lines "key = value" and "#key = value" of the sample.
Keys keys_of_the_sample(const std::vector<std::string>& lines) {
  Keys keys;
  std::string section;
  for (const std::string& line : lines) {
    const bool prose = line.starts_with("# ");
    if (const auto next = prose ? std::nullopt : section_of(line)) section = *next;
    const std::string key =
        line.substr(line.starts_with('#') ? 1 : 0, line.find(' ') - (line.starts_with('#') ? 1 : 0));
    if (prose || line.find(" = ") == std::string::npos || !is_key(key)) continue;
    if (section.ends_with(".columns")) continue;  // names of columns
    keys.insert(general(section + "." + key));
  }
  return keys;
}

TEST(ConfigDocuments, ManualDescribesEachKeyAndNoOther) {
  const Keys known = keys_of_the_reader(), described = described_in_the_manual().keys;
  std::cout << "checked " << known.size() << " keys of the reader against " << described.size()
            << " of CONFIGURATION.md\n";
  ASSERT_GT(known.size(), 0u);
  for (const std::string& key : known) {
    EXPECT_TRUE(described.contains(key)) << "CONFIGURATION.md lacks " << key;
  }
  for (const std::string& key : described) {
    EXPECT_TRUE(known.contains(key)) << "CONFIGURATION.md describes " << key
                                     << ", which the reader does not know";
  }
}

TEST(ConfigDocuments, SampleHasEachKeyAndNoOther) {
  const Keys known = keys_of_the_reader();
  const auto lines = lines_of("packaging/hookspool.toml");
  const Keys shown = keys_of_the_sample(lines);
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  std::cout << "checked " << known.size() << " keys of the reader against " << shown.size()
            << " of the sample\n";
  ASSERT_GT(shown.size(), 0u);
  for (const std::string& key : known) {
    const std::string name = key.substr(key.rfind('.') + 1);
    const bool there =
        shown.contains(key) || (is_nested(key) && text.find(" " + name + " = ") != std::string::npos);
    // "[sources.messenger.columns]", "[[sources.whatsapp.tables]]"
    const bool is_table = key == "sources.NAME.columns" || key == "sources.NAME.tables";
    EXPECT_TRUE(there || is_table) << "packaging/hookspool.toml lacks " << key;
  }
  for (const std::string& key : shown) {
    EXPECT_TRUE(known.contains(key)) << "packaging/hookspool.toml has " << key
                                     << ", which the reader does not know";
  }
}

// What CONFIGURATION.md gives as defaults, set: nothing differs from an empty file.
TEST(ConfigDocuments, ManualTellsTheDefaults) {
  ::unsetenv("DATABASE_URL");
  std::map<std::string, std::string> sections;
  std::size_t checked = 0;
  for (const auto& [key, value] : described_in_the_manual().defaults) {
    const auto dot = key.rfind('.');
    if (key.starts_with("sources.")) continue;  // a source is compared below
    sections[key.substr(0, dot)] += key.substr(dot + 1) + " = " + value + "\n";
    ++checked;
  }
  std::string source, plain = "[sources.shop]\n";
  for (const auto& [key, value] : described_in_the_manual().defaults) {
    if (!key.starts_with("sources.NAME.") || is_nested(key)) continue;
    source += key.substr(13) + " = " + value + "\n";
    ++checked;
  }
  std::cout << "checked " << checked << " defaults of CONFIGURATION.md\n";
  ASSERT_GT(checked, 20u);
  std::string written;
  for (const auto& [section, lines] : sections) written += "[" + section + "]\n" + lines;
  auto next = parse_config(written + plain + source, "CONFIGURATION.md");
  ASSERT_TRUE(next) << (next.error().lines.empty() ? "" : next.error().lines.front()) << "\n"
                    << written << source;
  const auto now = parse_config(plain, "plain.toml");
  ASSERT_TRUE(now);
  const ConfigChanges changes = settle_changes(*now, *next);
  for (const std::string& key : changes.changed) ADD_FAILURE() << "not the default: " << key;
  for (const std::string& key : changes.needs_restart) ADD_FAILURE() << "not the default: " << key;
}

}  // namespace
}  // namespace hookspool::agent

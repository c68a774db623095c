#include "agent/config/source_tables.h"

#include <algorithm>

#include "agent/config/config_redact.h"
#include "agent/config/config_source.h"
#include "agent/config/config_table.h"
#include "agent/config/config_verify.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kLaneNameBytesMax = 64;
constexpr std::size_t kSourcesMax = 1'024;  // as many as a journal has lanes for

void check_path(TableReader& reader, const std::string& path) {
  const bool printable = std::all_of(path.begin(), path.end(),
                                     [](char c) { return c > 0x20 && c < 0x7f && c != '?' && c != '#'; });
  if (path.empty() || path[0] != '/' || !printable || path.size() > 1024) {
    reader.fault("path", "needs to begin with / and hold no space, ? or #; percent-encode other characters");
  }
  if (path == "/livez" || path == "/readyz") reader.fault("path", "is the agent's own; choose another");
}

void read_room(TableReader& reader, std::uint64_t journal_bytes_max, SourceConfig& source) {
  std::uint64_t bytes_max = journal_bytes_max;
  if (reader.has("max_bytes")) {
    reader.bytes("max_bytes", bytes_max, 64 << 10, journal_bytes_max);
    source.bytes_max = bytes_max;
  }
  bool retries = false;
  if (reader.has("sender_retries")) {
    reader.boolean("sender_retries", retries);
    source.sender_retries = retries;
  }
}

SourceConfig read_source(const std::string& name, const toml::table& table, FaultList& faults,
                         const Config& config) {
  SourceConfig source;
  source.name = name;
  source.path = "/hooks/" + name;
  TableReader reader(&table, "sources." + name + ".", faults);
  reader.text("path", source.path);
  check_path(reader, source.path);
  read_verification(reader, source, faults);
  read_room(reader, config.journal.bytes_max, source);
  read_answers(reader, source, faults);
  source.tables = read_tables(reader, name, config.postgres.options.schema, faults);
  read_redact(reader, source, faults);
  reader.finish();
  return source;
}

bool lane_name_ok(const std::string& name) {
  const auto ok = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= kLaneNameBytesMax && std::all_of(name.begin(), name.end(), ok);
}

}  // namespace

void SourceTables::take(const toml::table* sources, const std::string& file, FaultList& faults) {
  if (sources == nullptr) return;
  if (file_of_name_.size() + sources->size() > kSourcesMax) {
    faults.add(sources->source(), "sources: are " + std::to_string(file_of_name_.size() + sources->size()) +
                                      ", more than " + std::to_string(kSourcesMax));
    return;
  }
  for (const auto& [key, node] : *sources) take_one(std::string(key.str()), node, key.source(), file, faults);
}

void SourceTables::take_one(const std::string& name, const toml::node& node, const toml::source_region& key,
                            const std::string& file, FaultList& faults) {
  const auto* table = node.as_table();
  if (table == nullptr) {
    faults.add(node.source(), "sources." + name + ": needs a table: write [sources." + name + "]");
    return;
  }
  if (!lane_name_ok(name)) {
    faults.add(key, "sources: \"" + name + "\" is not a name; use 1 to 64 of A-Z a-z 0-9 _ - .");
    return;
  }
  const auto [named, is_new] = file_of_name_.emplace(name, file);
  if (!is_new) {
    faults.add(key, "sources." + name + ": is a source of " + named->second +
                        " already; a source has one file, so remove or rename one of them");
    return;
  }
  config_.sources.push_back(read_source(name, *table, faults, config_));
  const std::string& path = config_.sources.back().path;
  const auto [taken, path_is_new] = file_of_path_.emplace(path, file);
  if (path_is_new) return;
  faults.add(node.source(), "sources." + name + ".path: " + path + " is another source's path already" +
                                (taken->second == file ? "" : ", in " + taken->second));
}

void SourceTables::take_addition(const toml::table& document, const std::string& file,
                                 const std::string& main_file, FaultList& faults) {
  for (const auto& [key, node] : document) {
    if (key.str() == "sources") continue;
    faults.add(key.source(), std::string(key.str()) +
                                 ": only [sources.NAME] may stand in this file; the rest belongs to " +
                                 main_file);
  }
  TableReader root(&document, "", faults);
  take(root.table("sources"), file, faults);
}

}  // namespace hookspool::agent

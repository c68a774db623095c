// [sources.NAME] of the configuration file and of the files that add sources. A name and a path are one source's alone,
// whatever file they stand in. Internal to the configuration. Not thread-safe: one reading, one thread.
#pragma once

#include <map>
#include <string>

#include "agent/config/config.h"
#include "agent/config/config_reader.h"

namespace hookspool::agent {

class SourceTables {
 public:
  // `config` gets the sources; of it the journal and PostgreSQL must have been read.
  explicit SourceTables(Config& config) : config_(config) {}
  SourceTables(const SourceTables&) = delete;
  SourceTables& operator=(const SourceTables&) = delete;

  // The table [sources] of `file`; nullptr: it has none. What is wrong goes to `faults`, which are that file's.
  void take(const toml::table* sources, const std::string& file, FaultList& faults);
  // A file that adds sources and may hold nothing else; `main_file` is where everything else belongs.
  void take_addition(const toml::table& document, const std::string& file, const std::string& main_file,
                     FaultList& faults);

 private:
  void take_one(const std::string& name, const toml::node& node, const toml::source_region& key,
                const std::string& file, FaultList& faults);

  Config& config_;
  std::map<std::string, std::string> file_of_name_, file_of_path_;
};

}  // namespace hookspool::agent

// The files that add sources: every NAME.toml in the folder sources.d beside the configuration file, so that a deploy adds a
// source without changing a file that others change too. This finds and reads them; SourceTables takes them.
// Thread-safe: no state.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "agent/config/config.h"

namespace hookspool::agent {

inline constexpr const char* kSourcesFolder = "sources.d";
inline constexpr std::size_t kSourceFilesMax = 1'024;            // as many as there may be sources
inline constexpr std::size_t kSourceFileBytesMax = 1u << 20;     // of one
inline constexpr std::size_t kSourceFilesBytesMax = 16u << 20;   // of all together
inline constexpr std::size_t kSourcesFolderEntriesMax = 10'000;  // looked at, whatever their names are

struct SourceFile {
  std::string path;
  std::string text;
};

// Those of `folder`, in the order of their names' bytes; none where there is no such folder. Other files are left alone:
// hidden ones (.name), and those whose names do not end in .toml, which are the copies that editors and dpkg leave.
// A fault: what is called *.toml and cannot be read, is no regular file or too large; too many of them.
Result<std::vector<SourceFile>, ConfigFaults> read_source_files(const std::filesystem::path& folder);

// The same beside a configuration file.
Result<std::vector<SourceFile>, ConfigFaults> source_files_of(const std::string& config_file);

}  // namespace hookspool::agent

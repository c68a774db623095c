#include "agent/config/source_files.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "agent/base/regular_file.h"
#include "agent/config/config_access.h"

namespace hookspool::agent {
namespace {

ConfigFaults fault(const std::filesystem::path& place, const std::string& what) {
  return ConfigFaults{{place.string() + ": " + what}};
}

bool adds_sources(const std::string& name) {
  return name.ends_with(".toml") && !name.starts_with('.');
}

// The names in `folder` that count, sorted.
Result<std::vector<std::string>, ConfigFaults> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator at(folder, error), end;
  if (error == std::errc::no_such_file_or_directory) return names;
  std::size_t looked_at = 0;
  for (; !error && at != end; at.increment(error)) {
    if (++looked_at > kSourcesFolderEntriesMax) {
      return fail(fault(folder, "has more than " + std::to_string(kSourcesFolderEntriesMax) +
                                    " files; only those that add sources belong there"));
    }
    std::string name = at->path().filename().string();
    if (adds_sources(name)) names.push_back(std::move(name));
  }
  if (error) return fail(cannot_read(folder.string(), "cannot be read: " + error.message()));
  if (names.size() > kSourceFilesMax) {
    return fail(fault(folder, "has " + std::to_string(names.size()) + " files *.toml, more than " +
                                  std::to_string(kSourceFilesMax)));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Result<std::vector<SourceFile>, ConfigFaults> read_source_files(const std::filesystem::path& folder) {
  const auto names = names_in(folder);
  if (!names) return fail(names.error());
  std::vector<SourceFile> files;
  std::size_t bytes = 0;
  for (const auto& name : *names) {
    const std::string path = (folder / name).string();
    auto read = read_regular_file(path, kSourceFileBytesMax);
    if (!read) return fail(cannot_read(path, read.error()));
    bytes += read->content.size();
    if (bytes > kSourceFilesBytesMax) {
      return fail(fault(folder, "its files *.toml are together larger than " +
                                    std::to_string(kSourceFilesBytesMax >> 20) + " MiB"));
    }
    files.push_back({path, std::move(read->content)});
  }
  return files;
}

Result<std::vector<SourceFile>, ConfigFaults> source_files_of(const std::string& config_file) {
  std::error_code error;
  return read_source_files(std::filesystem::absolute(config_file, error).parent_path() / kSourcesFolder);
}

}  // namespace hookspool::agent

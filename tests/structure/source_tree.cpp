#include "tests/structure/source_tree.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

namespace hookspool::structure {
namespace {

// Folders that hold no source of ours, by their path from the root.
constexpr std::array<std::string_view, 4> kSkippedFolders = {".git", "build", "var", "tests/demo/samples"};
constexpr std::array<std::string_view, 10> kTextSuffixes = {".in",   ".cpp",     ".h",    ".cmake", ".txt",
                                                            ".json", ".service", ".toml", ".conf",  ".md"};

bool is_text(const std::string& path) {
  if (path == "dev" || path == ".ci/run" || path == ".clang-tidy" || path == ".clang-format") return true;
  return std::any_of(kTextSuffixes.begin(), kTextSuffixes.end(),
                     [&](std::string_view suffix) { return path.ends_with(suffix); });
}

// Reads `#include "x"` and `#include <x>`; anything else gives an empty target.
Include parse_include(const std::string& line) {
  constexpr std::string_view kDirective = "#include";
  Include include;
  if (!line.starts_with(kDirective)) return include;
  const auto open = line.find_first_of("\"<", kDirective.size());
  if (open == std::string::npos) return include;
  include.quoted = line[open] == '"';
  const auto close = line.find(include.quoted ? '"' : '>', open + 1);
  if (close != std::string::npos) include.target = line.substr(open + 1, close - open - 1);
  return include;
}

}  // namespace

std::string SourceFile::folder() const {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

SourceFile make_source(std::string path, const std::string& text) {
  SourceFile file;
  file.path = std::move(path);
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
  if (!file.is_cpp()) return file;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    Include include = parse_include(file.lines[i]);
    include.line = i + 1;
    if (!include.target.empty()) file.includes.push_back(std::move(include));
  }
  return file;
}

std::vector<SourceFile> read_tree(const std::filesystem::path& root) {
  namespace fs = std::filesystem;
  std::vector<SourceFile> files;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::recursive_directory_iterator();
       ++entry) {
    const std::string path = entry->path().lexically_relative(root).generic_string();
    if (entry->is_directory()) {
      const bool skipped =
          std::find(kSkippedFolders.begin(), kSkippedFolders.end(), path) != kSkippedFolders.end();
      if (skipped) entry.disable_recursion_pending();
      continue;
    }
    if (!entry->is_regular_file() || !is_text(path)) continue;
    std::ostringstream text;
    text << std::ifstream(entry->path(), std::ios::binary).rdbuf();
    files.push_back(make_source(path, text.str()));
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

}  // namespace hookspool::structure

// The project's own files as text: what the structure rules look at. Nothing here knows a rule.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hookspool::structure {

struct Include {
  std::string target;   // as written between the quotes or brackets
  bool quoted = false;  // "..." names a file of this tree, <...> a library's
  std::size_t line = 0;
};

struct SourceFile {
  std::string path;  // from the root, with '/'
  std::vector<std::string> lines;
  std::vector<Include> includes;  // of C++ files only
  bool is_header() const { return path.ends_with(".h"); }
  bool is_cpp() const { return is_header() || path.ends_with(".cpp"); }
  // "storage/model" for "storage/model/uuid.h"; empty for a file at the root.
  std::string folder() const;
};

SourceFile make_source(std::string path, const std::string& text);

// Every text file of the tree that people write: sources, build files, scripts, units, documents. Leaves out
// build folders, local state, version control and the samples of tests/demo (those are data).
std::vector<SourceFile> read_tree(const std::filesystem::path& root);

}  // namespace hookspool::structure

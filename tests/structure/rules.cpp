#include "tests/structure/rules.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string_view>

namespace hookspool::structure {
namespace {

// A folder, and the folders below it in the order of the layers that it includes from; its own it may always. A folder may
// include from those above it in this list only (KeepsAnOrder). The first, kForAll, is not repeated in each line.
struct Layer {
  std::string_view folder;
  std::vector<std::string_view> may_include;
};

constexpr std::string_view kForAll = "storage/base";

const std::vector<Layer>& layers() {
  // clang-format off
  static const std::vector<Layer> kLayers = {
      {kForAll, {}},
      {"storage/model", {}},
      {"storage/file", {"storage/model"}},
      {"storage/segment", {"storage/model", "storage/file"}},
      {"storage/catalogue", {"storage/model", "storage/file", "storage/segment"}},
      {"storage/journal", {"storage/model", "storage/file", "storage/segment", "storage/catalogue"}},
      {"storage/side", {"storage/model", "storage/file"}},
      {"storage/dedupe", {"storage/model", "storage/file"}},
      {"storage/salvage", {"storage/model", "storage/file", "storage/segment", "storage/catalogue"}},
      {"net/json", {}},
      {"net/condition", {"storage/model", "net/json"}},
      {"net/form", {"net/json"}},
      {"net/redact", {"storage/model", "net/json", "net/form"}},
      {"net/verify", {"storage/model", "net/json"}},
      {"net/http", {"storage/model"}},
      {"net/pg/link", {"storage/model"}},
      {"net/pg/tables", {"storage/model", "net/json", "net/condition", "net/form", "net/redact", "net/pg/link"}},
      {"net/pg/delivery", {"storage/model", "net/json", "net/pg/link", "net/pg/tables"}},
      {"net/pg/ledger", {"storage/model", "net/pg/link", "net/pg/tables", "net/pg/delivery"}},
      {"agent/base", {"storage/model"}},
      {"agent/config", {"storage/model", "storage/journal", "storage/side", "net/json", "net/condition", "net/form", "net/redact", "net/verify", "net/http", "net/pg/link", "net/pg/tables", "agent/base"}},
      {"agent/alerts", {"storage/model", "storage/side", "net/http", "net/verify", "agent/base", "agent/config"}},
      {"agent/intake", {"storage/model", "storage/journal", "storage/side", "storage/dedupe", "net/json", "net/condition", "net/form", "net/redact", "net/verify", "net/http", "agent/base", "agent/config"}},
      {"agent/delivery", {"storage/model", "storage/journal", "net/pg/link", "net/pg/tables", "net/pg/delivery", "net/pg/ledger", "agent/base", "agent/config"}},
      {"agent/repair", {"storage/model", "storage/journal", "storage/side", "net/pg/link", "net/pg/tables", "net/pg/delivery", "net/pg/ledger", "agent/base", "agent/config", "agent/delivery"}},
      {"agent/lookup", {"storage/model", "storage/journal", "net/json", "net/condition", "net/form", "net/pg/link", "net/pg/tables", "net/pg/ledger", "agent/base", "agent/config", "agent/delivery", "agent/repair"}},
      {"agent/reload", {"storage/journal", "net/http", "agent/base", "agent/config", "agent/intake", "agent/delivery"}},
      {"agent/history", {"storage/model", "storage/side", "agent/base"}},
      {"agent/upkeep", {"storage/model", "storage/journal", "net/http", "net/pg/link", "net/pg/ledger", "agent/base", "agent/config", "agent/alerts", "agent/intake", "agent/delivery", "agent/repair", "agent/reload", "agent/history"}},
      {"agent/metrics", {"storage/model", "storage/journal", "net/http", "net/pg/link", "agent/base", "agent/config", "agent/intake", "agent/delivery", "agent/repair", "agent/reload", "agent/upkeep"}},
      {"agent/page", {"storage/model", "storage/journal", "net/http", "net/pg/link", "agent/base", "agent/config", "agent/intake", "agent/delivery", "agent/repair", "agent/reload", "agent/history", "agent/upkeep", "agent/metrics"}},
      {"agent/admin", {"storage/model", "net/verify", "net/http", "agent/base", "agent/intake", "agent/delivery", "agent/repair", "agent/lookup", "agent/reload", "agent/upkeep", "agent/metrics", "agent/page"}},
      {"agent/commands", {"storage/model", "storage/file", "storage/journal", "storage/salvage", "net/verify", "net/http", "net/pg/link", "net/pg/tables", "net/pg/ledger", "agent/base", "agent/config", "agent/alerts", "agent/admin"}},
      {"agent/app", {"storage/journal", "net/http", "net/pg/link", "agent/base", "agent/config", "agent/alerts", "agent/intake", "agent/delivery", "agent/repair", "agent/reload", "agent/history", "agent/upkeep", "agent/metrics", "agent/page", "agent/admin", "agent/commands"}},
      {"agent/manual", {"agent/base", "agent/config", "agent/commands", "agent/app"}},
      {"tests", {"agent", "net", "storage"}},
  };
  // clang-format on
  return kLayers;
}

// A library's headers by prefix, and where they may be included. Tests may look at the real thing anywhere.
struct Library {
  std::string_view prefix;
  std::vector<std::string_view> folders;
  bool heavy;  // costs seconds to compile: only in .cpp files
};

const std::vector<Library>& libraries() {
  static const std::vector<Library> kLibraries = {
      {"SQLiteCpp/", {"storage", "tests"}, false},
      {"sqlite3.h", {"storage", "tests"}, false},
      {"concurrentqueue.h", {"storage/journal", "agent", "tests"}, false},
      {"blockingconcurrentqueue.h", {"storage/journal", "agent", "tests"}, false},
      {"libpq", {"net/pg/link", "tests"}, false},
      {"httplib.h", {"net/http", "tests"}, true},
      {"prometheus/", {"agent/metrics", "tests"}, true},
      {"nlohmann/", {"net", "agent", "tests"}, true},
      {"spdlog/", {"agent/base", "tests"}, true},
      {"CLI/", {"agent/app", "agent/commands", "agent/manual", "tests"}, true},
      {"toml++/", {"agent/config", "tests"}, true},
      // Recurses as deep as its input is long: never where a client's bytes are.
      {"regex", {"tests"}, true},
  };
  return kLibraries;
}

// Headers that only the .cpp files of the same wrapper include.
bool is_internal_of_a_wrapper(std::string_view path) {
  return path == "agent/config/config_reader.h";
}

bool is_within(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

std::string at(const SourceFile& file, std::size_t line) {
  return file.path + ":" + std::to_string(line) + ": ";
}

const Layer* layer_of(std::string_view path) {
  const Layer* best = nullptr;
  for (const Layer& layer : layers()) {
    if (is_within(path, layer.folder) && (best == nullptr || layer.folder.size() > best->folder.size()))
      best = &layer;
  }
  return best;
}

std::map<std::string_view, const SourceFile*> by_path(const Files& files) {
  std::map<std::string_view, const SourceFile*> index;
  for (const SourceFile& file : files) index.emplace(file.path, &file);
  return index;
}

// How `file` comes to include a library's header, over ours: "a.cpp -> b.h -> sqlite3.h"; empty if it does
// not.
std::string way_to(const SourceFile& file, std::string_view prefix,
                   const std::map<std::string_view, const SourceFile*>& index,
                   std::set<std::string_view>& seen) {
  if (!seen.insert(file.path).second) return {};
  for (const Include& include : file.includes) {
    if (include.target.starts_with(prefix)) return file.path + " -> " + include.target;
    const auto next = index.find(include.target);
    if (!include.quoted || next == index.end()) continue;
    const std::string way = way_to(*next->second, prefix, index, seen);
    if (!way.empty()) return file.path + " -> " + way;
  }
  return {};
}

// Depth-first over the includes; `open` is the way from the start to here.
void walk(const SourceFile& file, const std::map<std::string_view, const SourceFile*>& index,
          std::vector<std::string_view>& open, std::set<std::string_view>& done, Faults& faults) {
  if (done.contains(file.path)) return;
  open.push_back(file.path);
  for (const Include& include : file.includes) {
    const auto target = index.find(include.target);
    if (!include.quoted || target == index.end()) continue;
    const auto back = std::find(open.begin(), open.end(), target->first);
    if (back == open.end()) {
      walk(*target->second, index, open, done, faults);
      continue;
    }
    std::string fault = at(file, include.line) + "includes itself: ";
    for (auto step = back; step != open.end(); ++step) fault += std::string(*step) + " -> ";
    faults.push_back(fault + std::string(target->first));
  }
  open.pop_back();
  done.insert(file.path);
}

// Function bodies of clang-formatted text: from a first-column line (or its continuation) that ends in '{' to
// the
// '}' in the first column. Classes, enums, namespaces and tables begin with other words and are left out.
struct Body {
  std::size_t first_line = 0;
  std::size_t lines = 0;
};

bool begins_type_or_table(std::string_view line) {
  for (std::string_view word :
       {"namespace", "class ", "struct ", "enum ", "union ", "extern ", "#", "//", "}"}) {
    if (line.starts_with(word)) return true;
  }
  return line.find(" = {") != std::string_view::npos || line.find("[] = ") != std::string_view::npos;
}

std::vector<Body> function_bodies(const SourceFile& file) {
  std::vector<Body> bodies;
  std::string_view start;  // the first-column line that the present one continues
  std::size_t first_line = 0;
  bool in_body = false;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    if (line.empty()) continue;
    const bool first_column = std::isspace(static_cast<unsigned char>(line[0])) == 0;
    if (in_body) {
      if (line[0] != '}') continue;
      bodies.push_back({first_line + 1, i - first_line + 1});
      in_body = false;
      start = {};
      continue;
    }
    if (first_column) start = line;
    if (start.empty() || begins_type_or_table(start) || !line.ends_with('{')) continue;
    in_body = true;
    first_line = i;
  }
  return bodies;
}

Faults sizes_above(const Files& files, std::size_t file_lines, std::size_t function_lines) {
  Faults faults;
  for (const SourceFile& file : files) {
    if (!file.is_cpp()) continue;
    if (file.lines.size() > file_lines) {
      faults.push_back(at(file, 1) + std::to_string(file.lines.size()) + " lines, limit " +
                       std::to_string(file_lines) + ": split it by idea");
    }
    const bool is_test = is_within(file.path, "tests") && function_lines == kFunctionLinesMax;
    for (const Body& body : function_bodies(file)) {
      if (body.lines <= (is_test ? kTestLinesMax : function_lines)) continue;
      faults.push_back(at(file, body.first_line) + "function of " + std::to_string(body.lines) +
                       " lines, limit " + std::to_string(function_lines));
    }
  }
  return faults;
}

// Written in two halves, so that this file does not break its own rule.
const std::vector<std::string>& unfinished_words() {
  static const std::vector<std::string> kWords = {
      std::string("TO") + "DO",       std::string("FIX") + "ME",       std::string("XX") + "X",
      std::string("HA") + "CK",       std::string("place") + "holder", std::string("not ") + "implemented",
      std::string("lorem") + " ipsum"};
  return kWords;
}

bool is_word_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// `word` with no letter right before or after it: mkdtemp's template of many X is not an unfinished place.
bool has_word(std::string_view line, std::string_view word) {
  for (auto begin = line.find(word); begin != std::string_view::npos; begin = line.find(word, begin + 1)) {
    const auto end = begin + word.size();
    const bool free_before = begin == 0 || !is_word_char(line[begin - 1]);
    if (free_before && (end == line.size() || !is_word_char(line[end]))) return true;
  }
  return false;
}

const std::vector<std::string>& machine_paths() {
  static const std::vector<std::string> kPaths = {std::string("/wo") + "rk/", std::string("/ro") + "ot/",
                                                  std::string("/ho") + "me/",
                                                  std::string("/tmp/") + "build-"};
  return kPaths;
}

}  // namespace

Faults check_layers(const Files& files) {
  Faults faults;
  const auto index = by_path(files);
  for (const SourceFile& file : files) {
    if (!file.is_cpp()) continue;
    const Layer* layer = layer_of(file.path);
    if (layer == nullptr) {
      faults.push_back(at(file, 1) + "belongs to no layer: only folders that layers() lists hold sources");
      continue;
    }
    for (const Include& include : file.includes) {
      if (!include.quoted) continue;
      // agent/base/version.h is made from agent/base/version.h.in.
      if (!index.contains(include.target) && !index.contains(include.target + ".in")) {
        faults.push_back(at(file, include.line) + "no such file from the root: " + include.target);
        continue;
      }
      const bool allowed =
          is_within(include.target, layer->folder) || is_within(include.target, kForAll) ||
          std::any_of(layer->may_include.begin(), layer->may_include.end(),
                      [&](std::string_view folder) { return is_within(include.target, folder); });
      if (!allowed) {
        faults.push_back(at(file, include.line) + std::string(layer->folder) + "/ may not see " +
                         include.target);
      }
    }
  }
  return faults;
}

// "storage/model" before "storage/file": what a layer includes from stands above it.
Faults check_order() {
  Faults faults;
  const auto& all = layers();
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const std::string_view below : all[i].may_include) {
      const bool found = std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i),
                                     [&](const Layer& layer) { return is_within(layer.folder, below); });
      if (!found)
        faults.push_back(std::string(all[i].folder) + " may not include from " + std::string(below) +
                         ": that stands below it");
    }
  }
  return faults;
}

std::size_t layers_count() {
  return layers().size();
}

Faults check_libraries(const Files& files) {
  Faults faults;
  const auto index = by_path(files);
  for (const SourceFile& file : files) {
    for (const Library& library : libraries()) {
      const bool allowed = std::any_of(library.folders.begin(), library.folders.end(),
                                       [&](std::string_view folder) { return is_within(file.path, folder); });
      std::set<std::string_view> seen;
      const std::string way = allowed ? std::string() : way_to(file, library.prefix, index, seen);
      if (!way.empty()) faults.push_back(at(file, 1) + "sees another layer's library: " + way);
      if (!library.heavy || !file.is_header() || is_internal_of_a_wrapper(file.path)) continue;
      for (const Include& include : file.includes) {
        if (!include.target.starts_with(library.prefix)) continue;
        faults.push_back(at(file, include.line) + include.target + " belongs into a .cpp file");
      }
    }
  }
  return faults;
}

Faults check_cycles(const Files& files) {
  Faults faults;
  const auto index = by_path(files);
  std::set<std::string_view> done;
  std::vector<std::string_view> open;
  for (const SourceFile& file : files) walk(file, index, open, done, faults);
  return faults;
}

Faults check_sizes(const Files& files) {
  return sizes_above(files, kFileLinesMax, kFunctionLinesMax);
}

Faults note_sizes(const Files& files) {
  return sizes_above(files, kFileLinesSoft, kFunctionLinesSoft);
}

Faults check_words(const Files& files) {
  Faults faults;
  for (const SourceFile& file : files) {
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      for (const std::string& word : unfinished_words()) {
        if (has_word(file.lines[i], word)) faults.push_back(at(file, i + 1) + "unfinished: " + word);
      }
      for (const std::string& path : machine_paths()) {
        if (file.lines[i].find(path) != std::string::npos)
          faults.push_back(at(file, i + 1) + "a machine's path: " + path);
      }
    }
  }
  return faults;
}

Faults check_routes(const Files& files) {
  Faults faults;
  for (const SourceFile& file : files) {
    const bool wraps = std::any_of(file.includes.begin(), file.includes.end(),
                                   [](const Include& include) { return include.target == "httplib.h"; });
    if (!wraps || is_within(file.path, "tests")) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      for (const std::string_view route :
           {"Get(", "Post(", "Put(", "Patch(", "Delete(", "Options(", "set_mount_point(", "set_base_dir("}) {
        const std::size_t found = file.lines[i].find(route);
        if (found == std::string::npos) continue;
        const bool whole =
            found == 0 || (std::isalnum(static_cast<unsigned char>(file.lines[i][found - 1])) == 0 &&
                           file.lines[i][found - 1] != '_');
        if (whole)
          faults.push_back(
              at(file, i + 1) +
              "a route of cpp-httplib is a std::regex that sees a client's path: " + std::string(route));
      }
    }
  }
  return faults;
}

Faults check_headers(const Files& files) {
  Faults faults;
  for (const SourceFile& file : files) {
    if (!file.is_header()) continue;
    if (file.lines.empty() || !file.lines.front().starts_with("// ")) {
      faults.push_back(at(file, 1) + "a header opens with a comment that says what it is for");
    }
    if (std::find(file.lines.begin(), file.lines.end(), "#pragma once") == file.lines.end()) {
      faults.push_back(at(file, 1) + "no #pragma once");
    }
  }
  return faults;
}

}  // namespace hookspool::structure

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <set>
#include <string_view>

#include "tests/structure/rules.h"

namespace hookspool::structure {
namespace {

constexpr std::string_view kDocument = ".md";

std::string at(const SourceFile& file, std::size_t line) {
  return file.path + ":" + std::to_string(line + 1) + ": ";
}

bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// As GitHub makes it of a heading: lower case, spaces to hyphens, nothing but letters, digits, '-' and '_'.
std::string anchor_of(std::string_view heading) {
  std::string anchor;
  for (const char c : lower(heading)) {
    if (c == ' ') {
      anchor += '-';
    } else if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_') {
      anchor += c;
    }
  }
  return anchor;
}

// The lines of a document outside of ``` fences; the others are empty, so that numbers stay.
std::vector<std::string> prose_of(const SourceFile& file) {
  std::vector<std::string> prose;
  bool fenced = false;
  for (const std::string& line : file.lines) {
    const bool fence =
        line.find("```") != std::string::npos && line.find_first_not_of(" `") == line.find("```") + 3;
    const bool bare_fence =
        line.find("```") != std::string::npos && line.find_first_not_of(" `") == std::string::npos;
    if (fence || bare_fence) fenced = !fenced;
    prose.push_back(fenced || fence || bare_fence ? std::string() : line);
  }
  return prose;
}

std::set<std::string> anchors_of(const SourceFile& file) {
  std::set<std::string> anchors;
  for (const std::string& line : prose_of(file)) {
    if (!line.starts_with('#')) continue;
    const auto text = line.find_first_not_of('#');
    if (text != std::string::npos && line[text] == ' ') anchors.insert(anchor_of(line.substr(text + 1)));
  }
  return anchors;
}

// The targets of [text](target) in a line.
std::vector<std::string> links_in(const std::string& line) {
  std::vector<std::string> targets;
  for (auto open = line.find("]("); open != std::string::npos; open = line.find("](", open + 1)) {
    const auto end = line.find(')', open);
    if (end != std::string::npos) targets.push_back(line.substr(open + 2, end - open - 2));
  }
  return targets;
}

// How often `phrase` (lower case) stands in `line`, as words of its own.
std::size_t count_in(std::string_view line, std::string_view phrase) {
  std::size_t count = 0;
  for (auto begin = line.find(phrase); begin != std::string_view::npos;
       begin = line.find(phrase, begin + 1)) {
    const auto end = begin + phrase.size();
    const bool whole =
        (begin == 0 || !is_letter(line[begin - 1])) && (end == line.size() || !is_letter(line[end]));
    if (whole) ++count;
  }
  return count;
}

}  // namespace

Faults check_links(const Files& files, const std::function<bool(const std::string&)>& exists,
                   std::size_t& found) {
  Faults faults;
  found = 0;
  std::map<std::string, const SourceFile*> documents;
  for (const SourceFile& file : files) {
    if (file.path.ends_with(kDocument)) documents.emplace(file.path, &file);
  }
  for (const auto& [path, file] : documents) {
    const std::string folder = file->folder().empty() ? "" : file->folder() + "/";
    const auto prose = prose_of(*file);
    for (std::size_t i = 0; i < prose.size(); ++i) {
      for (const std::string& link : links_in(prose[i])) {
        if (link.find("://") != std::string::npos) continue;
        ++found;
        const auto hash = std::min(link.find('#'), link.size());
        const std::string target = hash == 0 ? path : folder + link.substr(0, hash);
        if (!exists(target)) {
          faults.push_back(at(*file, i) + "links to " + target + ", which is not there");
          continue;
        }
        const auto document = documents.find(target);
        if (hash == link.size() || document == documents.end()) continue;
        if (!anchors_of(*document->second).contains(link.substr(hash + 1)))
          faults.push_back(at(*file, i) + "links to " + link + ", but no heading of " + target +
                           " makes that");
      }
    }
  }
  return faults;
}

Faults check_readme(const Files& files) {
  for (const SourceFile& file : files) {
    if (file.path != "README.md") continue;
    if (file.lines.size() <= kReadmeLinesMax) return {};
    return {at(file, kReadmeLinesMax) + std::to_string(file.lines.size()) + " lines, limit " +
            std::to_string(kReadmeLinesMax) +
            ": the other documents have room for what is not about the first minutes"};
  }
  return {"README.md: is missing"};
}

const std::vector<Phrase>& odd_phrases() {
  // Riddles, personification and household words for what the field has terms for. A number is what there is still,
  // in documents (.md, .toml) and in all other files: it may only be lowered.
  static const std::vector<Phrase> kPhrases = {
      {"whoever", "the client, the thread, the caller", 0, 0},
      {"by and by", "later, asynchronously", 0, 0},
      {"put up with", "tolerated", 0, 0},
      {"puts up with", "tolerates", 0, 0},
      {"let go of", "freed, dropped, released", 0, 0},
      {"lets go of", "frees, drops, releases", 0, 0},
      {"nobody", "no client, no process, no reader", 0, 27},
      {"somebody", "a client, another process", 0, 2},
      {"everybody", "every client", 0, 4},
      {"anybody", "any client", 0, 1},
      {"a person", "an administrator, an operator", 0, 0},
      {"told", "logged, reported, answered", 0, 85},
      {"mend", "repair, fix", 0, 0},
      {"mends", "repairs, fixes", 0, 0},
      {"mended", "repaired, fixed", 0, 5},
      {"held up", "delayed, blocked", 0, 0},
      {"holds up", "delays, blocks", 0, 1},
      {"without a word", "silently", 0, 0},
      {"unasked", "without proof, by itself", 0, 3},
      {"useless", "least recently productive, idle", 0, 22},
      {"him", "it, or the role", 0, 0},
      {"himself", "itself, or the role", 0, 0},
      {"his", "its, or the role's", 0, 0},
      {"a stranger", "an unauthenticated client", 2, 0},
      {"strangers", "unauthenticated clients", 0, 6},
      {"stocktaking", "recovery", 0, 0},
      {"by its own word", "what it sent", 0, 0},
      {"let in", "accepted", 0, 0},
      {"at hand", "current", 0, 0},
  };
  return kPhrases;
}

Faults check_phrases(const Files& files, const std::vector<Phrase>& phrases,
                     std::vector<PhraseCount>& counts) {
  Faults faults;
  counts.assign(phrases.size(), {});
  std::vector<std::pair<std::string, std::string>> last(phrases.size());  // where: in documents, elsewhere
  for (const SourceFile& file : files) {
    // CHANGELOG.md is history; this folder has the phrases themselves.
    if (file.path == "CHANGELOG.md" || file.path.starts_with("tests/structure/")) continue;
    const bool document = file.path.ends_with(kDocument) || file.path.ends_with(".toml");
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string line = lower(file.lines[i]);
      for (std::size_t p = 0; p < phrases.size(); ++p) {
        const std::size_t count = count_in(line, phrases[p].text);
        if (count == 0) continue;
        (document ? counts[p].documents : counts[p].sources) += count;
        (document ? last[p].first : last[p].second) = at(file, i);
      }
    }
  }
  for (std::size_t p = 0; p < phrases.size(); ++p) {
    const auto compare = [&](std::size_t count, std::size_t most, const std::string& where,
                             const char* kind) {
      if (count <= most) return;
      faults.push_back(where + "\"" + phrases[p].text + "\" stands " + std::to_string(count) + " times in " +
                       kind + ", at most " + std::to_string(most) + ": write " + phrases[p].instead);
    };
    compare(counts[p].documents, phrases[p].documents_max, last[p].first, "documents");
    compare(counts[p].sources, phrases[p].sources_max, last[p].second, "sources");
  }
  return faults;
}

}  // namespace hookspool::structure

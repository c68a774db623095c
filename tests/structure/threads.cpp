// Rules about threads and locks.
#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <string_view>

#include "tests/structure/rules.h"

namespace hookspool::structure {
namespace {

constexpr std::string_view kLocks = "storage/base/mutex.h";

// What becomes of an exception that a thread's work throws, by the file that starts it (without .h or .cpp). What is not
// caught ends the process with a line in the log (agent/base/last_resort.h), and systemd starts it again.
const std::map<std::string_view, std::string_view>& threads() {
  static const std::map<std::string_view, std::string_view> kThreads = {
      {"agent/alerts/alert_sender", "logged; the alert is tried again"},
      {"agent/base/early_stop", "ends the process: it waits for a signal while the agent starts"},
      {"agent/base/log", "the line is lost"},
      {"agent/base/owned_threads", "the owner's affair: each has a line of its own here"},
      {"agent/base/round_thread", "logged; the next round comes as usual"},
      {"agent/delivery/lanes", "a step is logged and tried again; anything else ends the process"},
      {"agent/delivery/uplink", "an attempt is logged and made again; anything else ends the process"},
      {"agent/intake/dedupe_writer", "logged; the index waits to be resumed"},
      {"agent/reload/reloader", "logged; the configuration in force stays"},
      {"agent/repair/dead_letters", "logged; the next comparison comes as usual"},
      {"net/http/call_deadline", "nothing throws: it waits, and shuts a socket down"},
      {"net/http/server", "ends the process: what the loop was in the middle of is not known"},
      {"net/http/worker_pool", "the request is abandoned and answered at its deadline"},
      {"storage/journal/writer", "ends the process: what the writer was in the middle of is not known"},
      {"storage/segment/acked_syncer", "counted as a failure of the disk; the next sync comes as usual"},
  };
  return kThreads;
}

std::string at(const SourceFile& file, std::size_t line) {
  return file.path + ":" + std::to_string(line) + ": ";
}

bool is_product(const SourceFile& file) {
  return file.is_cpp() && !file.path.starts_with("tests/");
}

// `word` with no letter, digit or '_' right before or after it.
bool has_word(std::string_view line, std::string_view word) {
  const auto is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (auto begin = line.find(word); begin != std::string_view::npos; begin = line.find(word, begin + 1)) {
    const auto end = begin + word.size();
    if ((begin == 0 || !is_part(line[begin - 1])) && (end == line.size() || !is_part(line[end]))) return true;
  }
  return false;
}

template <class Words>
bool has_one_of(std::string_view line, const Words& words) {
  return std::any_of(std::begin(words), std::end(words),
                     [&](std::string_view word) { return has_word(line, word); });
}

}  // namespace

Faults check_locks(const Files& files, std::size_t& found) {
  constexpr std::string_view kUnchecked[] = {"mutex", "shared_mutex", "condition_variable", "semaphore"};
  Faults faults;
  found = 0;
  for (const SourceFile& file : files) {
    if (!is_product(file) || file.path == kLocks) continue;
    for (const Include& include : file.includes) {
      found += include.target == kLocks ? 1u : 0u;
      if (std::find(std::begin(kUnchecked), std::end(kUnchecked), include.target) == std::end(kUnchecked))
        continue;
      faults.push_back(at(file, include.line) + "<" + include.target +
                       "> has no annotations that clang checks: use " + std::string(kLocks));
    }
  }
  return faults;
}

Faults check_threads(const Files& files, std::size_t& found) {
  constexpr std::string_view kTypes[] = {"std::thread", "std::jthread", "std::async", "pthread_create",
                                         "OwnedThreads"};
  Faults faults;
  std::set<std::string_view> seen;
  for (const SourceFile& file : files) {
    if (!is_product(file)) continue;
    const auto line = std::find_if(file.lines.begin(), file.lines.end(),
                                   [&](const std::string& text) { return has_one_of(text, kTypes); });
    if (line == file.lines.end()) continue;
    const std::string_view stem = std::string_view(file.path).substr(0, file.path.rfind('.'));
    if (seen.insert(stem).second && !threads().contains(stem)) {
      faults.push_back(
          at(file, static_cast<std::size_t>(line - file.lines.begin()) + 1) +
          "a thread that tests/structure/threads.cpp does not have: what becomes of an exception?");
    }
  }
  found = seen.size();
  for (const auto& [stem, exception] : threads()) {
    if (!seen.contains(stem)) faults.push_back(std::string(stem) + " has no thread any more");
  }
  return faults;
}

Faults check_thread_safety(const Files& files, std::size_t& found) {
  constexpr std::string_view kWords[] = {"Thread-safe", "thread-safe",  "Thread-safety", "Pure",
                                         "pure",        "Plain values", "plain values"};
  Faults faults;
  found = 0;
  for (const SourceFile& file : files) {
    if (!file.is_header() || !is_product(file)) continue;
    ++found;
    const auto end = std::find_if(file.lines.begin(), file.lines.end(),
                                  [](const std::string& line) { return !line.starts_with("//"); });
    if (std::any_of(file.lines.begin(), end,
                    [&](const std::string& line) { return has_one_of(line, kWords); }))
      continue;
    faults.push_back(
        at(file, 1) +
        "its first comment does not say how threads may use it: Thread-safe, Not thread-safe, Pure "
        "or Plain values");
  }
  return faults;
}

}  // namespace hookspool::structure

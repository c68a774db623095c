// Reads one TOML table key by key, gathers every fault with its place, and at the end names the keys that no part
// asked for, each with the nearest known one. Internal to config.cpp: the only users of toml++ are these files. Not
// thread-safe: one reading, one thread.
#pragma once

#include <toml++/toml.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/near_miss.h"

namespace hookspool::agent {

inline constexpr std::size_t kFaultsShownMax = 100;   // of one configuration
inline constexpr std::size_t kFaultBytesMax = 1'024;  // of one line; a key may be as long as the file

// Gathers faults in the order of the file, and the names of the keys that were looked for.
class FaultList {
 public:
  explicit FaultList(std::string file);
  // Of the file, absolute: what relative paths in it count from.
  const std::filesystem::path& folder() const { return folder_; }
  void add(const toml::source_region& where, const std::string& what);
  void add(const std::string& what);
  std::vector<std::string> sorted() const;
  bool empty() const { return faults_.empty(); }
  // Every key that a reader looked for, present or not: "intake.listen".
  void note_key(std::string name) { keys_.insert(std::move(name)); }
  const std::set<std::string>& keys() const { return keys_; }

 private:
  struct Fault {
    std::uint32_t line, column;
    std::string what;
  };
  std::string file_;
  std::filesystem::path folder_;
  std::vector<Fault> faults_;
  std::set<std::string> keys_;
};

class TableReader {
 public:
  // `table` may be nullptr (an absent section): every key is then absent. `prefix` is "intake." or "".
  TableReader(const toml::table* table, std::string prefix, FaultList& faults)
      : table_(table), prefix_(std::move(prefix)), faults_(faults) {}

  // Each leaves `out` alone where the key is absent or faulty, and remembers the key as known.
  bool text(std::string_view key, std::string& out);
  // A path, or a listener's address: relative paths count from the configuration's folder (config_place.h).
  bool path(std::string_view key, std::string& out);
  bool listen(std::string_view key, std::string& out);
  void boolean(std::string_view key, bool& out);
  void integer(std::string_view key, std::size_t& out, std::size_t least, std::size_t most);
  void duration(std::string_view key, std::chrono::milliseconds& out, std::chrono::milliseconds least,
                std::chrono::milliseconds most);
  void bytes(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most);
  void share(std::string_view key, double& out);  // 0.01 to 1
  const toml::array* array(std::string_view key);
  const toml::table* table(std::string_view key);
  // A key of the design that this version does not know how to serve: a clear fault instead of silence.
  void unsupported(std::string_view key, const std::string& instead);
  void known(std::string_view key) { (void)find(key); }  // its value is of no interest

  bool is_table(std::string_view key);  // where a key may be a text or a table
  bool has(std::string_view key) { return find(key) != nullptr; }
  bool is_text(std::string_view key);
  void fault(std::string_view key, const std::string& what);  // at the key's place
  void finish();                                              // names the unknown keys

 private:
  const toml::node* find(std::string_view key);
  const toml::table* table_;
  std::string prefix_;
  FaultList& faults_;
  std::vector<std::string> known_;
};

// Of several words, or a fault at `key` that names the nearest.
bool one_of(TableReader& reader, std::string_view key, const std::string& written,
            const std::vector<std::string>& words);

// The names of all keys that reading `toml` looks for, present or not and whatever its faults: "intake.listen",
// "sources.shop.verify". For comparing the documents with the reader. Empty where the text is not TOML.
std::set<std::string> keys_looked_for(const std::string& toml);

}  // namespace hookspool::agent

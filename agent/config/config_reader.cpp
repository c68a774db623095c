#include "agent/config/config_reader.h"

#include <algorithm>
#include <limits>

#include "agent/base/units.h"
#include "agent/config/config_place.h"
#include "storage/model/printable.h"

namespace hookspool::agent {

FaultList::FaultList(std::string file) : file_(std::move(file)) {
  std::error_code error;
  folder_ = std::filesystem::absolute(file_, error).parent_path();
}

void FaultList::add(const toml::source_region& where, const std::string& what) {
  faults_.push_back({where.begin.line, where.begin.column, what});
}

void FaultList::add(const std::string& what) {
  faults_.push_back({std::numeric_limits<std::uint32_t>::max(), 0, what});
}

std::vector<std::string> FaultList::sorted() const {
  auto faults = faults_;
  std::stable_sort(faults.begin(), faults.end(), [](const Fault& a, const Fault& b) {
    return std::pair(a.line, a.column) < std::pair(b.line, b.column);
  });
  std::vector<std::string> lines;
  for (const auto& fault : faults) {
    if (lines.size() == kFaultsShownMax) {
      lines.push_back(file_ + ": and " + std::to_string(faults.size() - kFaultsShownMax) + " more faults");
      break;
    }
    const bool placed = fault.line != std::numeric_limits<std::uint32_t>::max();
    lines.push_back(file_ + ":" +
                    (placed ? std::to_string(fault.line) + ":" + std::to_string(fault.column) + ": " : " ") +
                    printable(fault.what, kFaultBytesMax));
  }
  return lines;
}

const toml::node* TableReader::find(std::string_view key) {
  known_.emplace_back(key);
  faults_.note_key(prefix_ + std::string(key));
  return table_ == nullptr ? nullptr : table_->get(key);
}

void TableReader::fault(std::string_view key, const std::string& what) {
  const toml::node* node = table_ == nullptr ? nullptr : table_->get(key);
  const std::string line = prefix_ + std::string(key) + ": " + what;
  if (node != nullptr) {
    faults_.add(node->source(), line);
  } else if (table_ != nullptr) {
    faults_.add(table_->source(), line);
  } else {
    faults_.add(line);
  }
}

bool TableReader::text(std::string_view key, std::string& out) {
  const toml::node* node = find(key);
  if (node == nullptr) return false;
  if (const auto* value = node->as_string()) {
    out = value->get();
    return true;
  }
  fault(key, "needs a text in quotes");
  return false;
}

bool TableReader::path(std::string_view key, std::string& out) {
  std::string written;
  if (!text(key, written)) return false;
  auto resolved = resolved_path(written, faults_.folder());
  if (resolved) {
    out = std::move(*resolved);
  } else {
    fault(key, resolved.error());
  }
  return resolved.ok();
}

bool TableReader::listen(std::string_view key, std::string& out) {
  std::string written;
  if (!text(key, written)) return false;
  auto resolved = resolved_listen(written, faults_.folder());
  if (resolved) {
    out = std::move(*resolved);
  } else {
    fault(key, resolved.error());
  }
  return resolved.ok();
}

bool TableReader::is_text(std::string_view key) {
  const toml::node* node = find(key);
  return node != nullptr && node->is_string();
}

void TableReader::boolean(std::string_view key, bool& out) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  if (const auto* value = node->as_boolean()) {
    out = value->get();
  } else {
    fault(key, "needs true or false, without quotes");
  }
}

void TableReader::integer(std::string_view key, std::size_t& out, std::size_t least, std::size_t most) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const auto* value = node->as_integer();
  if (value != nullptr && value->get() >= 0 && static_cast<std::size_t>(value->get()) >= least &&
      static_cast<std::size_t>(value->get()) <= most) {
    out = static_cast<std::size_t>(value->get());
  } else {
    fault(key, "needs a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
}

void TableReader::duration(std::string_view key, std::chrono::milliseconds& out,
                           std::chrono::milliseconds least, std::chrono::milliseconds most) {
  std::string written;
  if (!text(key, written)) return;
  const auto parsed = parse_duration(written);
  if (parsed && *parsed >= least && *parsed <= most) {
    out = *parsed;
  } else {
    fault(key, "\"" + written + "\" is not a duration from " + format_duration(least) + " to " +
                   format_duration(most) + "; write a number and ms, s, m, h or d, as in \"30s\"");
  }
}

void TableReader::bytes(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most) {
  std::string written;
  if (!text(key, written)) return;
  const auto parsed = parse_bytes(written);
  if (parsed && *parsed >= least && *parsed <= most) {
    out = *parsed;
  } else {
    fault(key, "\"" + written + "\" is not a size from " + format_bytes(least) + " to " + format_bytes(most) +
                   "; write a number and KiB, MiB or GiB, as in \"1MiB\"");
  }
}

void TableReader::share(std::string_view key, double& out) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const auto value = node->value<double>();  // of a whole number too, but not of a text
  if (value && *value >= 0.01 && *value <= 1) {
    out = *value;
  } else {
    fault(key, "needs a share from 0.01 to 1, without quotes, as in 0.5");
  }
}

const toml::array* TableReader::array(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return nullptr;
  if (const auto* value = node->as_array()) return value;
  fault(key, "needs a list in square brackets");
  return nullptr;
}

bool TableReader::is_table(std::string_view key) {
  const toml::node* node = find(key);
  return node != nullptr && node->is_table();
}

const toml::table* TableReader::table(std::string_view key) {
  const toml::node* node = find(key);
  if (node == nullptr) return nullptr;
  if (const auto* value = node->as_table()) return value;
  fault(key, "needs a table: write [" + prefix_ + std::string(key) + "]");
  return nullptr;
}

void TableReader::unsupported(std::string_view key, const std::string& instead) {
  known_.emplace_back(key);
  if (table_ != nullptr && table_->contains(key)) fault(key, "this version does not offer it; " + instead);
}

void TableReader::finish() {
  if (table_ == nullptr) return;
  for (const auto& [key, node] : *table_) {
    if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
    const std::string nearest = near_miss(key.str(), known_);
    faults_.add(key.source(), prefix_ + std::string(key.str()) + ": unknown key" +
                                  (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
  }
}

bool one_of(TableReader& reader, std::string_view key, const std::string& written,
            const std::vector<std::string>& words) {
  if (std::find(words.begin(), words.end(), written) != words.end()) return true;
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "\"" : ", \"") + word + "\"";
  const std::string nearest = near_miss(written, words);
  reader.fault(key, "\"" + written + "\" is none of " + all +
                        (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
  return false;
}

}  // namespace hookspool::agent

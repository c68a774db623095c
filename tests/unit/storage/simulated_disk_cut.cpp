// What is left of a simulated disk after the power was cut.
#include <algorithm>
#include <array>
#include <cassert>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

#include "tests/unit/storage/simulated_disk.h"
#include "tests/unit/storage/simulated_disk_state.h"

namespace hookspool::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSectorBytes = 512;

void write_file(const fs::path& file, const std::string& content) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + file.string());
}

}  // namespace

// Which of the changes that were not synced have reached the disk.
class SimulatedDisk::Fates {
 public:
  Fates(std::mt19937_64& random, std::uint64_t now) : random_(random) {
    kind_ = static_cast<Kind>(random_() % 6);
    share_percent_ = std::array<unsigned, 3>{20, 50, 80}[random_() % 3];
    torn_percent_ = std::array<unsigned, 3>{0, 30, 80}[random_() % 3];
    horizon_ = now - std::min<std::uint64_t>(now, random_() % 40);
  }
  bool survives(const NameChange& change) {
    switch (kind_) {
      case Kind::kNothing:
        return false;
      case Kind::kNames:
        return true;
      case Kind::kAll:
        return true;
      case Kind::kUpToATime:
        return change.time <= horizon_;
      case Kind::kNamesInOrder:
        return change.time <= horizon_;
      case Kind::kAny:
        return chance(share_percent_);
    }
    return false;
  }
  void settle(std::string& content, const Change& change) {
    const bool whole = kind_ == Kind::kAll || (kind_ == Kind::kUpToATime && change.time < horizon_);
    const bool none = kind_ == Kind::kNothing || kind_ == Kind::kNames ||
                      (kind_ == Kind::kUpToATime && change.time > horizon_);
    if (none || (!whole && !chance(share_percent_))) return;
    if (whole || change.is_size || !chance(torn_percent_)) return apply(content, change);
    if (chance(50)) {
      Change first = change;
      first.data.resize(random_() % (change.data.size() + 1));
      return apply(content, first);
    }
    for (std::uint64_t at = 0; at < change.data.size();) {
      const std::uint64_t size = kSectorBytes - (change.offset + at) % kSectorBytes;
      if (chance(50)) apply(content, {change.time, false, change.offset + at, change.data.substr(at, size)});
      at += size;
    }
  }

 private:
  enum class Kind { kNothing, kNames, kAll, kUpToATime, kNamesInOrder, kAny };
  bool chance(unsigned percent) { return random_() % 100 < percent; }

  std::mt19937_64& random_;
  Kind kind_;
  unsigned share_percent_;
  unsigned torn_percent_;
  std::uint64_t horizon_;
};

void SimulatedDisk::apply(std::string& content, const Change& change) {
  if (change.is_size) {
    content.resize(change.offset, '\0');
    return;
  }
  content.resize(std::max<std::size_t>(content.size(), change.offset + change.data.size()), '\0');
  std::copy(change.data.begin(), change.data.end(),
            content.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

void SimulatedDisk::apply(Names& names, const NameChange& change) {
  if (!change.gone.empty()) {
    const auto found = names.find(change.gone);
    if (found != names.end() && found->second == change.node) names.erase(found);
  }
  if (!change.made.empty()) names[change.made] = change.node;
}

void SimulatedDisk::power_cut() {
  const std::lock_guard lock(mutex_);
  assert(open_.empty());
  Fates fates(random_, changes_);
  auto rebuilt = std::make_shared<Node>();
  active_ = nullptr;
  for (const auto& entry : fs::directory_iterator(root_)) fs::remove_all(entry.path());
  rebuild(*tree_, root_, fates, *rebuilt);
  active_ = this;
  tree_ = rebuilt;
  frozen_ = false;
  freeze_at_ = 0;
}

void SimulatedDisk::rebuild(const Node& folder, const fs::path& path, Fates& fates, Node& result) {
  result.is_folder = true;
  Names names = folder.durable_names;
  for (const NameChange& change : folder.pending_names) {
    if (fates.survives(change)) apply(names, change);
  }
  std::set<const Node*> done;  // a later rename without the earlier one must not leave two names
  for (const auto& [name, node] : names) {
    if (!done.insert(node.get()).second && !node->linked) continue;
    const auto copy = std::make_shared<Node>();
    copy->name = name;
    if (node->is_folder) {
      fs::create_directory(path / name);
      rebuild(*node, path / name, fates, *copy);
    } else {
      copy->durable = node->durable;
      for (const Change& change : node->pending) fates.settle(copy->durable, change);
      write_file(path / name, copy->durable);
      if (trace_ != nullptr) {
        *trace_ << "  after the cut: " << name << ", " << copy->durable.size() << " bytes; "
                << node->durable.size() << " were synced, " << node->pending.size() << " changes not\n";
      }
    }
    result.names[name] = copy;
  }
  result.durable_names = result.names;
}

std::string SimulatedDisk::divergence() const {
  const std::lock_guard lock(mutex_);
  std::string differences;
  active_ = nullptr;
  compare(*tree_, root_, differences);
  active_ = const_cast<SimulatedDisk*>(this);
  return differences;
}

void SimulatedDisk::compare(const Node& folder, const fs::path& path, std::string& differences) const {
  std::size_t found = 0;
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename();
    const auto known = folder.names.find(name);
    if (known == folder.names.end()) {
      differences += entry.path().string() + " came unseen; ";
      continue;
    }
    ++found;
    const Node& node = *known->second;
    if (node.is_folder) {
      compare(node, entry.path(), differences);
    } else if (!node.diverged && !name.ends_with("-shm")) {
      std::string expected = node.durable;
      for (const Change& change : node.pending) apply(expected, change);
      std::ifstream stream(entry.path(), std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
      if (content != expected) differences += entry.path().string() + " changed unseen; ";
    }
  }
  if (found != folder.names.size()) differences += "a file of " + path.string() + " went unseen; ";
}

}  // namespace hookspool::testing

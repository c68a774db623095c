#include "tests/unit/storage/simulated_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <system_error>

#include "tests/unit/storage/simulated_disk_state.h"

namespace hookspool::testing {
namespace {

namespace fs = std::filesystem;

fs::path make_root() {
  std::string name =
      fs::is_directory("/dev/shm") ? "/dev/shm/hookspool-disk-XXXXXX" : "/tmp/hookspool-disk-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
  return fs::canonical(name);
}

int failed(int error) {
  errno = error;
  return -1;
}

}  // namespace

std::atomic<SimulatedDisk*> SimulatedDisk::active_ = nullptr;

SimulatedDisk::SimulatedDisk(std::uint64_t seed)
    : root_(make_root()), random_(seed), tree_(std::make_shared<Node>()) {
  tree_->is_folder = true;
  ::umask(S_IRWXG | S_IRWXO);  // as the agent: what a power cut leaves is made anew, and must be no finding
  SimulatedDisk* none = nullptr;
  if (!active_.compare_exchange_strong(none, this)) std::abort();
}

SimulatedDisk::~SimulatedDisk() {
  active_ = nullptr;
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

SimulatedDisk* SimulatedDisk::active() {
  return active_.load();
}

void SimulatedDisk::freeze_at(std::uint64_t nth_change) {
  const std::lock_guard lock(mutex_);
  freeze_at_ = nth_change == 0 ? 0 : changes_ + nth_change;
}

void SimulatedDisk::freeze() {
  const std::lock_guard lock(mutex_);
  frozen_ = true;
}

bool SimulatedDisk::frozen() const {
  const std::lock_guard lock(mutex_);
  return frozen_;
}

std::uint64_t SimulatedDisk::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

void SimulatedDisk::after_kill() {
  const std::lock_guard lock(mutex_);
  assert(open_.empty());
  frozen_ = false;
  freeze_at_ = 0;
}

void SimulatedDisk::fail(const DiskFault& fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  calls_.fill(0);
}

void SimulatedDisk::heal() {
  const std::lock_guard lock(mutex_);
  fault_.reset();
  calls_.fill(0);
}

std::uint64_t SimulatedDisk::calls(DiskCall call) const {
  const std::lock_guard lock(mutex_);
  return calls_.at(static_cast<std::size_t>(call));
}

std::uint64_t SimulatedDisk::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

void SimulatedDisk::lie_about_syncs_of(std::optional<std::string> name_end) {
  const std::lock_guard lock(mutex_);
  lying_about_ = std::move(name_end);
}

int SimulatedDisk::refuse(DiskCall call) {
  const std::uint64_t count = ++calls_.at(static_cast<std::size_t>(call));
  if (!fault_ || fault_->call != call) return 0;
  if (fault_->from_then_on ? count < fault_->nth : count != fault_->nth) return 0;
  ++faults_;
  return fault_->error;
}

int SimulatedDisk::refuse_change(const char* what, const std::string& name, std::uint64_t at,
                                 std::uint64_t size) {
  if (!frozen_ && freeze_at_ != 0 && changes_ + 1 >= freeze_at_) frozen_ = true;
  if (frozen_) return EIO;
  ++changes_;
  if (trace_ != nullptr)
    *trace_ << changes_ << ' ' << what << ' ' << name << ' ' << at << ' ' << size << '\n';
  return 0;
}

void SimulatedDisk::trace_to(std::ostream* stream) {
  const std::lock_guard lock(mutex_);
  trace_ = stream;
}

void SimulatedDisk::tell(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (trace_ != nullptr) *trace_ << what << '\n';
}

std::optional<SimulatedDisk::Place> SimulatedDisk::locate(std::string_view path) const {
  const std::string& root = root_.native();
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  Place place{tree_, {}};
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size());
    if (name.empty()) continue;
    if (!place.name.empty()) {
      const NodePtr folder = place.node();
      if (folder == nullptr || !folder->is_folder) return std::nullopt;  // the real call will say so
      place.folder = folder;
    }
    place.name = name;
  }
  if (const NodePtr node = place.node(); node != nullptr && node->is_folder) return Place{node, {}};
  return place;
}

SimulatedDisk::NodePtr SimulatedDisk::node_of(int fd) const {
  const auto found = open_.find(fd);
  return found == open_.end() ? nullptr : found->second;
}

std::optional<int> SimulatedDisk::open(const char* path, int flags, mode_t mode) {
  const std::lock_guard lock(mutex_);
  const std::optional<Place> place = locate(path);
  if (!place) return std::nullopt;
  if (const int error = refuse(DiskCall::kOpen)) return failed(error);
  NodePtr node = place->node();
  const bool making = node == nullptr && (flags & O_CREAT) != 0;
  const bool emptying = node != nullptr && !node->is_folder && (flags & O_TRUNC) != 0;
  if (making || emptying) {
    if (const int error = refuse_change(making ? "make" : "empty", place->name)) return failed(error);
  }
  const int fd = static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
  if (fd < 0) return fd;
  if (making) {
    node = std::make_shared<Node>();
    node->name = place->name;
    place->folder->names[place->name] = node;
    place->folder->pending_names.push_back({changes_, {}, place->name, node});
  }
  if (emptying) node->pending.push_back({changes_, true, 0, {}});
  open_[fd] = node;
  return fd;
}

void SimulatedDisk::close(int fd) {
  const std::lock_guard lock(mutex_);
  open_.erase(fd);
}

std::optional<ssize_t> SimulatedDisk::read(int fd) {
  const std::lock_guard lock(mutex_);
  if (node_of(fd) == nullptr) return std::nullopt;
  if (const int error = refuse(DiskCall::kRead)) return failed(error);
  return std::nullopt;
}

std::optional<ssize_t> SimulatedDisk::write(int fd, const void* data, std::size_t size,
                                            std::optional<off_t> offset) {
  const std::lock_guard lock(mutex_);
  const NodePtr node = node_of(fd);
  if (node == nullptr) return std::nullopt;
  if (const int error = refuse(DiskCall::kWrite)) return failed(error);
  if (const int error =
          refuse_change("write", node->name, static_cast<std::uint64_t>(offset.value_or(0)), size))
    return failed(error);
  const off_t at = offset ? *offset : ::lseek(fd, 0, SEEK_CUR);
  const ssize_t count =
      offset ? ::syscall(SYS_pwrite64, fd, data, size, at) : ::syscall(SYS_write, fd, data, size);
  if (count > 0) {
    node->pending.push_back({changes_, false, static_cast<std::uint64_t>(at),
                             std::string(static_cast<const char*>(data), static_cast<std::size_t>(count))});
  }
  return count;
}

std::optional<int> SimulatedDisk::truncate(int fd, off_t size) {
  const std::lock_guard lock(mutex_);
  const NodePtr node = node_of(fd);
  if (node == nullptr) return std::nullopt;
  if (const int error = refuse(DiskCall::kTruncate)) return failed(error);
  if (const int error = refuse_change("truncate", node->name, static_cast<std::uint64_t>(size)))
    return failed(error);
  const int result = static_cast<int>(::syscall(SYS_ftruncate, fd, size));
  if (result == 0) node->pending.push_back({changes_, true, static_cast<std::uint64_t>(size), {}});
  return result;
}

std::optional<int> SimulatedDisk::allocate(int fd, off_t end) {
  const std::lock_guard lock(mutex_);
  const NodePtr node = node_of(fd);
  if (node == nullptr) return std::nullopt;
  if (const int error = refuse(DiskCall::kAllocate)) return failed(error);
  if (const int error = refuse_change("allocate", node->name, static_cast<std::uint64_t>(end)))
    return failed(error);
  struct stat status {};
  if (::fstat(fd, &status) != 0) return -1;
  if (end <= status.st_size) return 0;
  const int result = static_cast<int>(::syscall(SYS_ftruncate, fd, end));
  if (result == 0) node->pending.push_back({changes_, true, static_cast<std::uint64_t>(end), {}});
  return result;
}

std::optional<int> SimulatedDisk::sync(int fd) {
  const std::lock_guard lock(mutex_);
  const NodePtr node = node_of(fd);
  if (node == nullptr) return std::nullopt;
  if (const int error = refuse(DiskCall::kSync)) {
    if (trace_ != nullptr) *trace_ << "sync of " << node->name << " fails\n";
    lose_part(*node);
    return failed(error);
  }
  if (const int error = refuse_change("sync", node->name)) return failed(error);
  if (!lying_about_ || !std::string_view(node->name).ends_with(*lying_about_)) make_durable(*node);
  return 0;
}

std::optional<int> SimulatedDisk::rename(const char* from, const char* to) {
  const std::lock_guard lock(mutex_);
  const std::optional<Place> source = locate(from);
  const std::optional<Place> target = locate(to);
  if (!source || !target) return std::nullopt;
  assert(source->folder == target->folder);  // nothing in the journal moves between folders
  if (const int error = refuse(DiskCall::kRename)) return failed(error);
  if (const int error = refuse_change("rename", target->name)) return failed(error);
  const NodePtr node = source->node();
  const int result = static_cast<int>(::syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
  if (result == 0) {
    const NameChange change{changes_, source->name, target->name, node};
    apply(source->folder->names, change);
    source->folder->pending_names.push_back(change);
  }
  return result;
}

std::optional<int> SimulatedDisk::link(const char* from, const char* to) {
  const std::lock_guard lock(mutex_);
  const std::optional<Place> source = locate(from);
  const std::optional<Place> target = locate(to);
  if (!source || !target) return std::nullopt;
  if (const int error = refuse(DiskCall::kRename)) return failed(error);
  if (const int error = refuse_change("link", target->name)) return failed(error);
  const NodePtr node = source->node();
  const int result = static_cast<int>(::syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0));
  if (result == 0) {
    node->linked = true;
    const NameChange change{changes_, {}, target->name, node};
    apply(target->folder->names, change);
    target->folder->pending_names.push_back(change);
  }
  return result;
}

std::optional<int> SimulatedDisk::unlink(const char* path) {
  const std::lock_guard lock(mutex_);
  const std::optional<Place> place = locate(path);
  if (!place) return std::nullopt;
  const NodePtr node = place->node();
  if (node == nullptr) return failed(ENOENT);
  if (const int error = refuse(DiskCall::kUnlink)) return failed(error);
  if (const int error = refuse_change("unlink", place->name)) return failed(error);
  const int result = static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
  if (result == 0) {
    const NameChange change{changes_, place->name, {}, node};
    apply(place->folder->names, change);
    place->folder->pending_names.push_back(change);
  }
  return result;
}

std::optional<int> SimulatedDisk::make_folder(const char* path, mode_t mode) {
  const std::lock_guard lock(mutex_);
  const std::optional<Place> place = locate(path);
  if (!place) return std::nullopt;
  if (place->node() != nullptr) return failed(EEXIST);
  if (const int error = refuse(DiskCall::kMakeFolder)) return failed(error);
  if (const int error = refuse_change("mkdir", place->name)) return failed(error);
  const int result = static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
  if (result == 0) {
    const auto node = std::make_shared<Node>();
    node->name = place->name;
    node->is_folder = true;
    const NameChange change{changes_, {}, place->name, node};
    apply(place->folder->names, change);
    place->folder->pending_names.push_back(change);
  }
  return result;
}

void SimulatedDisk::make_durable(Node& node) {
  for (const Change& change : node.pending) apply(node.durable, change);
  for (const NameChange& change : node.pending_names) apply(node.durable_names, change);
  node.pending.clear();
  node.pending_names.clear();
}

void SimulatedDisk::lose_part(Node& node) {
  for (const Change& change : node.pending) {
    if (random_() % 2 == 0) {
      apply(node.durable, change);
    } else {
      node.diverged = true;
    }
  }
  node.pending.clear();
}

}  // namespace hookspool::testing

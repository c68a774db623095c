// A disk whose power can be cut, for tests of the storage code as it is linked into the agent.
//
// The test program defines open, pwrite, rename, unlink, fsync and the like itself (simulated_disk_calls.cpp), so what
// SQLite's own VFS does and what the storage code does with libc directly pass through here, in one order. Every change
// below root() is made at once in a folder in memory (that is the page cache, which all reads see) and remembered
// until a sync of its file, or for names of their folder, makes it durable. power_cut() rebuilds the folder from what
// was durable and a random part of the rest: any subset in any order, writes torn at sectors of 512 bytes or anywhere,
// sizes and names included. Nothing is assumed that POSIX does not promise, but that a rename is atomic.
//
// A failed sync does what Linux does: some of the pages have reached the disk, the others never will, and no later
// sync says so.
//
// One disk at a time in a process. Thread-safe, but power_cut(), after_kill() and the destructor, which need every
// file closed. Memory mapped files are not followed: of SQLite that is the -shm file, which it rebuilds.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hookspool::testing {

enum class DiskCall { kOpen, kRead, kWrite, kSync, kTruncate, kAllocate, kRename, kUnlink, kMakeFolder };
inline constexpr std::array<std::pair<DiskCall, const char*>, 9> kDiskCalls = {{
    {DiskCall::kOpen, "open"},
    {DiskCall::kRead, "read"},
    {DiskCall::kWrite, "write"},
    {DiskCall::kSync, "sync"},
    {DiskCall::kTruncate, "truncate"},
    {DiskCall::kAllocate, "allocate"},
    {DiskCall::kRename, "rename"},
    {DiskCall::kUnlink, "unlink"},
    {DiskCall::kMakeFolder, "mkdir"},
}};

struct DiskFault {
  DiskCall call = DiskCall::kWrite;
  std::uint64_t nth = 1;  // counted from fail() on
  bool from_then_on = false;
  int error = EIO;
};

class SimulatedDisk {
 public:
  explicit SimulatedDisk(std::uint64_t seed);
  ~SimulatedDisk();
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  const std::filesystem::path& root() const { return root_; }

  // From the given change on (1 is the next one; 0: never) the disk is frozen: every change fails with EIO.
  void freeze_at(std::uint64_t nth_change);
  void freeze();
  bool frozen() const;
  std::uint64_t changes() const;  // since the beginning

  // The process is gone, its files are as it left them.
  void after_kill();
  // The machine lost power and is back.
  void power_cut();

  void fail(const DiskFault& fault);
  void heal();
  std::uint64_t calls(DiskCall call) const;  // since fail() or heal()
  std::uint64_t faults() const;              // how many calls have failed by a fault, since the beginning

  // Writes each change, and whatever else is noted, to a stream.
  void trace_to(std::ostream* stream);
  void tell(const std::string& what);

  // Syncs of names that end so answer 0 and do nothing ("" means all): to see a test fail.
  void lie_about_syncs_of(std::optional<std::string> name_end);

  // Empty, or how the files in the folder differ from what was seen of them: then a call was not caught.
  std::string divergence() const;

  // What the intercepted calls do; -1 and errno like those. nullopt: not of this disk.
  static SimulatedDisk* active();
  std::optional<int> open(const char* path, int flags, mode_t mode);
  void close(int fd);
  std::optional<ssize_t> read(int fd);  // only whether it fails
  std::optional<ssize_t> write(int fd, const void* data, std::size_t size, std::optional<off_t> offset);
  std::optional<int> truncate(int fd, off_t size);
  std::optional<int> allocate(int fd, off_t end);
  std::optional<int> sync(int fd);
  std::optional<int> rename(const char* from, const char* to);
  std::optional<int> link(const char* from, const char* to);
  std::optional<int> unlink(const char* path);
  std::optional<int> make_folder(const char* path, mode_t mode);

 private:
  struct Node;
  using NodePtr = std::shared_ptr<Node>;
  using Names = std::map<std::string, NodePtr, std::less<>>;
  struct Change;
  struct NameChange;
  struct Place;
  class Fates;

  std::optional<Place> locate(std::string_view path) const;
  NodePtr node_of(int fd) const;
  int refuse(DiskCall call);  // 0, or the error that the call ends with
  int refuse_change(const char* what, const std::string& name, std::uint64_t at = 0, std::uint64_t size = 0);
  void make_durable(Node& node);
  void lose_part(Node& node);
  void rebuild(const Node& folder, const std::filesystem::path& path, Fates& fates, Node& result);
  void compare(const Node& folder, const std::filesystem::path& path, std::string& differences) const;
  static void apply(std::string& content, const Change& change);
  static void apply(Names& names, const NameChange& change);

  static std::atomic<SimulatedDisk*> active_;

  std::filesystem::path root_;
  mutable std::mutex mutex_;
  // All below is guarded by mutex_.
  std::mt19937_64 random_;
  NodePtr tree_;
  std::map<int, NodePtr> open_;
  std::uint64_t changes_ = 0;  // also the time of a change
  std::uint64_t freeze_at_ = 0;
  bool frozen_ = false;
  std::optional<DiskFault> fault_;
  std::array<std::uint64_t, kDiskCalls.size()> calls_{};
  std::uint64_t faults_ = 0;
  std::optional<std::string> lying_about_;
  std::ostream* trace_ = nullptr;
};

}  // namespace hookspool::testing

// What a simulated disk knows of its files and folders. Internal to simulated_disk*.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/unit/storage/simulated_disk.h"

namespace hookspool::testing {

struct SimulatedDisk::Change {
  std::uint64_t time = 0;
  bool is_size = false;  // the file gets `offset` as its size
  std::uint64_t offset = 0;
  std::string data{};
};

struct SimulatedDisk::NameChange {
  std::uint64_t time = 0;
  std::string gone{};  // empty: none
  std::string made{};  // empty: none
  NodePtr node{};
};

struct SimulatedDisk::Node {
  std::string name{};  // the first it had; to tell which one it is
  bool is_folder = false;
  // A file's.
  std::string durable{};
  std::vector<Change> pending{};
  bool linked = false;    // it has had several names
  bool diverged = false;  // a failed sync lost some of it: the page cache holds more than the disk will get
  // A folder's.
  Names durable_names{};
  Names names{};
  std::vector<NameChange> pending_names{};
};

struct SimulatedDisk::Place {
  NodePtr folder;
  std::string name;  // empty: the folder itself
  NodePtr node() const {
    if (name.empty()) return folder;
    const auto found = folder->names.find(name);
    return found == folder->names.end() ? nullptr : found->second;
  }
};

}  // namespace hookspool::testing

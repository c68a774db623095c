// A run: one file of keys in order, written once and never changed, with its filter and its fences behind them.
//
//   blocks   4096 bytes each: crc32c of the rest (4), entries in it (4), entries of 32 bytes (key, event id), zeros
//   fences   8 bytes a block: the first bytes of its first key
//   filter   32-byte blocks (key_filter.h)
//   footer   kFooterBytes: magic, entries, generation, first and last log it was made of, level, crc of fences and filter,
//            crc of the footer
//
// Numbers are little-endian, as both architectures are. A run gets its name only when all of it is durable, so one that is
// there was written whole: what does not hold then is damage (kCorrupt). Filter and fences stay in memory (about 13 bits a
// key); a look-up that the filter lets pass is one read of one block, whose checksum is compared.
//
// Internal to storage/dedupe. KeyRun is thread-safe (immutable); the others belong to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "storage/base/fd.h"
#include "storage/dedupe/key_filter.h"
#include "storage/model/journal_error.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

struct KeyEntry {
  Uuid key;
  Uuid event_id;
};
static_assert(sizeof(KeyEntry) == 32);

// What a run is of; also its file's name.
struct RunId {
  std::uint64_t generation = 0;
  std::uint64_t first_log = 0, last_log = 0;  // the logs whose keys are in it
  std::uint64_t level = 0;                    // how often they were merged

  std::string file_name() const;
  static std::optional<RunId> parse(const std::string& file_name);
};

inline constexpr std::size_t kRunBlockBytes = 4'096;
inline constexpr std::size_t kRunBlockEntries = (kRunBlockBytes - 8) / sizeof(KeyEntry);

struct RunBlock {
  std::uint32_t crc = 0;
  std::uint32_t count = 0;
  std::array<KeyEntry, kRunBlockEntries> entries{};
  std::array<std::byte, kRunBlockBytes - 8 - kRunBlockEntries * sizeof(KeyEntry)> unused{};

  std::uint32_t checksum() const;
};
static_assert(sizeof(RunBlock) == kRunBlockBytes);

class KeyRun {
 public:
  // kCorrupt: not a whole run. kIo: the disk does not give it at the moment, or it is no regular file.
  static JournalResult<std::shared_ptr<const KeyRun>> open(const std::filesystem::path& folder,
                                                           const RunId& id);
  KeyRun(const KeyRun&) = delete;
  KeyRun& operator=(const KeyRun&) = delete;

  // False: it is not there, which costs no read.
  bool may_contain(const Uuid& key) const { return filter_.may_contain(key); }
  // Nothing: not there. One read at most, in all but one of 10^19 cases.
  JournalResult<std::optional<Uuid>> find(const Uuid& key) const;

  const RunId& id() const { return id_; }
  std::uint64_t keys() const { return keys_; }
  std::uint64_t blocks() const { return fences_.size(); }
  const std::filesystem::path& path() const { return path_; }
  JournalResult<void> read_block(std::uint64_t number, RunBlock& block) const;

 private:
  friend class KeyRunWriter;
  KeyRun() = default;

  std::filesystem::path path_;
  Fd fd_;
  RunId id_;
  std::uint64_t keys_ = 0;
  std::vector<std::uint64_t> fences_;
  KeyFilter filter_;
};

// The keys of a run in their order.
class KeyRunReader {
 public:
  explicit KeyRunReader(std::shared_ptr<const KeyRun> run) : run_(std::move(run)) {}

  // The next entry; nothing after the last one.
  JournalResult<const KeyEntry*> next();

 private:
  std::shared_ptr<const KeyRun> run_;
  RunBlock block_;
  std::uint64_t next_block_ = 0;
  std::size_t next_entry_ = 0;
};

class KeyRunWriter {
 public:
  // `keys_max`: of the entries to come, for the size of the filter.
  KeyRunWriter(std::filesystem::path folder, const RunId& id, std::uint64_t keys_max);
  ~KeyRunWriter();  // removes what was not finished
  KeyRunWriter(const KeyRunWriter&) = delete;
  KeyRunWriter& operator=(const KeyRunWriter&) = delete;

  // REQUIRES: keys grow.
  JournalResult<void> add(const KeyEntry& entry);
  // Makes it durable under its name, the name too. No further call may follow.
  JournalResult<std::shared_ptr<const KeyRun>> finish();

 private:
  JournalResult<void> open();
  JournalResult<void> write_block();
  JournalResult<void> write_buffer();

  const std::filesystem::path folder_, temporary_;
  std::unique_ptr<KeyRun> run_;
  std::vector<RunBlock> buffer_;  // whole blocks, not yet written
  RunBlock block_;                // the one that is being filled
  std::uint64_t written_bytes_ = 0;
};

// A file that a writer did not finish.
bool is_unfinished_run(const std::string& file_name);

}  // namespace hookspool::storage

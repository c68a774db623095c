// The quarantine: a bounded store, apart from the journal's segments, of requests whose signature fitted no secret.
// Nothing in it was acknowledged: the senders got 401.
//
// Every client that can reach the listener can fill it, so every limit always holds: bytes and requests in all and of one
// source, and the file's own size. Eviction takes the oldest request of the *heaviest peer*: in one source the address
// that takes the most of what is short, in all the source that does. So an abusive address evicts its own entries before
// those of a sender that posts little. Below twice the file system's free_bytes_min nothing is kept at all.
//
// One SQLite file in the journal's folder, in WAL mode without a sync for each change: what was kept survives the end of
// the process; of a power cut it survives most. Thread-safe: one connection under a mutex. Errors come back as values. A
// damaged file is set aside as damaged-quarantine-N.db and a new one is begun; one that the disk does not give at the moment
// is left alone, and opening it fails.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/model/journal_error.h"
#include "storage/model/quarantined.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

class QuarantineStore {
 public:
  struct Limits {
    std::uint64_t requests_max = 10'000;
    std::uint64_t bytes_max = 64ull << 20;
    std::uint64_t source_requests_max = 1'000;
    std::uint64_t source_bytes_max = 16ull << 20;  // one request: a quarter of it
    std::uint64_t free_bytes_min = 256ull << 20;   // as the journal's
  };
  static constexpr std::size_t kShedMax =
      256;  // requests that one may displace; if that is not enough it is not kept
  static constexpr std::uint64_t kOverheadBytes = 256;  // what each counts beside its texts

  struct Opened {
    std::unique_ptr<QuarantineStore> store;
    std::vector<std::string> notes;  // what an operator should read
  };
  static bool exists(const std::filesystem::path& folder);
  static JournalResult<Opened> open(const std::filesystem::path& folder, Limits limits);
  ~QuarantineStore();
  QuarantineStore(const QuarantineStore&) = delete;
  QuarantineStore& operator=(const QuarantineStore&) = delete;

  struct Kept {
    bool kept = false;       // false: it is too large, or the disk has too little room
    std::uint64_t shed = 0;  // others that had to go for it
  };
  // Sets `bytes` itself.
  JournalResult<Kept> keep(Quarantined request);

  // Without headers and bodies, oldest first, of one source or (empty) of all; after `after`, at most `requests_max`.
  JournalResult<std::vector<Quarantined>> list(const std::string& source, const Uuid& after,
                                               std::size_t requests_max) const;
  JournalResult<std::optional<Quarantined>> find(const Uuid& id) const;
  // Answers those that were there.
  JournalResult<std::vector<Uuid>> remove(const std::vector<Uuid>& ids);
  JournalResult<std::uint64_t> remove_older(std::int64_t than_us);  // by received_at_us; answers how many

  // Before an event is appended to the journal, so that after a crash it is known whether it was.
  JournalResult<void> begin_admission(const Uuid& id, const Uuid& epoch, std::uint64_t seq);
  JournalResult<void> cancel_admission(const Uuid& id);
  JournalResult<std::vector<Quarantined>> admissions() const;  // those that were begun, whole

  // Known without asking the file.
  std::uint64_t count() const;
  std::uint64_t bytes() const;
  Limits limits() const;
  // Other limits from now on; what is kept beyond them goes when the next request comes. An error is about the file's
  // own size, which then keeps its old limit.
  JournalResult<void> set_limits(Limits limits);

 private:
  class Impl;
  explicit QuarantineStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hookspool::storage

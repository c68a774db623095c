// The local copy of the dead letters, so that they can be listed, shown and put back while PostgreSQL is away.
// PostgreSQL's table is the truth; this file may be deleted at any time and fills itself again.
//
// One small SQLite file beside the journal's segments. Thread-safe: one connection under a mutex. Errors come back as
// values. A damaged file is set aside as damaged-dead-letters-N.db and a new one is begun; one that the disk
// does not give at the moment is left alone and opened by the first call that succeeds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/model/dead_letter.h"
#include "storage/model/journal_error.h"
#include "storage/model/uuid.h"

namespace hookspool::storage {

class DeadLetterStore {
 public:
  static constexpr std::size_t kLettersMax = 10'000;  // the newest are kept
  static constexpr std::size_t kBodyBytesMax = 64u
                                               << 20;  // of all bodies; older ones keep their metadata only

  static constexpr std::size_t kTextBytesMax =
      16u << 20;  // of all the rest: texts, headers, and what a row takes
  static constexpr std::size_t kMessageBytesMax = 4096;  // of one; what is longer is cut

  struct Limits {
    std::size_t letters_max = kLettersMax;
    std::size_t body_bytes_max = kBodyBytesMax;
    std::size_t text_bytes_max = kTextBytesMax;
  };
  struct Opened {
    std::unique_ptr<DeadLetterStore> store;
    std::vector<std::string> notes;  // what an operator should read
  };
  // Fails for a file of a newer hookspool only.
  static JournalResult<Opened> open(const std::filesystem::path& folder);
  static JournalResult<Opened> open(const std::filesystem::path& folder, Limits limits);
  ~DeadLetterStore();
  DeadLetterStore(const DeadLetterStore&) = delete;
  DeadLetterStore& operator=(const DeadLetterStore&) = delete;

  // Replaces what is there under the same id.
  JournalResult<void> keep(const DeadLetter& letter);
  // Ids that are not there are no error.
  JournalResult<void> remove(const std::vector<Uuid>& ids);
  JournalResult<void> mark_put_back(const std::vector<Uuid>& ids);

  // Without bodies, oldest first, of one lane or (empty) of all; after `after`, at most `letters_max`.
  JournalResult<std::vector<DeadLetter>> list(const std::string& lane, const Uuid& after,
                                              std::size_t letters_max) const;
  JournalResult<std::optional<DeadLetter>> find(const Uuid& id) const;
  std::uint64_t count() const;  // known without asking the file

 private:
  class Impl;
  explicit DeadLetterStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hookspool::storage

// The pages of a segment's files as they lie on the disk, without SQLite: every image of every page that the
// database file and its WAL hold (sqlite.org/fileformat2.html sections 1.2 and 4).
//
// Internal to storage/. Not thread-safe. Never writes. What cannot be read counts as zeros. Memory: a few dozen
// bytes for each page image, whatever the files hold.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <unordered_map>
#include <vector>

#include "storage/base/fd.h"
#include "storage/model/journal_error.h"

namespace hookspool::storage {

inline constexpr std::size_t kSalvagePageBytes = 4096;
using SalvagePage = std::array<unsigned char, kSalvagePageBytes>;

// How far an image is trusted to be what a transaction committed.
enum class ImageTrust {
  kCommitted,  // a frame of the WAL at or before the last one that ended a transaction, with the same salts
  kDatabase,
  kStray,  // a frame after that, which may be of a transaction that was never ended
};

struct PageImage {
  ImageTrust trust = ImageTrust::kDatabase;
  std::uint32_t page = 0;  // from 1
  std::uint64_t offset = 0;
};

class SalvagePages {
 public:
  // `file`'s WAL lies beside it; either may be absent, but not both.
  static JournalResult<SalvagePages> open(const std::filesystem::path& file);
  SalvagePages(SalvagePages&&) = default;
  SalvagePages& operator=(SalvagePages&&) = delete;

  // Later ones of the same trust are newer.
  const std::vector<PageImage>& images() const { return images_; }
  void read(const PageImage& image, SalvagePage& page);

  // Where to look for the rest of a row that begins in an image: what a reader of the whole would see, what the
  // database file alone has, what any frame has.
  static constexpr int kViews = 3;
  std::optional<PageImage> find(std::uint32_t page, int view) const;

  std::uint64_t unreadable() const { return unreadable_; }  // pages that the disk did not give

 private:
  SalvagePages() = default;
  void index_database();
  void index_wal();

  Fd database_;
  Fd wal_;
  std::uint64_t database_bytes_ = 0;
  std::uint64_t wal_bytes_ = 0;
  std::vector<PageImage> images_;
  std::unordered_map<std::uint32_t, std::uint64_t> committed_, stray_;  // page -> offset in the WAL
  std::uint64_t unreadable_ = 0;
};

}  // namespace hookspool::storage

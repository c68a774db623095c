// Every event that can still be read from a segment, whatever has become of the file around it.
//
// Nothing of SQLite's structure is trusted: rows are found by what they look like in every image of every page, of
// the database file and of its WAL, and one is believed when its checksum fits, which needs the lane's name and the
// epoch. Those are looked for in the file and may be given.
//
// Internal to storage/. Not thread-safe. Never writes. Memory: one event and some dozen bytes for each row and page.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/model/event.h"
#include "storage/salvage/salvage_cells.h"
#include "storage/salvage/salvage_pages.h"

namespace hookspool::storage {

struct SalvageHints {
  std::vector<Uuid> epochs;
  std::vector<std::string> lanes;
};

class SalvageScan {
 public:
  // A row that is there and intact. In the order of epoch, lane and number.
  struct Row {
    Uuid epoch;
    std::string lane;
    std::uint64_t seq = 0;
  };
  // A row of which parts are there. What of this is right cannot be known.
  struct DamagedRow {
    std::string lane;  // empty: not known
    std::uint64_t seq = 0;
    Uuid id;
  };
  static constexpr std::size_t kHintsMax = 4096;  // of each kind
  static constexpr std::size_t kDamagedListedMax = 1000;
  static constexpr std::uint64_t kGuessesMax =
      2'000'000;  // of lane and epoch, in one file; a large row counts more
  // Overflow pages that are followed, for each page image of the file. A row's pages are its own, but in the WAL the page
  // where it begins may lie many times. What is beyond it counts as damaged.
  static constexpr std::uint64_t kFollowedPerImage = 256;

  static JournalResult<SalvageScan> scan(const std::filesystem::path& file, const SalvageHints& hints);

  std::size_t intact() const { return rows_.size(); }
  Row row(std::size_t index) const;
  // Again from the disk; nothing if it does not give the same bytes any more.
  std::optional<StoredEvent> read(std::size_t index);

  std::uint64_t damaged() const { return damaged_count_; }
  const std::vector<DamagedRow>& damaged_rows() const { return damaged_; }  // the first of them
  std::uint64_t pages() const { return pages_.images().size(); }
  std::uint64_t followed() const { return followed_; }  // overflow pages, again each time
  std::uint64_t unreadable_pages() const { return pages_.unreadable(); }

 private:
  // The page's remnants may hold a row whose key was overwritten in part, so what it is, is what its checksum says.
  struct Identity {
    std::uint16_t epoch = 0, lane = 0;  // in epochs_ and lanes_
    std::uint64_t seq = 0;
    auto operator<=>(const Identity&) const = default;
  };
  struct Place {
    PageImage image;
    std::int64_t key = 0;
    Uuid id;
    std::size_t at = 0;
    int view = 0;
  };
  explicit SalvageScan(SalvagePages pages) : pages_(std::move(pages)) {}
  void gather_hints(const SalvageHints& given);
  void add_epoch(const Uuid& epoch);
  void add_lane(const std::string& lane);
  void gather_rows();
  void consider(const PageImage& image, const SalvagePage& page, const EventCell& cell);
  std::optional<std::string> record(const SalvagePage& page, const EventCell& cell, int view);
  std::optional<Identity> prove(const EventCell& cell, const EventColumns& columns);
  StoredEvent event_of(const EventCell& cell, const EventColumns& columns) const;
  void sort_rows();

  SalvagePages pages_;
  std::vector<Uuid> epochs_;
  std::vector<std::string> lanes_;
  std::uint64_t guesses_left_ = kGuessesMax;
  std::uint64_t followed_ = 0;
  std::uint64_t follow_left_ = 0;                          // overflow pages
  std::size_t fitted_epoch_ = 0;                           // of the row before; mostly the only one of a file
  std::map<std::uint32_t, std::uint16_t> lane_of_number_;  // as a row has shown
  std::map<Identity, Place> found_;                        // the most trusted image's
  std::map<std::int64_t, Uuid> suspects_;                  // by key: rows whose checksum did not fit
  std::vector<std::pair<Identity, Place>> rows_;
  std::vector<DamagedRow> damaged_;
  std::uint64_t damaged_count_ = 0;
};

}  // namespace hookspool::storage

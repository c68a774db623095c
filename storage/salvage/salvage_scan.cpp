#include "storage/salvage/salvage_scan.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "storage/segment/row.h"

namespace hookspool::storage {
namespace {

constexpr std::size_t kSuspectsMax = 100'000;

}  // namespace

JournalResult<SalvageScan> SalvageScan::scan(const std::filesystem::path& file, const SalvageHints& hints) {
  auto pages = SalvagePages::open(file);
  if (!pages) return fail(pages.error());
  SalvageScan scan(std::move(*pages));
  scan.follow_left_ = kFollowedPerImage * scan.pages_.images().size();
  scan.gather_hints(hints);
  scan.gather_rows();
  scan.sort_rows();
  return scan;
}

void SalvageScan::add_epoch(const Uuid& epoch) {
  if (epoch.is_nil() || epochs_.size() >= kHintsMax) return;
  if (std::find(epochs_.begin(), epochs_.end(), epoch) == epochs_.end()) epochs_.push_back(epoch);
}

void SalvageScan::add_lane(const std::string& lane) {
  if (lane.empty() || lanes_.size() >= kHintsMax) return;
  if (std::find(lanes_.begin(), lanes_.end(), lane) == lanes_.end()) lanes_.push_back(lane);
}

void SalvageScan::gather_hints(const SalvageHints& given) {
  SalvagePage page;
  for (const PageImage& image : pages_.images()) {
    pages_.read(image, page);
    find_names(
        page, [&](const Uuid& epoch) { add_epoch(epoch); }, [&](const std::string& lane) { add_lane(lane); });
  }
  for (const Uuid& epoch : given.epochs) add_epoch(epoch);
  for (const std::string& lane : given.lanes) add_lane(lane);
}

void SalvageScan::gather_rows() {
  SalvagePage page;
  for (const PageImage& image : pages_.images()) {
    pages_.read(image, page);
    find_event_cells(page, [&](const EventCell& cell) { consider(image, page, cell); });
  }
}

void SalvageScan::consider(const PageImage& image, const SalvagePage& page, const EventCell& cell) {
  EventColumns columns;
  for (int view = 0; view < SalvagePages::kViews; ++view) {
    const auto bytes = record(page, cell, view);
    if (bytes && split_record(cell, *bytes, columns)) {
      if (const auto identity = prove(cell, columns)) {
        // Rows never change, so another image of the same trust says the same.
        const auto [known, is_new] = found_.try_emplace(*identity);
        if (is_new || known->second.image.trust > image.trust)
          known->second = {image, cell.key, columns.id, cell.at, view};
        return;
      }
    }
    if (cell.next_page == 0) break;  // whole in this page: the views do not differ
  }
  if (cell.whole_key && suspects_.size() < kSuspectsMax) suspects_.emplace(cell.key, cell.id);
}

// The part in the page, then the chain of overflow pages. What a damaged row claims is believed only as far as the file
// has pages, each of which is in a chain once.
std::optional<std::string> SalvageScan::record(const SalvagePage& page, const EventCell& cell, int view) {
  if (cell.record_bytes > pages_.images().size() * kSalvagePageBytes) return std::nullopt;
  std::unordered_set<std::uint32_t> followed;
  const auto* begin = reinterpret_cast<const char*>(page.data()) + cell.at;
  std::string bytes(begin, cell.local_bytes);
  std::uint32_t next = cell.next_page;
  SalvagePage overflow;
  while (bytes.size() < cell.record_bytes) {
    const auto image = pages_.find(next, view);
    if (!image || follow_left_ == 0 || !followed.insert(next).second) return std::nullopt;
    --follow_left_;
    ++followed_;
    pages_.read(*image, overflow);
    next = 0;
    for (std::size_t i = 0; i < 4; ++i) next = next << 8 | overflow[i];
    const std::size_t wanted = std::min<std::size_t>(cell.record_bytes - bytes.size(), overflow.size() - 4);
    bytes.append(reinterpret_cast<const char*>(overflow.data()) + 4, wanted);
  }
  return bytes;
}

StoredEvent SalvageScan::event_of(const EventCell& cell, const EventColumns& columns) const {
  StoredEvent stored;
  stored.id = columns.id;
  stored.seq = key_seq(cell.key);
  Event& event = stored.event;
  event.received_at_us = columns.received_at_us;
  const std::array<std::string*, 7> texts = {&event.delivery_id, &event.method,      &event.path,
                                             &event.query,       &event.remote_addr, &event.content_type,
                                             &event.headers};
  for (std::size_t i = 0; i < texts.size(); ++i) *texts[i] = columns.texts[i];
  event.body = columns.body;
  if (columns.again != 0) event.requeued_id = stored.id;
  event.dedupe_key = columns.dedupe_key;
  return stored;
}

// Tries the names that are known, those first that have fitted before.
std::optional<SalvageScan::Identity> SalvageScan::prove(const EventCell& cell, const EventColumns& columns) {
  StoredEvent stored = event_of(cell, columns);
  const auto number = static_cast<std::uint32_t>(static_cast<std::uint64_t>(cell.key) >> kSeqBits);
  const auto fits = [&](std::size_t epoch, std::size_t lane) {
    stored.epoch = epochs_[epoch];
    stored.event.lane = lanes_[lane];
    return static_cast<std::int64_t>(row_crc(stored, cell.format)) == columns.crc;
  };
  const auto identity = [&](std::size_t epoch, std::size_t lane) {
    lane_of_number_[number] = static_cast<std::uint16_t>(lane);
    fitted_epoch_ = epoch;
    return Identity{static_cast<std::uint16_t>(epoch), static_cast<std::uint16_t>(lane), stored.seq};
  };
  const auto known = lane_of_number_.find(number);
  const std::uint64_t cost = 1 + cell.record_bytes / (16 << 10);
  if (known != lane_of_number_.end() && !epochs_.empty() && fits(fitted_epoch_, known->second))
    return identity(fitted_epoch_, known->second);
  for (std::size_t epoch = 0; known != lane_of_number_.end() && epoch < epochs_.size(); ++epoch) {
    if (guesses_left_ < cost) break;
    guesses_left_ -= cost;
    if (fits(epoch, known->second)) return identity(epoch, known->second);
  }
  // A source's path mostly ends with its name.
  const std::size_t hints = lanes_.size();
  add_lane(columns.texts[2].substr(columns.texts[2].rfind('/') + 1));
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    for (std::size_t epoch = 0; epoch < epochs_.size() && guesses_left_ >= cost; ++epoch) {
      guesses_left_ -= cost;
      if (fits(epoch, lane)) return identity(epoch, lane);
    }
  }
  lanes_.resize(hints);
  return std::nullopt;
}

void SalvageScan::sort_rows() {
  std::set<Uuid> intact;
  std::set<std::pair<std::uint16_t, std::uint64_t>> numbers;
  for (const auto& [identity, place] : found_) {
    intact.insert(place.id);
    numbers.emplace(identity.lane, identity.seq);
  }
  rows_.assign(found_.begin(), found_.end());
  found_.clear();
  std::stable_sort(rows_.begin(), rows_.end(), [&](const auto& a, const auto& b) {
    return std::tie(epochs_[a.first.epoch], lanes_[a.first.lane], a.first.seq) <
           std::tie(epochs_[b.first.epoch], lanes_[b.first.lane], b.first.seq);
  });
  for (const auto& [key, id] : suspects_) {
    const auto lane =
        lane_of_number_.find(static_cast<std::uint32_t>(static_cast<std::uint64_t>(key) >> kSeqBits));
    // A remnant of a row that is there whole.
    if (intact.contains(id)) continue;
    if (lane != lane_of_number_.end() && numbers.contains({lane->second, key_seq(key)})) continue;
    ++damaged_count_;
    if (damaged_.size() == kDamagedListedMax) continue;
    damaged_.push_back({lane == lane_of_number_.end() ? "" : lanes_[lane->second], key_seq(key), id});
  }
  suspects_.clear();
}

SalvageScan::Row SalvageScan::row(std::size_t index) const {
  const Identity& identity = rows_[index].first;
  return {epochs_[identity.epoch], lanes_[identity.lane], identity.seq};
}

std::optional<StoredEvent> SalvageScan::read(std::size_t index) {
  const auto& [identity, place] = rows_[index];
  SalvagePage page;
  pages_.read(place.image, page);
  follow_left_ =
      std::max<std::uint64_t>(follow_left_, pages_.images().size());  // this chain was followed before
  std::optional<StoredEvent> stored;
  find_event_cells(page, [&, found = place, who = identity](const EventCell& cell) {
    if (cell.at != found.at || cell.key != found.key) return;
    const auto bytes = record(page, cell, found.view);
    EventColumns columns;
    if (!bytes || !split_record(cell, *bytes, columns)) return;
    stored = event_of(cell, columns);
    stored->epoch = epochs_[who.epoch];
    stored->event.lane = lanes_[who.lane];
    if (static_cast<std::int64_t>(row_crc(*stored, cell.format)) != columns.crc) stored.reset();
  });
  return stored;
}

}  // namespace hookspool::storage

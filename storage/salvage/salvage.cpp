#include "storage/salvage/salvage.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include "storage/catalogue/catalogue.h"
#include "storage/catalogue/inspection.h"
#include "storage/catalogue/recovery.h"
#include "storage/file/folder.h"
#include "storage/salvage/salvage_scan.h"
#include "storage/salvage/salvage_segment.h"
#include "storage/segment/acked_record.h"

namespace hookspool::storage {
namespace {

constexpr std::size_t kReadEventsMax = 256;
constexpr std::size_t kReadBytesMax = 8u << 20;
constexpr std::size_t kMissingListedMax = 1000;

// The segment that a row goes into. One that owes its number is made anew with it. All others go into new segments,
// so that a lane's numbers there lie between those of two segments that are there: `pieces_before` tells which.
struct Target {
  std::uint64_t owing = 0;  // 0: none does
  Uuid epoch;
  std::size_t pieces_before = 0;
  auto operator<=>(const Target&) const = default;
};

// What a complete record says (acked_record.h).
struct Complete {
  std::uint64_t segment = 0;
  std::vector<AckedLane> lanes;
};

// The file that rows come from.
struct Source {
  std::optional<std::uint64_t> segment;      // that it was, by its name
  std::optional<std::uint64_t> free_number;  // of that one, for the segment that is made of it
};

class Salvage {
 public:
  Salvage(const SalvageOptions& options, const Folder& folder) : options_(options), folder_(folder) {}

  JournalResult<SalvageReport> run() {
    SalvageReport report;
    if (auto looked = look(); !looked) return fail(looked.error());
    // What a segment holds that cannot be read now is not known, and must be neither replaced nor taken for lost.
    if (!found_.unreadable.empty()) {
      const auto& [number, why] = *found_.unreadable.begin();
      return fail(JournalError{JournalError::Kind::kIo,
                               folder_.segment_file(number).string() + " cannot be read at the moment: " +
                                   why + ". Nothing was salvaged; run it again when the file can be read"});
    }
    report.notes = std::move(found_.notes);
    const auto listing = folder_.list();
    if (!listing) return fail(listing.error());
    std::vector<std::filesystem::path> files = options_.files;
    if (files.empty()) {
      for (const std::string& name : listing->set_aside) files.push_back(folder_.path() / name);
      for (const std::string& name : listing->foreign) {
        if (looks_like_segment(folder_.path() / name)) files.push_back(folder_.path() / name);
      }
    }
    for (const std::uint64_t number : found_.not_set_aside) {
      if (options_.files.empty()) files.push_back(folder_.segment_file(number));
    }
    std::sort(files.begin(), files.end());
    if (auto gathered = gather_hints(*listing); !gathered) return fail(gathered.error());
    for (const auto& file : options_.files) {
      if (auto gathered = gather_record_beside(file); !gathered) return fail(gathered.error());
    }
    for (const auto& file : files) {
      step_ = {&file, step_.number + 1, files.size(), 0};
      tell_step();
      auto salvaged = salvage_file(file, *listing);
      if (!salvaged) return fail(salvaged.error());
      report.files.push_back(std::move(*salvaged));
    }
    return report;
  }

 private:
  void tell_step() const {
    if (options_.on_step) options_.on_step({*step_.file, step_.number, step_.files, step_.events});
  }

  // As an opening does; a dry run looks at the same, and must not tidy it up.
  JournalResult<void> look() {
    const std::uint64_t greatest_number = found_.greatest_number;
    readers_.clear();
    catalogue_ = std::make_unique<Catalogue>(Uuid{});
    auto found =
        recover_segments(folder_, options_.vfs, *catalogue_, options_.dry_run ? Tidy::kNo : Tidy::kYes);
    if (!found) return fail(found.error());
    found_ = std::move(*found);
    found_.greatest_number = std::max(found_.greatest_number, greatest_number);
    return {};
  }

  // The records outlive what was set aside: with them rows are known whose file has lost all names.
  JournalResult<void> gather_hints(const Folder::Listing& listing) {
    hints_ = {options_.epochs, options_.lanes};
    for (const auto& [number, names] : listing.segments) {
      if (auto gathered = gather_record(folder_.acked_file(number), number); !gathered) return gathered;
    }
    for (const std::string& lane : catalogue_->lanes()) {
      hints_.lanes.push_back(lane);
      for (const LaneRun& run : catalogue_->runs(lane)) hints_.epochs.push_back(run.epoch);
    }
    return {};
  }

  // A file of another journal, which was copied here together with its record.
  JournalResult<void> gather_record_beside(const std::filesystem::path& segment) {
    const auto record = Folder::record_beside(segment);
    return record ? gather_record(record->file, record->number) : JournalResult<void>();
  }

  JournalResult<void> gather_record(const std::filesystem::path& file, std::uint64_t number) {
    const auto read = read_acked(file, number);
    if (!read) return fail(read.error());
    const std::optional<Acked>& acked = *read;
    if (!acked || acked->too_new) return {};
    if (acked->complete) complete_.emplace(acked->epoch, Complete{number, acked->lanes});
    hints_.epochs.push_back(acked->epoch);
    for (const AckedLane& lane : acked->lanes) hints_.lanes.push_back(lane.lane);
    return {};
  }

  JournalResult<SalvagedFile> salvage_file(const std::filesystem::path& file,
                                           const Folder::Listing& listing) {
    SalvagedFile result;
    result.file = file.string();
    auto scan = SalvageScan::scan(file, hints_);
    if (!scan) {
      result.error = scan.error().text;
      return result;
    }
    result.pages = scan->pages();
    result.unreadable_pages = scan->unreadable_pages();
    result.intact = scan->intact();
    result.damaged = scan->damaged();
    result.found = result.intact + result.damaged;
    for (const auto& row : scan->damaged_rows()) result.damaged_rows.push_back({row.lane, row.seq, row.id});
    const std::string name = file.filename().string();
    const bool set_aside = listing.set_aside.contains(name) && folder_.path() / name == file;
    Source source{number_of(file), set_aside ? free_number_of(name) : std::nullopt};
    if (auto imported = import(*scan, source, result); !imported) return fail(imported.error());
    if (options_.dry_run) return result;
    // Pages that the disk did not give may be given another time.
    const bool stranger = listing.foreign.contains(name) && folder_.path() / name == file;
    if ((set_aside || (stranger && result.intact > 0)) && result.unreadable_pages == 0) {
      auto renamed = folder_.set_salvaged(name);
      if (!renamed) return fail(renamed.error());
      result.renamed_to = std::move(*renamed);
    }
    return result;
  }

  // The number the file had, which keeps the epochs in their order.
  std::optional<std::uint64_t> free_number_of(const std::string& name) const {
    const auto number = Folder::number_set_aside(name);
    const bool free =
        number && catalogue_->lanes_of(*number).empty() && file_bytes(folder_.segment_file(*number)) == 0;
    return free ? number : std::nullopt;
  }

  std::optional<std::uint64_t> number_of(const std::filesystem::path& file) const {
    for (const std::uint64_t number : found_.not_set_aside) {
      if (folder_.segment_file(number) == file) return number;
    }
    const auto record = Folder::record_beside(file);
    return record ? std::optional(record->number) : std::nullopt;
  }

  // Its sender was answered with an error, and may have sent it again (complete_acked). An error ends an epoch, so such a
  // segment is the last one of its own; of a lane that its record does not name it holds nothing that was acknowledged.
  bool was_refused(const SalvageScan::Row& row, const Source& source) const {
    const auto found = complete_.find(row.epoch);
    if (found == complete_.end()) return false;
    for (const AckedLane& lane : found->second.lanes) {
      if (lane.lane == row.lane) return row.seq > lane.last_seq;
    }
    return source.segment == found->second.segment;
  }

  JournalResult<void> import(SalvageScan& scan, Source source, SalvagedFile& result) {
    std::map<Target, std::vector<std::size_t>> targets;
    for (std::size_t i = 0; i < scan.intact(); ++i) {
      const SalvageScan::Row row = scan.row(i);
      if (was_refused(row, source)) {
        ++result.refused;
        continue;
      }
      const auto held = catalogue_->locate(row.lane, row.epoch, row.seq, 1);
      if (!held.empty()) {
        const auto there = readable(held.front(), row);
        if (!there) return fail(there.error());
        if (*there) ++result.already_there;
        if (*there) continue;
      }
      if (passed(row)) ++result.already_delivered;
      targets[held.empty() ? Target{0, row.epoch, catalogue_->pieces_before(row.lane, row.epoch, row.seq)}
                           : Target{held.front().file->number, row.epoch, 0}]
          .push_back(i);
    }
    for (const auto& [target, rows] : targets) {
      std::uint64_t number = target.owing;
      if (number == 0 && source.free_number) number = *std::exchange(source.free_number, std::nullopt);
      if (number == 0) number = ++found_.greatest_number;
      if (auto made = make(number, target, scan, rows, result); !made) return made;
    }
    // What was just written counts for the next file.
    return targets.empty() || options_.dry_run ? JournalResult<void>() : look();
  }

  // An error: the disk does not say at the moment.
  JournalResult<bool> readable(ReadSlice slice, const SalvageScan::Row& row) {
    if (is_lost(slice)) return false;
    slice.last_seq = slice.first_seq;
    std::vector<EventPtr> events;
    const auto got = read(slice, row.lane, row.epoch, events);
    if (!got && got.error().kind != JournalError::Kind::kCorrupt) return fail(got.error());
    return got.ok();
  }

  static bool is_lost(const ReadSlice& slice) {
    const auto lost_from = slice.file->lost_from.find(slice.lane_number);
    return lost_from != slice.file->lost_from.end() && slice.first_seq >= lost_from->second;
  }

  // Events before a failure are in `events`.
  JournalResult<void> read(const ReadSlice& slice, const std::string& lane, const Uuid& epoch,
                           std::vector<EventPtr>& events) {
    std::size_t bytes = 0;
    auto reader = readers_.take(slice.file);
    if (!reader) return fail(reader.error());
    auto read = (*reader)->read(slice, lane, epoch, kReadEventsMax, kReadBytesMax, events, bytes);
    if (read) readers_.put(std::move(*reader));
    return read;
  }

  // Nothing of it is to be seen under the segment's name before it is whole. A dry run only counts.
  JournalResult<void> make(std::uint64_t number, const Target& target, SalvageScan& scan,
                           const std::vector<std::size_t>& rows, SalvagedFile& result) {
    std::unique_ptr<SalvageSegment> segment;
    if (!options_.dry_run) {
      auto begun =
          SalvageSegment::begin(folder_, options_.vfs, {number, target.epoch, found_.greatest_id, true});
      if (!begun) return fail(begun.error());
      segment = std::move(*begun);
    }
    std::map<std::string, std::vector<std::uint64_t>> numbers;
    const auto add = [&](const StoredEvent& stored) {
      numbers[stored.event.lane].push_back(stored.seq);
      return segment == nullptr ? JournalResult<void>() : segment->add(stored);
    };
    std::vector<SegmentLane> owed;
    if (target.owing != 0) owed = catalogue_->lanes_of(target.owing);
    for (const SegmentLane& lane : owed) {
      if (segment != nullptr) {
        if (auto added = segment->add_lane(lane.lane, lane.number); !added) return added;
      }
      if (auto copied = copy(lane, target, add); !copied) return copied;
    }
    std::uint64_t imported = 0;
    for (const std::size_t row : rows) {
      const std::optional<StoredEvent> stored = scan.read(row);
      if (!stored) {  // the disk gave it a moment ago
        ++result.damaged;
        --result.intact;
        continue;
      }
      if (auto added = add(*stored); !added) return added;
      ++imported;
      ++step_.events;
      tell_step();
    }
    note_missing(numbers, owed, target.epoch, result);
    result.imported += imported;
    if (segment == nullptr) return {};
    if (auto added = add_cursors(*segment); !added) return added;
    if (auto finished = segment->finish(); !finished) return finished;
    if (auto published = publish(number); !published) return published;
    result.segments.push_back(folder_.segment_file(number).filename().string());
    return {};
  }

  // What the segment that is made anew has of the lane.
  template <class Add>
  JournalResult<void> copy(const SegmentLane& lane, const Target& target, const Add& add) {
    for (std::uint64_t seq = lane.first_seq; seq <= lane.last_seq;) {
      const auto slices = catalogue_->locate(lane.lane, target.epoch, seq, 1);
      if (slices.empty() || is_lost(slices.front())) return {};
      std::vector<EventPtr> events;
      const auto read_to_end = read(slices.front(), lane.lane, target.epoch, events);
      for (const EventPtr& event : events) {
        if (auto added = add(*event); !added) return added;
        seq = event->seq + 1;
      }
      if (!read_to_end) {
        // Nothing is left of the file but its record.
        if (known_bytes(slices.front().file->path) == std::uint64_t{0}) return {};
        if (read_to_end.error().kind != JournalError::Kind::kCorrupt) return read_to_end;
        ++seq;  // over the one that cannot be read
      }
    }
    return {};
  }

  JournalResult<void> add_cursors(SalvageSegment& segment) const {
    for (const std::string& lane : catalogue_->lanes()) {
      for (const LaneRun& run : catalogue_->runs(lane)) {
        if (run.confirmed.seq == 0) continue;
        if (auto added = segment.add(Cursor{run.epoch, lane, run.confirmed}); !added) return added;
      }
    }
    return {};
  }

  // Killed between the two renames, the next run finds what it needs among what was set aside.
  JournalResult<void> publish(std::uint64_t number) {
    readers_.clear();
    if (auto synced = folder_.sync_file(folder_.new_segment_file(number)); !synced) return synced;
    std::error_code ignored;
    std::optional<std::string> aside;
    if (std::filesystem::exists(folder_.segment_file(number), ignored)) {
      auto renamed = folder_.set_aside(number);
      if (!renamed) return fail(renamed.error());
      aside = std::move(*renamed);
    }
    if (auto published = folder_.publish_segment(number); !published) return published;
    if (auto synced = folder_.sync(); !synced) return synced;
    if (!aside) return {};
    auto renamed = folder_.set_salvaged(*aside);
    return renamed.ok() ? JournalResult<void>() : fail(renamed.error());
  }

  // Numbers that are owed, or lie between others, and are not in the segment that was made.
  static void note_missing(const std::map<std::string, std::vector<std::uint64_t>>& numbers,
                           const std::vector<SegmentLane>& owed, const Uuid& epoch, SalvagedFile& result) {
    std::map<std::string, std::vector<std::uint64_t>> there = numbers;
    for (const SegmentLane& lane : owed) {
      there[lane.lane].push_back(lane.first_seq - 1);
      there[lane.lane].push_back(lane.last_seq + 1);
    }
    for (auto& [lane, seqs] : there) {
      std::sort(seqs.begin(), seqs.end());
      for (std::size_t i = 1; i < seqs.size() && result.missing.size() < kMissingListedMax; ++i) {
        if (seqs[i] > seqs[i - 1] + 1) result.missing.push_back({lane, epoch, seqs[i - 1] + 1, seqs[i] - 1});
      }
    }
  }

  bool passed(const SalvageScan::Row& row) const {
    for (const LaneRun& run : catalogue_->runs(row.lane)) {
      if (run.epoch == row.epoch) return row.seq <= run.confirmed.seq;
    }
    return false;
  }

  // SalvageStep of the file in hand.
  struct {
    const std::filesystem::path* file = nullptr;
    std::size_t number = 0, files = 0;
    std::uint64_t events = 0;
  } step_;
  const SalvageOptions& options_;
  const Folder& folder_;
  std::unique_ptr<Catalogue> catalogue_ = std::make_unique<Catalogue>(Uuid{});
  ReaderPool readers_{options_.vfs};
  SalvageHints hints_;
  std::map<Uuid, Complete> complete_;  // by epoch
  RecoveryReport found_;
};

}  // namespace

JournalResult<SalvageReport> salvage(const SalvageOptions& options) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(options.folder / "lock", ignored)) {
    return fail(JournalError{JournalError::Kind::kNotFound,
                             "there is no journal in " + options.folder.string() +
                                 ": start hookspool once, or give the configuration that names its folder"});
  }
  const JournalResult<std::unique_ptr<Folder>> folder = Folder::open(options.folder);
  if (!folder) return fail(folder.error());
  return Salvage(options, **folder).run();
}

}  // namespace hookspool::storage

#include "storage/journal/journal.h"

#include <sqlite3.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "storage/base/mutex.h"
#include "storage/catalogue/catalogue.h"
#include "storage/catalogue/late_segments.h"
#include "storage/catalogue/recovery.h"
#include "storage/file/folder.h"
#include "storage/file/folder_mode.h"
#include "storage/journal/space.h"
#include "storage/journal/writer.h"
#include "storage/segment/row.h"
#include "storage/segment/segment_reader.h"

namespace hookspool::storage {
namespace {

constexpr std::string_view kAgentIdName = "agent-id";
constexpr std::size_t kAgentIdBytesMax = 200;

bool is_agent_id(std::string_view text) {
  return !text.empty() && text.size() <= kAgentIdBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

// The id under which PostgreSQL knows this journal's events: made once. A file that cannot be read as one is
// an error, for under another id nothing would be known of what was delivered.
JournalResult<std::string> agent_id_of(const Folder& folder, const JournalOptions& options) {
  if (!options.agent_id.empty()) return options.agent_id;
  const auto kept = folder.read_text(kAgentIdName);
  if (!kept) return fail(kept.error());
  if (kept->has_value()) {
    std::string text = **kept;
    if (text.ends_with('\n')) text.pop_back();
    if (is_agent_id(text)) return text;
    return fail(JournalError{JournalError::Kind::kCorrupt,
                             (folder.path() / kAgentIdName).string() +
                                 " holds no agent id: restore it, or give the id in the configuration"});
  }
  std::string made = random_uuid(options.random_bytes).to_string();
  if (const auto written = folder.write_text(kAgentIdName, made + "\n"); !written)
    return fail(written.error());
  return made;
}

}  // namespace

// The members are in the order of their dependence: the writer goes first, the lock last.
class Journal::Impl {
 public:
  Impl(JournalOptions given, std::unique_ptr<Folder> locked_folder, const Uuid& epoch)
      : options(std::move(given)),
        folder(std::move(locked_folder)),
        catalogue(epoch),
        readers(options.vfs),
        space(options, *folder, catalogue),
        late(*folder, options.vfs, catalogue) {
    space.set_drop([this](std::uint64_t number) { return drop(number); });
  }

  JournalResult<void> drop(std::uint64_t number) EXCLUDES(drop_mutex);

  const JournalOptions options;
  const std::unique_ptr<Folder> folder;
  std::string agent_id;
  Catalogue catalogue;
  ReaderPool readers;
  JournalSpace space;
  LateSegments late;
  std::uint64_t set_aside_files = 0;  // does not change after the opening
  Mutex drop_mutex;  // one drop at a time, so that two do not each rely on the other's segment
  std::unique_ptr<Writer> writer;
};

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Journal::~Journal() = default;

JournalResult<Journal::Opened> Journal::open(JournalOptions options) {
  options.lanes_max = std::min<std::size_t>(options.lanes_max, kLaneNumberMax);
  JournalResult<std::unique_ptr<Folder>> folder = Folder::open(options.folder);
  if (!folder) return fail(folder.error());
  const Uuid epoch = random_uuid(options.random_bytes);
  auto impl = std::make_unique<Impl>(std::move(options), std::move(*folder), epoch);

  const auto set_aside_before = impl->folder->list();
  JournalResult<RecoveryReport> found = recover_segments(*impl->folder, impl->options.vfs, impl->catalogue);
  if (!found) return fail(found.error());
  impl->late.wait_for(found->unreadable);
  std::vector<std::string> open_to_others = keep_from_others(impl->folder->path());
  std::move(open_to_others.begin(), open_to_others.end(), std::back_inserter(found->notes));
  if (const auto listing = impl->folder->list()) impl->set_aside_files = listing->set_aside.size();
  if (set_aside_before && !set_aside_before->set_aside.empty()) {
    found->notes.push_back(std::to_string(impl->set_aside_files) + " damaged files lie in " +
                           impl->folder->path().string() +
                           " (the first: " + *set_aside_before->set_aside.begin() +
                           "); events in them may be missing. Stop the agent and run hookspool salvage "
                           "--config ..., which takes out of them what can still be read");
  }
  impl->space.restore_reserve();
  JournalResult<std::string> agent_id = agent_id_of(*impl->folder, impl->options);
  if (!agent_id) return fail(agent_id.error());
  impl->agent_id = std::move(*agent_id);
  impl->writer =
      std::make_unique<Writer>(impl->options, *impl->folder, impl->catalogue, impl->readers, impl->space,
                               Writer::Start{{found->greatest_number + 1, found->greatest_id}, found->lost});
  Opened opened;
  opened.journal.reset(new Journal(std::move(impl)));
  opened.notes = std::move(found->notes);
  opened.losses = std::move(found->losses);
  opened.lost_ids = std::move(found->lost_ids);
  return opened;
}

const std::string& Journal::agent_id() const {
  return impl_->agent_id;
}

Uuid Journal::epoch() const {
  return impl_->catalogue.epoch();
}

JournalResult<EventPtr> Journal::append(Event event) {
  return impl_->writer->append(std::move(event));
}

void Journal::append(Event event, Appended appended) {
  impl_->writer->append(std::move(event), std::move(appended));
}

std::vector<std::string> Journal::lanes() const {
  return impl_->catalogue.lanes();
}

std::vector<LaneRun> Journal::runs(std::string_view lane) const {
  return impl_->catalogue.runs(lane);
}

JournalResult<std::vector<EventPtr>> Journal::read(std::string_view lane, const Uuid& epoch,
                                                   std::uint64_t from_seq, std::size_t events_max,
                                                   std::size_t bytes_max) const {
  events_max = std::max<std::size_t>(events_max, 1);
  const std::string name(lane);
  const auto not_retained = [&] {
    return fail(JournalError{JournalError::Kind::kNotFound,
                             "event " + std::to_string(from_seq) + " of lane '" + name + "', epoch " +
                                 epoch.to_string() + " is not in the journal"});
  };
  const std::vector<ReadSlice> slices = impl_->catalogue.locate(lane, epoch, from_seq, events_max);
  if (slices.empty()) return not_retained();
  std::vector<EventPtr> events;
  std::size_t bytes = 0;
  for (const ReadSlice& slice : slices) {
    const auto lost_from = slice.file->lost_from.find(slice.lane_number);
    if (lost_from != slice.file->lost_from.end() && slice.first_seq >= lost_from->second) {
      if (!events.empty()) break;
      return fail(JournalError{JournalError::Kind::kCorrupt,
                               "event " + std::to_string(from_seq) + " of lane '" + name + "', epoch " +
                                   epoch.to_string() + ", was acknowledged and is no longer in " +
                                   slice.file->path.string()});
    }
    JournalResult<std::unique_ptr<SegmentReader>> reader = impl_->readers.take(slice.file);
    if (!reader.ok() && impl_->space.release_reserve_if_full()) reader = impl_->readers.take(slice.file);
    JournalResult<void> read = reader.ok() ? JournalResult<void>() : fail(reader.error());
    if (read.ok()) read = (*reader)->read(slice, name, epoch, events_max, bytes_max, events, bytes);
    // A reader that failed is better made anew, but for one that cannot be.
    if (reader.ok() && (read.ok() || slice.file->parked.load())) impl_->readers.put(std::move(*reader));
    if (!read.ok()) {
      if (!events.empty()) break;
      if (slice.file->dropped.load()) return not_retained();
      return fail(read.error());
    }
    // Stopped by a limit, not by the end of the slice.
    if (events.size() >= events_max || events.back()->seq < slice.last_seq) break;
  }
  return events;
}

JournalResult<void> Journal::scan_dedupe_keys(std::uint64_t from_segment,
                                              const DedupeKeyVisitor& visit) const {
  JournalResult<void> result;
  for (const auto& file : impl_->catalogue.files(from_segment)) {
    std::error_code error;
    // Nothing is left of it but the record of what it held; the opening has told so.
    if (!file->lost_from.empty() && !std::filesystem::exists(file->path, error) && !error) continue;
    JournalResult<std::unique_ptr<SegmentReader>> reader = impl_->readers.take(file);
    JournalResult<void> scanned = reader.ok() ? (*reader)->scan_dedupe_keys(visit) : fail(reader.error());
    if (reader.ok() && (scanned.ok() || file->parked.load())) impl_->readers.put(std::move(*reader));
    if (scanned.ok() || file->dropped.load()) continue;
    // A segment that cannot be read at the moment weighs more than rows that never will be.
    if (result.ok() || result.error().kind == JournalError::Kind::kCorrupt) result = std::move(scanned);
  }
  return result;
}

JournalResult<std::uint64_t> Journal::next_readable(std::string_view lane, const Uuid& epoch,
                                                    std::uint64_t from_seq, std::size_t tries_max) const {
  std::uint64_t seq = from_seq;
  for (std::size_t tries = 0; tries < tries_max; ++tries) {
    const std::vector<ReadSlice> slices = impl_->catalogue.locate(lane, epoch, ++seq, 1);
    if (slices.empty()) return seq;
    const auto lost_from = slices.front().file->lost_from.find(slices.front().lane_number);
    if (lost_from != slices.front().file->lost_from.end() && seq >= lost_from->second) {
      seq = slices.front().last_seq;
      continue;
    }
    const auto event = read(lane, epoch, seq, 1, 1);
    if (event) return seq;
    if (event.error().kind != JournalError::Kind::kCorrupt) return fail(event.error());
  }
  return seq + 1;
}

void Journal::compared(std::string_view lane) {
  impl_->catalogue.compared(lane);
}

void Journal::confirm(std::string_view lane, const Uuid& epoch, Position position, bool rewind) {
  impl_->catalogue.confirm(lane, epoch, position, rewind);
}

JournalResult<void> Journal::save_cursors() {
  return impl_->writer->save_cursors();
}

std::vector<SegmentInfo> Journal::segments() const {
  return impl_->catalogue.segments();
}

JournalResult<void> Journal::Impl::drop(std::uint64_t number) {
  const MutexLock lock(drop_mutex);
  const JournalResult<Catalogue::Drop> drop = catalogue.begin_drop(number);
  if (!drop) return fail(drop.error());
  if (drop->uncovered_id) {
    const auto keep = [&] { return keep_greatest_id(*folder, *drop->uncovered_id); };
    if (auto kept = space.retry_without_reserve(keep); !kept) return kept;
  }
  if (auto marked = space.retry_without_reserve([&] { return folder->mark_dropped(number); }); !marked)
    return marked;
  drop->file->dropped = true;
  catalogue.forget(number);
  readers.forget(number);
  return folder->remove_dropped(number);
}

JournalResult<void> Journal::drop_segment(std::uint64_t number) {
  return impl_->drop(number);
}

JournalResult<std::optional<std::string>> Journal::read_note(std::string_view name) const {
  return impl_->folder->read_text("note-" + std::string(name));
}

JournalResult<void> Journal::write_note(std::string_view name, const std::string& text) {
  return impl_->space.retry_without_reserve(
      [&] { return impl_->folder->write_text("note-" + std::string(name), text); });
}

JournalResult<void> Journal::begin_epoch() {
  return impl_->writer->begin_epoch();
}

JournalResult<void> Journal::rotate() {
  return impl_->writer->rotate();
}

void Journal::set_quotas(const JournalOptions& options) {
  impl_->space.set_limits(options);
}

JournalStats Journal::stats() const {
  JournalStats stats = impl_->writer->figures();
  const auto unreadable = impl_->late.unreadable();
  stats.unreadable_segments = unreadable.size();
  if (!unreadable.empty()) {
    const auto& [number, why] = *unreadable.begin();
    stats.unreadable_because = impl_->folder->segment_file(number).string() + ": " + why;
  }
  stats.set_aside_files = impl_->set_aside_files;
  return stats;
}

Journal::Late Journal::try_unreadable() {
  const std::size_t before = impl_->late.unreadable().size();
  if (before == 0) return {};
  Late late{impl_->late.try_again(), false};
  late.found = impl_->late.unreadable().size() < before;
  return late;
}

std::vector<LaneUsage> Journal::lane_usages() const {
  return impl_->space.lane_usages();
}

JournalResult<void> Journal::close() {
  // Only the last connection to a segment takes its empty WAL away: let that be the writer's.
  impl_->readers.clear();
  return impl_->writer->close();
}

std::string sqlite_version() {
  return sqlite3_libversion();
}

}  // namespace hookspool::storage

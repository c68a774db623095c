#include "storage/journal/journal.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "storage/catalogue/recovery.h"
#include "storage/file/folder_mode.h"
#include "storage/journal/journal_parts.h"
#include "storage/segment/row.h"

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

Journal::Journal(std::unique_ptr<JournalParts> parts)
    : parts_(std::move(parts)), admin_(*parts_), notes_(*parts_->folder, parts_->space) {}

Journal::~Journal() = default;

JournalResult<Journal::Opened> Journal::open(JournalOptions options) {
  options.lanes_max = std::min<std::size_t>(options.lanes_max, kLaneNumberMax);
  JournalResult<std::unique_ptr<Folder>> folder = Folder::open(options.folder);
  if (!folder) return fail(folder.error());
  const Uuid epoch = random_uuid(options.random_bytes);
  auto parts = std::make_unique<JournalParts>(std::move(options), std::move(*folder), epoch);

  const auto set_aside_before = parts->folder->list();
  JournalResult<RecoveryReport> found =
      recover_segments(*parts->folder, parts->options.vfs, parts->catalogue);
  if (!found) return fail(found.error());
  parts->late.wait_for(found->unreadable);
  std::vector<std::string> open_to_others = keep_from_others(parts->folder->path());
  std::move(open_to_others.begin(), open_to_others.end(), std::back_inserter(found->notes));
  if (const auto listing = parts->folder->list()) parts->set_aside_files = listing->set_aside.size();
  if (set_aside_before && !set_aside_before->set_aside.empty()) {
    found->notes.push_back(std::to_string(parts->set_aside_files) + " damaged files lie in " +
                           parts->folder->path().string() +
                           " (the first: " + *set_aside_before->set_aside.begin() +
                           "); events in them may be missing. Stop the agent and run hookspool salvage "
                           "--config ..., which takes out of them what can still be read");
  }
  parts->space.restore_reserve();
  JournalResult<std::string> agent_id = agent_id_of(*parts->folder, parts->options);
  if (!agent_id) return fail(agent_id.error());
  parts->agent_id = std::move(*agent_id);
  parts->writer =
      std::make_unique<Writer>(parts->options, *parts->folder, parts->catalogue, parts->readers, parts->space,
                               Writer::Start{{found->greatest_number + 1, found->greatest_id}, found->lost});
  Opened opened;
  opened.journal.reset(new Journal(std::move(parts)));
  opened.notes = std::move(found->notes);
  opened.losses = std::move(found->losses);
  opened.lost_ids = std::move(found->lost_ids);
  return opened;
}

const std::string& Journal::agent_id() const {
  return parts_->agent_id;
}

Uuid Journal::epoch() const {
  return parts_->catalogue.epoch();
}

JournalResult<EventPtr> Journal::append(Event event) {
  return parts_->writer->append(std::move(event));
}

void Journal::append(Event event, Appended appended) {
  parts_->writer->append(std::move(event), std::move(appended));
}

std::vector<std::string> Journal::lanes() const {
  return parts_->catalogue.lanes();
}

std::vector<LaneRun> Journal::runs(std::string_view lane) const {
  return parts_->catalogue.runs(lane);
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
  const std::vector<ReadSlice> slices = parts_->catalogue.locate(lane, epoch, from_seq, events_max);
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
    JournalResult<std::unique_ptr<SegmentReader>> reader = parts_->readers.take(slice.file);
    if (!reader.ok() && parts_->space.release_reserve_if_full()) reader = parts_->readers.take(slice.file);
    JournalResult<void> read = reader.ok() ? JournalResult<void>() : fail(reader.error());
    if (read.ok()) read = (*reader)->read(slice, name, epoch, events_max, bytes_max, events, bytes);
    // A reader that failed is better made anew, but for one that cannot be.
    if (reader.ok() && (read.ok() || slice.file->parked.load())) parts_->readers.put(std::move(*reader));
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

JournalResult<std::uint64_t> Journal::next_readable(std::string_view lane, const Uuid& epoch,
                                                    std::uint64_t from_seq, std::size_t tries_max) const {
  std::uint64_t seq = from_seq;
  for (std::size_t tries = 0; tries < tries_max; ++tries) {
    const std::vector<ReadSlice> slices = parts_->catalogue.locate(lane, epoch, ++seq, 1);
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
  parts_->catalogue.compared(lane);
}

void Journal::confirm(std::string_view lane, const Uuid& epoch, Position position, bool rewind) {
  parts_->catalogue.confirm(lane, epoch, position, rewind);
}

JournalResult<void> Journal::begin_epoch() {
  return parts_->writer->begin_epoch();
}

JournalResult<void> Journal::close() {
  // Only the last connection to a segment takes its empty WAL away: let that be the writer's.
  parts_->readers.clear();
  return parts_->writer->close();
}

}  // namespace hookspool::storage

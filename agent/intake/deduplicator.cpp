#include "agent/intake/deduplicator.h"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>
#include <vector>

#include "agent/base/log.h"
#include "net/verify/digest.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kCatchUpBatch = 1024;  // keys of one write
constexpr std::string_view kLostNote = "lost-deliveries";

// Every UUIDv7 of a later millisecond is above it.
Uuid least_id_at(std::int64_t unix_us) {
  const auto unix_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(unix_us / 1'000, 0));
  Uuid id;
  for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(unix_ms >> (8 * (5 - i)));
  return id;
}

std::uint64_t newest_segment(const storage::JournalAdmin& journal) {
  std::uint64_t newest = 0;
  for (const auto& segment : journal.segments()) newest = std::max(newest, segment.number);
  return newest;
}

}  // namespace

Uuid dedupe_key(std::string_view source, std::string_view identity) {
  // No name of a source holds a zero, so its end is plain. Keys of the first kind had no "2".
  const std::array<std::string_view, 3> pieces{source, std::string_view("\0002\0", 3), identity};
  const auto digest = net::digest(net::Algorithm::kSha256, pieces);
  Uuid key;
  if (digest) std::copy_n(digest->begin(), key.bytes.size(), key.bytes.begin());
  return key;  // nil where the library fails: then nothing is taken for a repeat
}

// First of what is not in the index yet: a key goes from there only when it is in the index.
std::optional<Uuid> Deduplicator::known(std::string_view lane, const Uuid& key) const {
  const std::optional<Uuid> unwritten = writer_.find(key);
  const auto found = unwritten ? storage::JournalResult<std::optional<Uuid>>(unwritten) : index_.find(key);
  if (!found || !*found) return std::nullopt;
  const ReaderLock lock(lost_mutex_);
  return lost_.contains(lane, **found) ? std::nullopt : *found;
}

storage::JournalResult<void> Deduplicator::recall(const storage::JournalNotes& notes) {
  const MutexLock lock(note_mutex_);
  return read_note(notes);
}

// One that the disk does not give at the moment is read later, and not replaced by what is known without it.
storage::JournalResult<void> Deduplicator::read_note(const storage::JournalNotes& notes) {
  if (note_read_) return {};
  const auto text = notes.read(kLostNote);
  if (!text && text.error().kind != storage::JournalError::Kind::kCorrupt) return fail(text.error());
  note_read_ = true;
  if (!text) return fail(text.error());
  const WriterLock lock(lost_mutex_);
  lost_.add_all(LostDeliveries::parse(text->value_or("")));
  return {};
}

storage::JournalResult<void> Deduplicator::forget(storage::JournalNotes& notes,
                                                  std::span<const storage::LostIds> lost) {
  // What this life gives comes after this moment, unless the clock is set back by more than it took to get here.
  const Uuid now = least_id_at(time_.wall_clock_us());
  {
    const WriterLock lock(lost_mutex_);
    for (storage::LostIds ids : lost) {
      if (ids.before.is_nil()) ids.before = now;
      if (lost_.add(ids)) ++lost_changes_;
    }
  }
  return keep_note(notes);
}

// Several lanes' workers may come at once. Each writes the newest text, one after the other, or finds it written.
storage::JournalResult<void> Deduplicator::keep_note(storage::JournalNotes& notes) {
  const MutexLock one_writer(note_mutex_);
  if (const auto read = read_note(notes); !read) return read;
  std::string text;
  std::uint64_t changes = 0;
  {
    const ReaderLock lock(lost_mutex_);
    changes = lost_changes_;
    if (changes == note_written_) return {};
    text = lost_.text();
  }
  auto written = notes.write(kLostNote, text);
  if (written) note_written_ = changes;
  return written;
}

void Deduplicator::once(std::string_view lane, const Uuid& key, const Take& take, Done done) {
  {
    const MutexLock lock(mutex_);
    std::vector<Done>& waiting = flights_[key];
    waiting.push_back(std::move(done));
    if (waiting.size() > 1) return;
  }
  try {
    if (const std::optional<Uuid> id = known(lane, key)) return land(key, Taken{*id, true});
    take([this, key](const storage::JournalResult<EventPtr>& taken) {
      if (taken) return land(key, Taken{(*taken)->id, false});
      land(key, fail(taken.error()));
    });
  } catch (...) {
    // However a delivery ends, memory that runs out included, those that wait for it go on.
    land(key,
         fail(storage::JournalError{storage::JournalError::Kind::kNoMemory, "no memory to take an event"}));
    throw;
  }
}

void Deduplicator::land(const Uuid& key, const storage::JournalResult<Taken>& taken) {
  decltype(flights_)::node_type flight;
  {
    const MutexLock lock(mutex_);
    flight = flights_.extract(key);
  }
  if (flight.empty()) return;
  storage::JournalResult<Taken> answer = taken;
  for (const Done& done : flight.mapped()) {
    done(answer);
    if (answer) answer->duplicate = true;  // the others are repeats
  }
}

void Deduplicator::committed(std::span<const EventPtr> events) noexcept {
  try {
    std::vector<DedupeWriter::Entry> entries;
    for (const EventPtr& event : events) {
      const bool first_time = event->event.requeued_id.is_nil();
      if (first_time && !event->event.dedupe_key.is_nil())
        entries.push_back({event->event.dedupe_key, event->id});
    }
    if (writer_.add(entries) == 0 || dropped_.exchange(true)) return;
    log_warn(
        "dedupe: the index cannot keep up; what it lacks is read again from the journal, and until then a "
        "repeat of it is an event");
  } catch (const std::exception&) {
    dropped_ = true;
  }
}

// While an event was lost and its repeat taken, an older segment may still hold the first one's key.
bool Deduplicator::knows_at_least(const Uuid& key, const Uuid& id) const {
  if (const auto unwritten = writer_.find(key)) return *unwritten >= id;
  const auto found = index_.find(key);
  return found && *found && **found >= id;
}

// Of the segments that the index is not complete for.
storage::JournalResult<void> Deduplicator::scan(const storage::JournalAdmin& journal) {
  unreadable_segments_ =
      journal.stats().unreadable_segments;  // before: one that joins meanwhile is read once more
  std::vector<storage::DedupeIndex::Entry> entries;
  storage::JournalResult<void> put;
  const auto flush = [&] {
    if (put.ok()) put = index_.put(entries, time_.now());
    entries.clear();
  };
  const auto scanned =
      journal.scan_dedupe_keys(index_.complete_before(), [&](const Uuid& key, const Uuid& id) {
        if (!put.ok() || interrupted_ || knows_at_least(key, id)) return;
        entries.push_back({key, id});
        if (entries.size() == kCatchUpBatch) flush();
      });
  flush();
  if (!put) return put;
  scanned_ = true;
  // A row that cannot be trusted does not become readable; a file that cannot be opened at the moment may.
  // Of one without a record the journal does not even know that it was to be scanned.
  unread_ = interrupted_ || (!scanned && scanned.error().kind != storage::JournalError::Kind::kCorrupt) ||
            unreadable_segments_ > 0;
  read_again_ = time_.now() + limits_.read_again;
  return scanned;
}

storage::JournalResult<void> Deduplicator::catch_up(const storage::JournalAdmin& journal) {
  if (index_.failed()) {
    scanned_ = false;
    const auto opened = index_.reopen();
    if (!opened) return fail(opened.error());
    for (const std::string& note : *opened) log_warn("dedupe: " + note);
  }
  writer_.resume();
  if (dropped_.exchange(false)) scanned_ = false;
  // Numbers grow, and a segment is begun only when everything before it was handed to committed().
  const std::uint64_t newest = newest_segment(journal);
  storage::JournalResult<void> scanned;
  const bool joined = unread_ && journal.stats().unreadable_segments < unreadable_segments_;
  if (!scanned_ || joined || (unread_ && time_.now() >= read_again_)) scanned = scan(journal);
  // What was handed over has to be in the index as well. Where that takes long, a later call remembers it.
  if (!scanned_ || unread_ || newest == 0 || !writer_.flush(limits_.flush_max) || dropped_) return scanned;
  auto remembered = index_.set_complete_before(newest, time_.now());
  return scanned ? remembered : scanned;
}

storage::JournalResult<void> Deduplicator::begin(const storage::JournalAdmin& journal) {
  return index_.limit_complete_before(newest_segment(journal) + 1);
}

storage::JournalResult<void> Deduplicator::end(const storage::JournalAdmin& journal) {
  // What a failed write left behind may turn up in the next life, and was not handed to committed().
  if (!scanned_ || unread_ || index_.failed() || journal.stats().sealed_after_error > 0) return {};
  if (!writer_.flush(limits_.flush_max) || dropped_) return {};
  const std::uint64_t newest = newest_segment(journal);
  return newest > 0 ? index_.set_complete_before(newest + 1, time_.now()) : storage::JournalResult<void>();
}

}  // namespace hookspool::agent

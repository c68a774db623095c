#include "agent/deduplicator.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "agent/entropy.h"
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

std::uint64_t newest_segment(const storage::Journal& journal) {
  std::uint64_t newest = 0;
  for (const auto& segment : journal.segments()) newest = std::max(newest, segment.number);
  return newest;
}

}  // namespace

Uuid dedupe_key(std::string_view source, std::string_view delivery_id) {
  const std::array<std::string_view, 3> pieces{source, std::string_view("\0", 1), delivery_id};
  const auto digest = net::digest(net::Algorithm::kSha256, pieces);
  Uuid key;
  if (digest) std::copy_n(digest->begin(), key.bytes.size(), key.bytes.begin());
  return key;  // nil where the library fails: then nothing is taken for a repeat
}

std::optional<Uuid> Deduplicator::known(std::string_view lane, const Uuid& key) const {
  auto found = index_.find(key);
  if (!found || !*found) return std::nullopt;
  const std::shared_lock lock(lost_mutex_);
  return lost_.contains(lane, **found) ? std::nullopt : *found;
}

storage::JournalResult<void> Deduplicator::recall(const storage::Journal& journal) {
  const auto text = journal.read_note(kLostNote);
  if (!text) return fail(text.error());
  const std::unique_lock lock(lost_mutex_);
  lost_ = LostDeliveries::parse(text->value_or(""));
  return {};
}

storage::JournalResult<void> Deduplicator::forget(storage::Journal& journal,
                                                  std::span<const storage::LostIds> lost) {
  // What this life gives comes after this moment, unless the clock is set back by more than it took to get here.
  const Uuid now = least_id_at(wall_clock_us());
  std::string text;
  {
    const std::unique_lock lock(lost_mutex_);
    bool changed = false;
    for (storage::LostIds ids : lost) {
      if (ids.before.is_nil()) ids.before = now;
      changed = lost_.add(ids) || changed;
    }
    if (!changed) return {};
    text = lost_.text();
  }
  return journal.write_note(kLostNote, text);
}

void Deduplicator::once(std::string_view lane, const Uuid& key, const Take& take, Done done) {
  {
    const std::lock_guard lock(mutex_);
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
    land(key, fail(storage::JournalError{storage::JournalError::Kind::kLimit, "no memory to take an event"}));
    throw;
  }
}

void Deduplicator::land(const Uuid& key, const storage::JournalResult<Taken>& taken) {
  decltype(flights_)::node_type flight;
  {
    const std::lock_guard lock(mutex_);
    flight = flights_.extract(key);
  }
  if (flight.empty()) return;
  storage::JournalResult<Taken> answer = taken;
  for (const Done& done : flight.mapped()) {
    done(answer);
    if (answer) answer->duplicate = true;  // the others are repeats
  }
}

void Deduplicator::committed(std::span<const EventPtr> events) {
  std::vector<storage::DedupeIndex::Entry> entries;
  for (const EventPtr& event : events) {
    const bool first_time = event->event.again.is_nil();
    if (first_time && !event->event.dedupe_key.is_nil())
      entries.push_back({event->event.dedupe_key, event->id});
  }
  // A failure is counted by the index, which then stops until catch_up() has opened it again.
  if (!entries.empty()) (void)index_.put(entries, wall_clock_us());
}

storage::JournalResult<void> Deduplicator::catch_up(const storage::Journal& journal) {
  if (index_.failed()) {
    caught_up_ = false;
    if (auto opened = index_.reopen(); !opened) return opened;
  }
  // Numbers grow, and a segment is begun only when everything before it was handed to committed().
  const std::uint64_t newest = newest_segment(journal);
  if (!caught_up_) {
    std::vector<storage::DedupeIndex::Entry> entries;
    storage::JournalResult<void> put;
    const auto flush = [&] {
      if (put.ok()) put = index_.put(entries, wall_clock_us());
      entries.clear();
    };
    const auto scanned =
        journal.scan_dedupe_keys(index_.complete_before(), [&](const Uuid& key, const Uuid& id) {
          entries.push_back({key, id});
          if (entries.size() == kCatchUpBatch) flush();
        });
    flush();
    if (!put) return put;
    caught_up_ = true;
    if (!scanned) return scanned;  // told once: a row that cannot be read does not become readable
  }
  return newest > 0 ? index_.set_complete_before(newest, wall_clock_us()) : storage::JournalResult<void>();
}

storage::JournalResult<void> Deduplicator::begin(const storage::Journal& journal) {
  return index_.limit_complete_before(newest_segment(journal) + 1);
}

storage::JournalResult<void> Deduplicator::end(const storage::Journal& journal) {
  // What a failed write left behind may turn up in the next life, and was not handed to committed().
  if (!caught_up_ || index_.failed() || journal.stats().sealed_after_error > 0) return {};
  const std::uint64_t newest = newest_segment(journal);
  return newest > 0 ? index_.set_complete_before(newest + 1, wall_clock_us())
                    : storage::JournalResult<void>();
}

}  // namespace hookspool::agent

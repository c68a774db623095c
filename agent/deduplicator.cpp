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

}  // namespace

Uuid dedupe_key(std::string_view source, std::string_view delivery_id) {
  const std::array<std::string_view, 3> pieces{source, std::string_view("\0", 1), delivery_id};
  const auto digest = net::digest(net::Algorithm::kSha256, pieces);
  Uuid key;
  if (digest) std::copy_n(digest->begin(), key.bytes.size(), key.bytes.begin());
  return key;  // nil where the library fails: then nothing is taken for a repeat
}

std::optional<Uuid> Deduplicator::known(const Uuid& key) const {
  auto found = index_.find(key);
  return found ? *found : std::nullopt;
}

// However a delivery ends, memory that runs out included, those that wait for it go on.
class Deduplicator::Landing {
 public:
  Landing(Deduplicator& owner, const Uuid& key, std::shared_ptr<Flight> flight)
      : owner_(owner), key_(key), flight_(std::move(flight)) {}
  ~Landing() {
    const std::lock_guard lock(owner_.mutex_);
    flight_->ended = true;
    owner_.flights_.erase(key_);
    flight_->landed.notify_all();
  }
  Landing(const Landing&) = delete;
  Landing& operator=(const Landing&) = delete;

 private:
  Deduplicator& owner_;
  const Uuid key_;
  const std::shared_ptr<Flight> flight_;
};

storage::JournalResult<Deduplicator::Taken> Deduplicator::once(const Uuid& key, const Take& take) {
  auto flight = std::make_shared<Flight>();
  {
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto [other, is_first] = flights_.emplace(key, flight);
      if (is_first) break;
      const std::shared_ptr<Flight> ahead = other->second;
      ahead->landed.wait(lock, [&] { return ahead->ended; });
      if (ahead->id) return Taken{*ahead->id, true};
    }
  }
  const Landing landing(*this, key, flight);
  if (const std::optional<Uuid> id = known(key)) {
    flight->id = id;
    return Taken{*id, true};
  }
  const storage::JournalResult<EventPtr> taken = take();
  if (!taken) return fail(taken.error());
  flight->id = (*taken)->id;
  return Taken{(*taken)->id, false};
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
  std::uint64_t newest = 0;
  for (const auto& segment : journal.segments()) {
    newest = std::max(newest, segment.number);
  }
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
  return newest > 0 ? index_.set_complete_before(newest) : storage::JournalResult<void>();
}

}  // namespace hookspool::agent

// What a journal was asked and what it answered, and whether what it holds now agrees with that.
//
// The promises checked: an acknowledged event is there, once, byte for byte, under the identity it was
// acknowledged with, until it was confirmed and its segment dropped; so is, from then on, an event that any later
// opening has shown, because that one may have been delivered and its repeats answered; nothing is there that was not sent; numbers of a lane
// within an epoch have no gap; ids grow; a cursor is one that was confirmed, never ahead.
//
// Thread-safe. Problems are collected as text; none means that all is well.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "storage/journal/journal.h"

namespace hookspool::testing {

class JournalLedger {
 public:
  // An event like no other. Lanes, sizes and texts come from `random`.
  Event make_event(std::mt19937_64& random, std::int64_t received_at_us, std::size_t body_bytes);

  // Appends and keeps the answer. True if it was acknowledged.
  bool append(storage::Journal& journal, Event event);
  void confirm(storage::Journal& journal, const std::string& lane, const Uuid& epoch, Position position,
               bool rewind);
  // To be called before: what is confirmed now may be gone afterwards.
  void before_drop(const storage::Journal& journal);
  // Every event that was acknowledged or shown must be in it; what it shows beyond counts from now on.
  // What it finds missing counts only if `valid` still answers true at the end: a disk may go while it reads.
  void check(const storage::Journal& journal, const std::function<bool()>& valid);

  void problem(const std::string& text);
  std::vector<std::string> problems() const;
  std::size_t acknowledged() const;
  std::size_t recovered() const;  // shown although their answer was an error or none

 private:
  using Identity = std::tuple<std::string, Uuid, std::uint64_t>;  // lane, epoch, number
  struct Entry {
    Event event;
    bool acknowledged = false;
    bool placed = false;  // the identity is known: it was acknowledged, or shown
    Identity identity{};
    Uuid id;
    bool may_be_gone = false;
  };

  void place(Entry& entry, const std::string& token, const StoredEvent& stored);
  void check_run(const storage::Journal& journal, const std::string& lane, const storage::LaneRun& run,
                 std::set<std::string>& seen);
  void check_event(const StoredEvent& stored, std::set<std::string>& seen);
  void add_problem(const std::string& text);

  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // by delivery id
  std::map<Identity, std::string> owners_;
  std::map<std::pair<std::string, Uuid>, std::set<std::uint64_t>> confirmed_;  // every number that ever was
  Uuid greatest_id_;
  std::uint64_t events_made_ = 0;
  std::size_t acknowledged_ = 0;
  std::size_t recovered_ = 0;
  std::vector<std::string> problems_;
};

// Deterministic random bytes for ids and epochs.
RandomBytes seeded_random_bytes(std::uint64_t seed);

}  // namespace hookspool::testing

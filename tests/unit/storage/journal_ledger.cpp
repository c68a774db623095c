#include "tests/unit/storage/journal_ledger.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>

namespace hookspool::testing {
namespace {

using storage::Journal;
using storage::JournalResult;
using storage::LaneRun;

constexpr std::size_t kProblemsMax = 20;
constexpr std::size_t kReadEvents = 9;
constexpr std::size_t kReadBytes = 64 << 10;

bool same(const Event& a, const Event& b) {
  const auto fields = [](const Event& e) {
    return std::tie(e.lane, e.received_at_us, e.delivery_id, e.method, e.path, e.query, e.remote_addr,
                    e.content_type, e.headers, e.body, e.requeued_id.bytes);
  };
  return fields(a) == fields(b);
}

// Text in which every place tells whose it is and where.
std::string body_of(std::uint64_t token, std::size_t bytes) {
  std::string body;
  body.reserve(bytes + 24);
  while (body.size() < bytes) body += std::to_string(token) + "@" + std::to_string(body.size()) + ";";
  body.resize(bytes);
  return body;
}

}  // namespace

RandomBytes seeded_random_bytes(std::uint64_t seed) {
  struct Source {
    explicit Source(std::uint64_t seed_) : engine(seed_) {}
    std::mutex mutex;
    std::mt19937_64 engine;
  };
  return [source = std::make_shared<Source>(seed)](std::span<std::byte> bytes) {
    const std::lock_guard lock(source->mutex);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(source->engine());
  };
}

Event JournalLedger::make_event(std::mt19937_64& random, std::int64_t received_at_us,
                                std::size_t body_bytes) {
  static const std::vector<std::string> kLanes = {"a", "billing", "a lane with a longer name"};
  const std::lock_guard lock(mutex_);
  const std::uint64_t token = ++events_made_;
  Event event;
  event.lane = kLanes[random() % kLanes.size()];
  event.received_at_us = received_at_us;
  event.delivery_id = std::to_string(token);
  event.method = "POST";
  event.path = "/in/" + event.lane;
  event.query = random() % 2 == 0 ? "" : "n=" + event.delivery_id;
  event.remote_addr = "192.0.2.1";
  event.content_type = "application/json";
  event.headers = R"({"x-token":")" + event.delivery_id + R"("})";
  event.body = body_of(token, body_bytes);
  return event;
}

bool JournalLedger::append(Journal& journal, Event event) {
  const std::string token = event.delivery_id;
  Uuid greatest_before;
  {
    const std::lock_guard lock(mutex_);
    entries_[token].event = event;
    greatest_before = greatest_id_;
  }
  const JournalResult<EventPtr> answer = journal.append(std::move(event));
  if (!answer) return false;
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_.at(token);
  if (!same((*answer)->event, entry.event))
    add_problem("event " + token + " came back altered from append()");
  if (!((*answer)->id > greatest_before))
    add_problem("the id of event " + token + " is not above earlier ones");
  place(entry, token, **answer);
  entry.acknowledged = true;
  ++acknowledged_;
  return true;
}

void JournalLedger::place(Entry& entry, const std::string& token, const StoredEvent& stored) {
  entry.placed = true;
  entry.identity = Identity{stored.event.lane, stored.epoch, stored.seq};
  entry.id = stored.id;
  greatest_id_ = std::max(greatest_id_, stored.id);
  const auto [owner, is_new] = owners_.emplace(entry.identity, token);
  if (!is_new && owner->second != token) {
    add_problem("number " + std::to_string(stored.seq) + " of lane '" + stored.event.lane +
                "' was given to event " + owner->second + " and to event " + token);
  }
}

void JournalLedger::confirm(Journal& journal, const std::string& lane, const Uuid& epoch, Position position,
                            bool rewind) {
  const std::lock_guard lock(mutex_);
  confirmed_[{lane, epoch}].insert(position.seq);
  journal.confirm(lane, epoch, position, rewind);
}

void JournalLedger::before_drop(const Journal& journal) {
  const std::lock_guard lock(mutex_);
  std::map<std::pair<std::string, Uuid>, std::uint64_t> confirmed;
  for (const std::string& lane : journal.lanes()) {
    for (const LaneRun& run : journal.runs(lane)) confirmed[{lane, run.epoch}] = run.confirmed.seq;
  }
  for (auto& [token, entry] : entries_) {
    if (!entry.placed) continue;
    const auto& [lane, epoch, seq] = entry.identity;
    const auto found = confirmed.find({lane, epoch});
    if (found != confirmed.end() && seq <= found->second) entry.may_be_gone = true;
  }
}

void JournalLedger::check(const Journal& journal, const std::function<bool()>& valid) {
  const std::lock_guard lock(mutex_);
  const std::size_t problems_before = problems_.size();
  std::set<std::string> seen;
  for (const std::string& lane : journal.lanes()) {
    for (const LaneRun& run : journal.runs(lane)) check_run(journal, lane, run, seen);
  }
  for (const auto& [token, entry] : entries_) {
    if (entry.placed && !entry.may_be_gone && !seen.contains(token)) {
      add_problem("event " + token + " (number " + std::to_string(std::get<2>(entry.identity)) +
                  " of lane '" + entry.event.lane + "', epoch " + std::get<1>(entry.identity).to_string() +
                  ") was acknowledged or shown, and is gone");
    }
  }
  // The owners are sorted: within a lane and epoch each number must follow the one before.
  const Identity* before = nullptr;
  for (const auto& [identity, token] : owners_) {
    const auto& [lane, epoch, seq] = identity;
    const bool goes_on = before != nullptr && std::get<0>(*before) == lane && std::get<1>(*before) == epoch;
    if (seq != (goes_on ? std::get<2>(*before) + 1 : 1)) {
      add_problem("a gap before number " + std::to_string(seq) + " of lane '" + lane + "' (event " + token +
                  ")");
    }
    before = &identity;
  }
  if (!valid()) problems_.resize(problems_before);
}

void JournalLedger::check_run(const Journal& journal, const std::string& lane, const LaneRun& run,
                              std::set<std::string>& seen) {
  const auto confirmed = confirmed_.find({lane, run.epoch});
  const bool known = confirmed != confirmed_.end() && confirmed->second.contains(run.confirmed.seq);
  if (run.confirmed.seq != 0 && !known) {
    add_problem("the cursor of lane '" + lane + "' is at " + std::to_string(run.confirmed.seq) +
                ", which was never confirmed");
  }
  for (std::uint64_t next = run.first_seq; next <= run.last_seq;) {
    const auto events = journal.read(lane, run.epoch, next, kReadEvents, kReadBytes);
    if (!events) return add_problem("reading: " + events.error().text);
    for (const EventPtr& stored : *events) {
      if (stored->seq != next++ || stored->epoch != run.epoch || stored->event.lane != lane) {
        return add_problem("read() answers number " + std::to_string(stored->seq) + " for another one");
      }
      check_event(*stored, seen);
    }
  }
}

void JournalLedger::check_event(const StoredEvent& stored, std::set<std::string>& seen) {
  const std::string& token = stored.event.delivery_id;
  const auto found = entries_.find(token);
  if (found == entries_.end()) return add_problem("event '" + token + "' was never sent");
  Entry& entry = found->second;
  if (!same(stored.event, entry.event)) add_problem("event " + token + " was altered");
  if (!seen.insert(token).second) add_problem("event " + token + " is there twice");
  if (!entry.placed) {
    ++recovered_;
    place(entry, token, stored);
  }
  if (entry.identity != Identity{stored.event.lane, stored.epoch, stored.seq} || entry.id != stored.id) {
    add_problem("event " + token + " has another identity than it had");
  }
}

void JournalLedger::problem(const std::string& text) {
  const std::lock_guard lock(mutex_);
  add_problem(text);
}

void JournalLedger::add_problem(const std::string& text) {
  if (problems_.size() < kProblemsMax) problems_.push_back(text);
}

std::vector<std::string> JournalLedger::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

std::size_t JournalLedger::acknowledged() const {
  const std::lock_guard lock(mutex_);
  return acknowledged_;
}

std::size_t JournalLedger::recovered() const {
  const std::lock_guard lock(mutex_);
  return recovered_;
}

}  // namespace hookspool::testing

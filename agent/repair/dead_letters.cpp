#include "agent/repair/dead_letters.h"

#include <exception>
#include <latch>
#include <map>
#include <memory>

#include "agent/base/log.h"
#include "agent/base/wall_clock.h"
#include "agent/delivery/requeued_event.h"
#include "net/pg/delivery/copy_rows.h"
#include "net/pg/ledger/ledger.h"

namespace hookspool::agent {
namespace {

using storage::DeadLetterStore;

AdminError no_such_letter(const Uuid& id) {
  return {404, "there is no dead letter " + id.to_string(),
          "hookspool dead list shows those that there are."};
}

AdminError no_store() {
  return {503, "the local copy of the dead letters could not be opened when the agent started",
          "The agent's log says why. PostgreSQL has them, in the table dead_letters."};
}

}  // namespace

DeadLetters::DeadLetters(storage::Journal& journal, std::unique_ptr<DeadLetterStore> store, net::Pool* pool)
    : journal_(journal), store_(std::move(store)), pool_(pool) {}

DeadLetters::~DeadLetters() {
  ask_to_end();
}

void DeadLetters::start() {
  if (pool_ == nullptr || !store_) return;
  thread_.start("dead-letters", [this] { compare_loop(); });
}

bool DeadLetters::stop(milliseconds grace) {
  ask_to_end();
  return thread_.join(grace);
}

void DeadLetters::ask_to_end() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void DeadLetters::uplink_changed(const Uplink::Status& uplink) {
  {
    const MutexLock lock(mutex_);
    if (uplink.changes < uplink_changes_) return;
    uplink_changes_ = uplink.changes;
    uplink_up_ = uplink.up;
    compare_due_ = compare_due_ || uplink.up;
  }
  wake_.notify_all();
}

void DeadLetters::buried(const StoredEvent& event, const net::PgError& why) {
  DeadLetter letter;
  letter.id = event.id;
  letter.epoch = event.epoch;
  letter.seq = event.seq;
  letter.lane = event.event.lane;
  letter.received_at_us = event.event.received_at_us;
  letter.failed_at_us = wall_clock_us();
  letter.sqlstate = why.sqlstate;
  letter.message = why.text;
  letter.request = net::dead_letter_request(event.event);
  letter.body = event.event.body;
  letter.body_bytes = letter.body.size();
  {
    const MutexLock lock(mutex_);
    on_their_way_.erase(letter.id);
  }
  if (store_) keep(letter);
}

void DeadLetters::returned(const Uuid& id) {
  forget({id});
}

// A copy that could not be written is no reason to stop: PostgreSQL has it, and the next comparison brings it.
void DeadLetters::keep(const DeadLetter& letter) {
  const auto kept = store_->keep(letter);
  if (!kept) copy_lines_.warn("", kept.error().text);
}

void DeadLetters::forget(const std::vector<Uuid>& ids) {
  if (!store_) return;
  {
    const MutexLock lock(mutex_);
    if (comparing_) left_meanwhile_.insert(ids.begin(), ids.end());
  }
  const auto removed = store_->remove(ids);
  if (!removed) copy_lines_.warn("", removed.error().text);
}

std::uint64_t DeadLetters::count() const {
  return store_ ? store_->count() : 0;
}

AdminResult<std::vector<DeadLetter>> DeadLetters::list(const std::string& lane, const Uuid& after,
                                                       std::size_t letters_max) const {
  if (!store_) return fail(no_store());
  auto letters = store_->list(lane, after, letters_max);
  if (!letters) return fail(admin_error_of(letters.error()));
  return std::move(*letters);
}

// Of old ones only the metadata is here when there are many; then PostgreSQL has to be asked.
AdminResult<DeadLetter> DeadLetters::find(const Uuid& id) const {
  if (!store_) return fail(no_store());
  auto found = store_->find(id);
  if (!found) return fail(admin_error_of(found.error()));
  if (!*found) return fail(no_such_letter(id));
  if ((*found)->has_body()) return std::move(**found);
  if (pool_ == nullptr)
    return fail(AdminError{503, "its body is in PostgreSQL only, and none is configured", ""});
  auto lease = pool_->acquire(Clock::now() + pool_->options().connect_timeout);
  if (!lease) return fail(admin_error_of(lease.error()));
  auto letters = net::read_dead_letters(**lease, pool_->options(), journal_.agent_id(), std::span(&id, 1));
  if (!letters) return fail(admin_error_of(letters.error()));
  if (letters->empty()) return fail(no_such_letter(id));
  return std::move(letters->front());
}

AdminResult<Event> DeadLetters::event_to_put_back(const Uuid& id) const {
  const auto letter = find(id);
  if (!letter) return fail(letter.error());
  auto event = event_of(*letter);
  if (event) return std::move(*event);
  return fail(AdminError{
      503, "the request of dead letter " + id.to_string() + " cannot be read: it is no JSON object", ""});
}

// Appended together, so that one sync of the journal serves all of them.
AdminResult<std::vector<Uuid>> DeadLetters::put_back(std::span<const Uuid> ids) {
  std::vector<Uuid> done;
  std::optional<AdminError> refusal;
  while (!ids.empty() && !refusal) {
    std::vector<Event> events;
    std::size_t bytes = 0;
    while (!ids.empty() && bytes < kReadBytesMax && !refusal) {
      auto event = event_to_put_back(ids.front());
      ids = ids.subspan(1);
      if (event) {
        bytes += event->body.size();
        events.push_back(std::move(*event));
      } else if (event.error().status != 404) {
        refusal = event.error();  // those before it go all the same
      }
    }
    if (auto appended = append(std::move(events), done); !appended) refusal = appended.error();
  }
  if (refusal) return fail(*refusal);
  return done;
}

// What the journal answers to each of a group. The journal's writer has a share in it, so that this outlives a caller that
// runs out of memory half-way.
struct DeadLetters::Answers {
  explicit Answers(std::size_t count) : stored(count), outstanding(static_cast<std::ptrdiff_t>(count)) {}
  std::vector<std::optional<storage::JournalResult<EventPtr>>> stored;
  std::latch outstanding;
};

AdminResult<void> DeadLetters::append(std::vector<Event> events, std::vector<Uuid>& done) {
  std::vector<Uuid> ids;
  for (const Event& event : events) ids.push_back(event.requeued_id);
  const auto answers = std::make_shared<Answers>(events.size());
  {
    const MutexLock lock(mutex_);
    on_their_way_.insert(ids.begin(), ids.end());
  }
  try {
    for (std::size_t i = 0; i < events.size(); ++i) {
      journal_.append(std::move(events[i]), [answers, i](storage::JournalResult<EventPtr> result) {
        answers->stored[i] = std::move(result);
        answers->outstanding.count_down();
      });
    }
  } catch (...) {
    const MutexLock lock(mutex_);
    for (const Uuid& id : ids) on_their_way_.erase(id);
    throw;
  }
  answers->outstanding.wait();
  std::optional<AdminError> refusal;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& stored = *answers->stored[i];
    if (!stored) {
      if (!refusal) refusal = admin_error_of(stored.error());
      continue;
    }
    log_info("lane " + (*stored)->event.lane + ": dead letter " + ids[i].to_string() + " is put back");
    done.push_back(ids[i]);
  }
  mark_put_back(ids, *answers);
  if (refusal) return fail(*refusal);
  return {};
}

// But not one that PostgreSQL has refused once more meanwhile.
void DeadLetters::mark_put_back(std::span<const Uuid> ids, const Answers& answers) {
  std::vector<Uuid> marked;
  const MutexLock lock(mutex_);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (on_their_way_.erase(ids[i]) > 0 && *answers.stored[i]) marked.push_back(ids[i]);
  }
  const auto written = store_->mark_put_back(marked);
  if (!written) copy_lines_.warn("", written.error().text);
}

AdminResult<DeadLetters::PutBack> DeadLetters::put_back_all(const std::string& lane, const Uuid& after,
                                                            Clock::time_point until) {
  constexpr std::size_t kPage = 100;
  PutBack done{.last = after};
  for (;;) {
    const auto letters = list(lane, done.last, kPage);
    if (!letters) return fail(letters.error());
    std::vector<Uuid> ids;
    for (const auto& letter : *letters) {
      if (!letter.put_back) ids.push_back(letter.id);
    }
    const auto put = put_back(ids);
    if (!put) return fail(put.error());
    done.count += put->size();
    if (letters->size() < kPage) return done;
    done.last = letters->back().id;
    done.more = Clock::now() > until;
    if (done.more) return done;
  }
}

AdminResult<std::vector<Uuid>> DeadLetters::discard(std::span<const Uuid> ids) {
  if (pool_ == nullptr)
    return fail(AdminError{503, "no PostgreSQL is configured, and the dead letters are there", ""});
  auto lease = pool_->acquire(Clock::now() + pool_->options().connect_timeout);
  if (!lease) return fail(admin_error_of(lease.error()));
  auto gone = net::discard_dead_letters(**lease, pool_->options(), journal_.agent_id(), ids);
  if (!gone) return fail(admin_error_of(gone.error()));
  for (const Uuid& id : *gone) log_info("dead letter " + id.to_string() + " is discarded");
  forget(*gone);
  return std::move(*gone);
}

// Those that came or went while PostgreSQL was asked are left as they are; the next time will tell.
net::PgResult<void> DeadLetters::compare() {
  std::map<Uuid, DeadLetter> here;
  for (Uuid after;;) {
    const auto page = store_->list("", after, 1'000);
    if (!page) return fail(net::PgError{.text = page.error().text});
    if (page->empty()) break;
    after = page->back().id;
    for (const auto& letter : *page) here.emplace(letter.id, letter);
  }
  auto lease = pool_->acquire(Clock::now() + pool_->options().connect_timeout);
  if (!lease) return fail(std::move(lease).error());
  auto there =
      net::list_dead_letters(**lease, pool_->options(), journal_.agent_id(), DeadLetterStore::kLettersMax);
  if (!there) return fail(std::move(there).error());
  std::vector<Uuid> wanted;
  std::uint64_t bytes = 0;
  for (const auto& letter : *there) {
    const auto known = here.find(letter.id);
    const bool same =
        known != here.end() && known->second.epoch == letter.epoch && known->second.seq == letter.seq;
    if (known != here.end()) here.erase(known);
    if (same) continue;
    if (!wanted.empty() && bytes + letter.body_bytes > kReadBytesMax) {
      auto fetched = fetch(**lease, wanted);
      if (!fetched) return fetched;
      wanted.clear();
      bytes = 0;
    }
    wanted.push_back(letter.id);
    bytes += letter.body_bytes;
  }
  auto fetched = fetch(**lease, wanted);
  if (!fetched) return fetched;
  std::vector<Uuid> gone;
  for (const auto& [id, letter] : here) gone.push_back(id);
  const auto removed = store_->remove(gone);
  if (!removed) return fail(net::PgError{.text = removed.error().text});
  return {};
}

net::PgResult<void> DeadLetters::fetch(net::Connection& connection, std::span<const Uuid> ids) {
  if (ids.empty()) return {};
  auto letters = net::read_dead_letters(connection, pool_->options(), journal_.agent_id(), ids);
  if (!letters) return fail(std::move(letters).error());
  for (const auto& letter : *letters) {
    {
      const MutexLock lock(mutex_);
      if (left_meanwhile_.contains(letter.id)) continue;
    }
    keep(letter);
  }
  return {};
}

void DeadLetters::compare_loop() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    const bool woken = wake_.wait_for(mutex_, kCompareInterval, [this]() REQUIRES(mutex_) {
      return stopping_ || (compare_due_ && uplink_up_);
    });
    if (stopping_ || (!woken && !uplink_up_)) continue;
    compare_due_ = false;
    comparing_ = true;
    left_meanwhile_.clear();
    lock.unlock();
    try {
      const auto compared = compare();
      // A dead connection is the lanes' business; an uplink that recovers brings the next comparison.
      if (!compared) log_debug("dead letters: comparing with PostgreSQL: " + compared.error().text);
    } catch (const std::exception& error) {
      log_error(std::string("dead letters: comparing with PostgreSQL: ") + error.what() +
                "; the next comparison comes as usual");
    }
    lock.lock();
    comparing_ = false;
  }
}

}  // namespace hookspool::agent

// The dead letters as the agent handles them: kept in PostgreSQL's table by the lanes, copied to a local file so that
// they can be looked at and put back while PostgreSQL is away.
//
// buried() and returned() come from the lanes' workers. The copy is compared with the table whenever the line comes
// up and now and then after that, by a thread of its own, so that it cannot be wrong for long. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "agent/base/admin_result.h"
#include "agent/base/owned_threads.h"
#include "agent/base/repeated_lines.h"
#include "agent/config/config.h"
#include "agent/delivery/uplink.h"
#include "net/pg/link/pool.h"
#include "storage/base/mutex.h"
#include "storage/journal/journal.h"
#include "storage/model/event.h"
#include "storage/model/uuid.h"
#include "storage/side/dead_letter_store.h"

namespace hookspool::agent {

class DeadLetters {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr milliseconds kCompareInterval{300'000};
  static constexpr std::size_t kReadBytesMax = 4u << 20;  // of bodies, in one question

  struct PutBack {
    std::uint64_t count = 0;
    bool more = false;  // the time was over: go on after `last`
    Uuid last;          // up to which all were looked at
  };

  // `store`: none where its file could not be opened; then nothing is kept here and requests are refused.
  // `pool`: none where no PostgreSQL is configured. What is given outlives this.
  DeadLetters(storage::Journal& journal, std::unique_ptr<storage::DeadLetterStore> store, net::Pool* pool);
  ~DeadLetters();
  DeadLetters(const DeadLetters&) = delete;
  DeadLetters& operator=(const DeadLetters&) = delete;

  void start();
  bool stop(milliseconds grace);  // false: still asking PostgreSQL when the grace was over
  void uplink_changed(const Uplink::Status& uplink);  // the newer of two counts, whichever comes first

  void buried(const StoredEvent& event, const net::PgError& why);
  void returned(const Uuid& id);  // PostgreSQL's table has it after all

  std::uint64_t count() const;
  AdminResult<std::vector<DeadLetter>> list(const std::string& lane, const Uuid& after,
                                            std::size_t letters_max) const;
  AdminResult<DeadLetter> find(const Uuid& id) const;  // whole
  // Appends them to the journal once more; the delivery takes them out of PostgreSQL's dead letters. Answers those that
  // there are. After an error some may be on their way.
  AdminResult<std::vector<Uuid>> put_back(std::span<const Uuid> ids);
  // Those after `after` of a lane, or (empty) of all, but not those that are on their way; until `until`. One that is
  // refused meanwhile lies before `last`, so that asking until there are no more comes to an end.
  AdminResult<PutBack> put_back_all(const std::string& lane, const Uuid& after, Clock::time_point until);
  // Needs PostgreSQL. Answers those that were there.
  AdminResult<std::vector<Uuid>> discard(std::span<const Uuid> ids);
  // RepeatedLines of troubles with the copy.
  void close_logs(Clock::time_point now) { copy_lines_.close(now); }
  void finish_logs() { copy_lines_.finish(); }

 private:
  void ask_to_end();
  void compare_loop();
  net::PgResult<void> compare();
  net::PgResult<void> fetch(net::Connection& connection, std::span<const Uuid> ids);
  struct Answers;
  AdminResult<Event> event_to_put_back(const Uuid& id) const;
  AdminResult<void> append(std::vector<Event> events, std::vector<Uuid>& done);
  void mark_put_back(std::span<const Uuid> ids, const Answers& answers);
  void keep(const DeadLetter& letter);
  void forget(const std::vector<Uuid>& ids);

  storage::Journal& journal_;
  const std::unique_ptr<storage::DeadLetterStore> store_;
  net::Pool* const pool_;
  RepeatedLines copy_lines_{"dead letters", "trouble with their copy", "troubles with their copy"};

  mutable Mutex mutex_;
  CondVar wake_;
  // Uplink::Status::changes of what uplink_up_ was taken from.
  std::uint64_t uplink_changes_ GUARDED_BY(mutex_) = 0;
  bool uplink_up_ GUARDED_BY(mutex_) = false;
  bool compare_due_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  // While a comparison is under way: what must not come back with it.
  std::set<Uuid> left_meanwhile_ GUARDED_BY(mutex_);
  bool comparing_ GUARDED_BY(mutex_) = false;
  std::set<Uuid> on_their_way_ GUARDED_BY(mutex_);  // being appended, and not refused since
  OwnedThreads thread_;                             // last: it uses all of the above
};

}  // namespace hookspool::agent

// Finding the one event that PostgreSQL refuses, so that the others go on: halve the batch until it is alone, try it
// alone again, and then either bury it, or first have it proven that it is the event and not the table: by another
// event that the table takes.
// Not thread-safe: belongs to a lane's step. Pure: no clock, no I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "storage/model/uuid.h"

namespace hookspool::agent {

class Isolation {
 public:
  static constexpr std::size_t kHoldAfter = 20;  // default of `hold_after`

  // What a refusal says of the event.
  enum class Blame {
    kEvent,     // will never be taken. Many in a row may still mean that the table has changed
    kUnclear,   // it, or the setup
    kLimit,     // too long or too much for now: it, or the server
    kConflict,  // a deadlock or a serialisation failure: it, or what runs beside it
    kLost,      // the connection was lost while it was sent: it, or an outage
    kSetup,  // an administrator must change something; which event is in hand is all that is to be found out
  };
  // Whether the refusal may pass by itself.
  static bool may_pass(Blame blame);
  enum class Verdict {
    kTryAgain,  // at once, with batch_limit()
    kTryLater,  // the same after a pause
    kBury,
    kProve,  // bury it if another event is taken, else hold
    kHold,
  };

  struct Buried {
    Uuid id;
    bool requeued = false;  // it had been put back before
  };

  // `hold_after`: this many in a row (Blame::kEvent) are buried without a proof; 0: any number. Events that were put
  // back do not count: buried again, they are where they were, and an administrator, or the lane, asked for the attempt.
  explicit Isolation(std::size_t hold_after = kHoldAfter) : hold_after_(hold_after) {}
  void set_hold_after(std::size_t hold_after) { hold_after_ = hold_after; }

  // How many events the next batch may have; SIZE_MAX when nothing is suspected.
  std::size_t batch_limit() const { return limit_; }
  // The next batch is one event: an administrator wants to know which it is.
  void only_one(const Uuid& epoch, std::uint64_t first_seq);

  // A batch of `count` events from `first_seq` on was refused. `requeued`: it is one event that had been put back.
  Verdict refused(const Uuid& epoch, std::uint64_t first_seq, std::size_t count, Blame blame,
                  const std::string& sqlstate, bool requeued = false);
  // While `head_seq` was refused, the table took another event: all up to `until_seq` are refused for their own sake.
  void proven(std::uint64_t head_seq, std::uint64_t until_seq);
  // None was taken: the lane is held.
  void unproven() { held_ = true; }
  // Up to where the proof reaches; 0: there is none.
  std::uint64_t proven_until() const { return proven_until_seq_; }
  void buried(std::uint64_t seq, const Buried& event);

  // What has been buried in a row, if that is so many that it may have been the table's fault: to be put back when a
  // batch goes in. What had been put back before does not count, and is among it only if the lane was held since.
  std::vector<Uuid> to_put_back() const;
  void put_back() { in_a_row_.clear(); }  // that is done
  // A batch up to `last_seq` went in.
  void delivered(const Uuid& epoch, std::uint64_t last_seq);
  // What an earlier life had buried in a row, the newest first. Once, before anything is refused.
  void restore(const std::vector<Uuid>& buried);

 private:
  void enter(const Uuid& epoch);
  std::size_t in_a_row(bool requeued) const;
  bool may_be_the_table() const { return hold_after_ > 0 && in_a_row(false) >= hold_after_; }

  std::size_t hold_after_;
  std::size_t limit_ = SIZE_MAX;
  Uuid epoch_;  // that the numbers are of
  std::uint64_t suspect_until_seq_ = 0;
  std::uint64_t alone_seq_ = 0;
  unsigned tries_alone_ = 0;
  Blame alone_blame_ = Blame::kEvent;
  std::uint64_t lost_seq_ = 0;  // the first of the batch that was in hand
  unsigned times_lost_ = 0;     // in a row
  std::string batch_sqlstate_;  // why a whole batch was refused last,
  bool taken_since_ = false;    // and whether a part of it went in after that
  std::uint64_t proven_until_seq_ = 0, proven_head_seq_ = 0;
  bool held_ = false;
  std::vector<Buried>
      in_a_row_;  // at most hold_after_ of those that were put back and of the others; the oldest go
};

}  // namespace hookspool::agent

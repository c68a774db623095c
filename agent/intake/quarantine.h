// The quarantine as the agent uses it: keeps what failed verification where a source asks for it, looks at it again when
// reported, and admits what is genuine into the journal, each once.
//
// Only what is signed in the sender's way, in time and with a secret that is none of ours, is kept: that is what a
// botched rotation looks like, and what other clients do not send. The rate of a source is shared by its peers
// (SharedRate): an address that floods does not use it up. Thread-safe: keep() is called by the intake's workers, expire()
// by the chores' thread, the rest by the admin listeners'.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/base/admin_result.h"
#include "agent/base/current.h"
#include "agent/base/shared_rate.h"
#include "agent/config/config.h"
#include "agent/intake/source_set.h"
#include "net/http/server.h"
#include "net/verify/verifier.h"
#include "storage/base/mutex.h"
#include "storage/journal/journal.h"
#include "storage/side/quarantine_store.h"

namespace hookspool::agent {

class Quarantine {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kExpiryInterval{60};

  struct Figures {
    std::atomic<std::uint64_t> kept{0};
    std::atomic<std::uint64_t> shed{0};      // had to go for others, or for their age
    std::atomic<std::uint64_t> not_kept{0};  // no room, too many a second, or the file failed
    std::atomic<std::uint64_t> admitted{0};
  };
  struct Verified {
    std::uint64_t looked_at = 0, admitted = 0, not_genuine = 0, unknown_source = 0;
    std::uint64_t in_doubt = 0;  // their admission met a failing disk: the next start of the agent settles it
    Uuid reached;                // where to go on
    bool more = false;           // the time was over
  };
  // What is genuine, to the journal, as the request that it was: Admission::admit.
  using Admit = std::function<storage::JournalResult<void>(
      net::HttpRequest&&, const SourceConfig&, std::int64_t received_at_us, const Uuid& quarantine_id)>;

  // `store`: none where no source wants it, or where its file could not be opened; then nothing is kept. What is given
  // by reference outlives this.
  Quarantine(const Current<SourceSet>& sources, const Current<QuarantineConfig>& config,
             storage::Journal& journal, std::unique_ptr<storage::QuarantineStore> store);
  bool has_store() const { return store_ != nullptr; }
  // The store of a journal that had none, when a reload has come upon a source that wants one. REQUIRES: !has_store()
  void give_store(std::unique_ptr<storage::QuarantineStore> store);
  // After the configuration has changed: the store's limits.
  void set_limits(const storage::QuarantineStore::Limits& limits);

  // Is a request that was refused so one for the quarantine, if there is room?
  static bool is_for(const SourceConfig& source, const net::Verdict& verdict);
  // Whether it was kept. Whatever becomes of it: the answer is 401. REQUIRES: is_for()
  bool keep(const net::HttpRequest& request, const SourceConfig& source, const net::Verdict& verdict);

  // Ends what a crash has interrupted. Before anything is delivered or dropped. What cannot be decided, because a part of
  // the journal cannot be read at the moment, is left to resolve_undecided(), for when more of it can be.
  void resolve();
  void resolve_undecided();
  void expire(Clock::time_point now);  // drops what is too old, periodically; by one thread

  AdminResult<std::vector<Quarantined>> list(const std::string& source, const Uuid& after,
                                             std::size_t max) const;
  AdminResult<Quarantined> find(const Uuid& id) const;
  // Those of a source, or (empty) of all, that come after `after`, with the secrets of now and the time of then.
  AdminResult<Verified> verify(const std::string& source, const Uuid& after, Clock::time_point until,
                               const Admit& admit);
  AdminResult<std::vector<Uuid>> discard(const std::vector<Uuid>& ids);
  // All of a source, or (empty) all; answers how many.
  AdminResult<std::uint64_t> discard_all(const std::string& source);

  // The headers that are a source's secret themselves, and so are never shown.
  std::vector<std::string> token_headers(const std::string& source) const;

  const Figures& figures() const { return figures_; }
  std::uint64_t count() const { return has_store() ? store().count() : 0; }
  std::uint64_t bytes() const { return has_store() ? store().bytes() : 0; }

 private:
  storage::QuarantineStore& store() const { return *store_; }  // REQUIRES: has_store()
  bool take_token(const std::string& source, const std::string& peer) REQUIRES(mutex_);
  AdminResult<void> admit_one(Quarantined&& request, const SourceConfig& source, const Admit& admit);
  AdminResult<bool> settle(const Quarantined& request);
  void resolve_one(const Quarantined& request) REQUIRES(admitting_);

  const Current<SourceSet>& sources_;
  const Current<QuarantineConfig>& config_;
  storage::Journal& journal_;
  std::unique_ptr<storage::QuarantineStore> owned_;
  std::atomic<storage::QuarantineStore*> store_;  // owned_'s, once it is there: it never goes again
  Figures figures_;
  Mutex mutex_;
  SharedRate rate_ GUARDED_BY(mutex_){SharedRate::Limits{}};
  UuidV7Source ids_ GUARDED_BY(mutex_);
  std::atomic<std::int64_t> failure_told_ms_{0};  // steady clock: a full disk is logged once a minute
  Clock::time_point next_expiry_{};               // of expire() alone
  Mutex admitting_;                               // one verify() at a time: what is admitted is admitted once
  // Interrupted in an earlier life, and not known whether appended; as many as the store holds at most.
  std::set<Uuid> undecided_ GUARDED_BY(admitting_);
};

}  // namespace hookspool::agent

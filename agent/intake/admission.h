// Admission: from an HTTP request to an event on disk, or the status that says why not.
// Thread-safe: called by the intake's workers, several at once, and by its loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "agent/base/current.h"
#include "agent/base/latency.h"
#include "agent/base/repeated_lines.h"
#include "agent/intake/deduplicator.h"
#include "agent/intake/form_body.h"
#include "agent/intake/quarantine.h"
#include "agent/intake/signature_gate.h"
#include "agent/intake/source_set.h"
#include "net/http/server.h"
#include "net/verify/delivery_id.h"
#include "net/verify/json_field.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

struct AdmissionFigures {
  LatencyRecorder
      answer;  // from the whole request to its answer: the response time a sender sees, less the network
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> duplicates{0};         // answered with the first one's id
  std::atomic<std::uint64_t> filtered{0};           // 200 to what a source does not keep; never journaled
  std::atomic<std::uint64_t> refused_rate{0};       // 429
  std::atomic<std::uint64_t> refused_no_room{0};    // 503
  std::atomic<std::uint64_t> refused_source{0};     // 503: no room for this source, while others are taken
  std::atomic<std::uint64_t> refused_names{0};      // 503: one more name of a source than the journal takes
  std::atomic<std::uint64_t> refused_failed{0};     // 503
  std::atomic<std::uint64_t> refused_signature{0};  // 401
  std::atomic<std::uint64_t> refused_unknown{0};    // 404, 405, 413
  std::atomic<std::uint64_t> handshakes{0};         // answered, or refused, and never journaled
  std::atomic<std::uint64_t> probes{0};             // 200 to what a source calls a probe; never journaled
};

class Admission {
 public:
  // All referenced objects must outlive the admission. `quarantine`, `deduplicator`: may be nullptr.
  Admission(const Current<SourceSet>& sources, storage::Journal& journal, Quarantine* quarantine,
            Deduplicator* deduplicator);

  // Replies asynchronously: an event's answer comes from the journal's writer.
  void handle(net::HttpRequest&& request, const net::HttpReply& reply);
  // The same for the listener's loop: only what is short (short_request.h) and needs no file. False: nothing has happened,
  // `request` is as it was, and handle() is for it.
  bool try_handle(net::HttpRequest& request, const net::HttpReply& reply);
  // What is known to come from the source's sender, to the journal, unless it is there already; waits for it. `quarantine_id`:
  // the id it had in the quarantine.
  storage::JournalResult<Deduplicator::Taken> admit(net::HttpRequest&& request, const SourceConfig& source,
                                                    std::int64_t received_at_us, const Uuid& quarantine_id);
  AdmissionFigures& figures() { return figures_; }
  std::shared_ptr<const SourceSet> sources() const { return sources_.get(); }
  // What was counted instead of logged, once its interval is over: by the upkeep, now and then.
  void close_logs(SourceLog::Clock::time_point now);
  // At the end, when the intake has stopped: what is counted and not yet logged.
  void finish_logs();
  // Once stopping, /readyz says so: a load balancer sends the next ones elsewhere.
  void set_stopping() { stopping_ = true; }

 private:
  // By what a repeat of the request is known.
  struct Identity {
    net::DeliveryId delivery_id;
    Uuid key;  // nil: there is none
  };
  Identity identify(const net::HttpRequest& request, const SourceConfig& source, net::JsonFields& body) const;
  void accept(net::HttpRequest&& request, const ServedSource& source, const Identity& identity,
              LatencyRecorder::Clock::time_point began, const net::HttpReply& reply);
  bool is_to_quarantine(const SourceConfig& source, const net::Verdict& verdict) const;
  bool is_looked_up_on_disk(const Identity& identity) const;
  std::optional<net::HttpAnswer> turn_away(const net::HttpRequest& request, const ServedSource& source,
                                           const FormBody& seen, Judgement&& judgement);
  void note_not_verified(const net::HttpRequest& request, const ServedSource& source, NotVerified& forged);
  void admit(net::HttpRequest&& request, const SourceConfig& source, const Identity& identity,
             std::int64_t received_at_us, const Uuid& quarantine_id, Deduplicator::Done done);
  net::HttpAnswer refuse(const storage::JournalError& error);
  std::optional<net::HttpAnswer> over_rate(const ServedSource& source);
  net::HttpAnswer own_page(const std::string& path) const;

  const Current<SourceSet>& sources_;
  storage::Journal& journal_;
  Quarantine* const quarantine_;
  Deduplicator* const deduplicator_;
  AdmissionFigures figures_;
  RepeatedLines lines_{"intake", "webhook of an undeclared source refused",
                       "webhooks of undeclared sources refused"};  // what no declared source's log is for
  std::atomic<bool> stopping_{false};
};

}  // namespace hookspool::agent

#include "agent/intake/quarantine.h"

#include <algorithm>
#include <optional>

#include "agent/base/log.h"
#include "agent/base/random.h"
#include "agent/base/wall_clock.h"
#include "net/http/ip_address.h"

namespace hookspool::agent {
namespace {

constexpr std::size_t kPage = 100;
constexpr std::size_t kReadEventsMax = 256;
constexpr std::size_t kReadBytesMax = 4u << 20;
constexpr std::int64_t kTellIntervalMs = 60'000;

// What one client can have by itself (IpAddress::holder); of a Unix socket there is no address.
std::string peer_of(const std::string& remote_addr) {
  const auto address = net::IpAddress::parse(remote_addr);
  if (!address || address->is_v4()) return remote_addr;
  return address->holder().text() + "/64";
}

// Is an event with this id in the lane, above this number of that epoch? Epochs are dropped whole lanes' runs at a
// time and never in the moment that an admission takes; so what is not there was not appended. Nothing: it may be in what
// cannot be read at the moment.
std::optional<bool> is_appended(const storage::Journal& journal, const Quarantined& request) {
  bool unread = journal.admin().stats().unreadable_segments > 0;
  for (const auto& run : journal.runs(request.source)) {
    if (run.epoch != request.admitting_epoch) continue;
    std::uint64_t seq = std::max(run.first_seq, request.admitting_seq + 1);
    while (seq <= run.last_seq) {
      const auto events = journal.read(request.source, run.epoch, seq, kReadEventsMax, kReadBytesMax);
      if (!events) {
        unread = unread || events.error().kind != storage::JournalError::Kind::kCorrupt;
        if (unread) break;
        seq += 1;  // damaged: whatever it was, it is not known to be this one
        continue;
      }
      for (const auto& event : *events) {
        if (event->id == request.id) return true;
      }
      seq = events->back()->seq + 1;
    }
  }
  return unread ? std::nullopt : std::optional(false);
}

// How far the lane has come in the epoch that is being written.
std::pair<Uuid, std::uint64_t> position_of(const storage::Journal& journal, const std::string& lane) {
  std::pair<Uuid, std::uint64_t> position{journal.epoch(), 0};
  for (const auto& run : journal.runs(lane)) {
    if (run.current) position = {run.epoch, run.last_seq};
  }
  return position;
}

AdminError no_store() {
  return {503, "there is no quarantine",
          "No source has on_bad_signature = \"quarantine\", or its file could not be opened when the agent "
          "started: "
          "then the agent's log says why."};
}

}  // namespace

Quarantine::Quarantine(const Current<SourceSet>& sources, const Current<QuarantineConfig>& config,
                       storage::Journal& journal, std::unique_ptr<storage::QuarantineStore> store)
    : sources_(sources),
      config_(config),
      journal_(journal),
      owned_(std::move(store)),
      store_(owned_.get()),
      ids_(random_bytes, Uuid{}) {}

void Quarantine::give_store(std::unique_ptr<storage::QuarantineStore> store) {
  owned_ = std::move(store);
  store_ = owned_.get();
}

void Quarantine::set_limits(const storage::QuarantineStore::Limits& limits) {
  storage::QuarantineStore* const store = store_;
  if (store == nullptr) return;
  if (const auto set = store->set_limits(limits); !set) log_warn("quarantine: " + set.error().text);
}

bool Quarantine::take_token(const std::string& source, const std::string& peer) {
  if (!rate_.knows(source)) {
    const auto sources = sources_.get();
    rate_.forget_sources([&](const std::string& name) { return sources->named(name) != nullptr; });
  }
  return rate_.take(source, peer, Clock::now());
}

bool Quarantine::is_for(const SourceConfig& source, const net::Verdict& verdict) {
  return source.quarantine && verdict.mismatch == net::Mismatch::kNoSecretFits;
}

bool Quarantine::keep(const net::HttpRequest& request, const SourceConfig& source,
                      const net::Verdict& verdict) {
  Quarantined kept;
  kept.received_at_us = wall_clock_us();
  kept.peer = peer_of(request.remote_addr);
  {
    const MutexLock lock(mutex_);
    if (!has_store() || !take_token(source.name, kept.peer)) {
      figures_.not_kept += 1;
      return false;
    }
    kept.id = ids_.next(kept.received_at_us / 1'000);
  }
  kept.source = source.name;
  kept.reason = net::mismatch_name(verdict.mismatch);
  kept.method = request.method;
  kept.path = request.path;
  kept.query = request.query;
  kept.remote_addr = request.remote_addr;
  kept.headers = request.headers;
  kept.body = request.body;
  const auto done = store().keep(std::move(kept));
  if (done && done->kept) {
    figures_.kept += 1;
    figures_.shed += done->shed;
    return true;
  }
  figures_.not_kept += 1;
  if (done) return false;
  const auto now_ms = std::chrono::duration_cast<milliseconds>(Clock::now().time_since_epoch()).count();
  std::int64_t told_ms = failure_told_ms_.load();
  if (now_ms - told_ms < kTellIntervalMs && told_ms != 0) return false;
  if (failure_told_ms_.compare_exchange_strong(told_ms, now_ms)) log_warn("quarantine: " + done.error().text);
  return false;
}

void Quarantine::resolve() {
  if (!has_store()) return;
  const MutexLock lock(admitting_);
  const auto begun = store().admissions();
  if (!begun) {
    log_warn("quarantine: " + begun.error().text);
    return;
  }
  for (const auto& request : *begun) resolve_one(request);
}

// What this life has begun itself is not looked at: whether that was written, only the next start can tell.
void Quarantine::resolve_undecided() {
  if (!has_store()) return;
  const MutexLock lock(admitting_);
  if (undecided_.empty()) return;
  const auto begun = store().admissions();
  if (!begun) {
    log_warn("quarantine: " + begun.error().text);
    return;
  }
  for (const auto& request : *begun) {
    if (undecided_.contains(request.id)) resolve_one(request);
  }
}

void Quarantine::resolve_one(const Quarantined& request) {
  const auto appended = is_appended(journal_, request);
  if (!appended) {
    undecided_.insert(request.id);
    log_warn(
        "quarantine: the admission of " + request.id.to_string() +
        " was interrupted, and the part of the journal that it may be in cannot be read at the moment: it is "
        "neither admitted nor dropped before that can be read");
    return;
  }
  undecided_.erase(request.id);
  const auto done = *appended ? [&]() -> storage::JournalResult<void> {
    const auto gone = store().remove({request.id});
    if (!gone) return fail(gone.error());
    return {};
  }()
      : store().cancel_admission(request.id);
  if (!done) {
    log_warn("quarantine: " + done.error().text);
    return;
  }
  log_info(
      "quarantine: the admission of " + request.id.to_string() + " was interrupted " +
      (*appended ? "after it was in the journal" : "before it was in the journal; it is still quarantined"));
}

void Quarantine::expire(Clock::time_point now) {
  if (!has_store() || now < next_expiry_) return;
  next_expiry_ = now + kExpiryInterval;
  const auto gone =
      store().remove_older(wall_clock_us() - std::chrono::microseconds(config_.get()->keep).count());
  if (!gone) {
    log_warn("quarantine: " + gone.error().text);
    return;
  }
  figures_.shed += *gone;
}

std::vector<std::string> Quarantine::token_headers(const std::string& source) const {
  const auto sources = sources_.get();
  const ServedSource* const served = sources->named(source);
  if (served == nullptr || served->config.scheme.kind != net::Scheme::Kind::kToken) return {};
  return served->config.scheme.headers;
}

AdminResult<std::vector<Quarantined>> Quarantine::list(const std::string& source, const Uuid& after,
                                                       std::size_t max) const {
  if (!has_store()) return fail(no_store());
  auto requests = store().list(source, after, max);
  if (!requests) return fail(admin_error_of(requests.error()));
  return std::move(*requests);
}

AdminResult<Quarantined> Quarantine::find(const Uuid& id) const {
  if (!has_store()) return fail(no_store());
  auto request = store().find(id);
  if (!request) return fail(admin_error_of(request.error()));
  if (!*request) {
    return fail(AdminError{404, "there is no quarantined request " + id.to_string(),
                           "hookspool quarantine list shows those that there are."});
  }
  return std::move(**request);
}

// Noted, appended, removed: whatever ends the process in between, resolve() finds out whether it was appended.
AdminResult<void> Quarantine::admit_one(Quarantined&& request, const SourceConfig& source,
                                        const Admit& admit) {
  const Uuid id = request.id;
  const auto [epoch, seq] = position_of(journal_, source.name);
  const auto begun = store().begin_admission(id, epoch, seq);
  if (!begun) return fail(admin_error_of(begun.error()));
  net::HttpRequest http;
  http.method = std::move(request.method);
  http.path = std::move(request.path);
  http.query = std::move(request.query);
  http.remote_addr = std::move(request.remote_addr);
  http.headers = std::move(request.headers);
  http.body = std::move(request.body);
  const auto stored = admit(std::move(http), source, request.received_at_us, id);
  if (!stored) {
    // After a failure of the disk it is unknown what it holds: the note stays, and the next start looks.
    using Kind = storage::JournalError::Kind;
    const bool in_doubt = stored.error().kind == Kind::kIo || stored.error().kind == Kind::kGone;
    const auto cancelled = in_doubt ? storage::JournalResult<void>() : store().cancel_admission(id);
    if (!cancelled) log_warn("quarantine: " + cancelled.error().text);
    return fail(admin_error_of(stored.error()));
  }
  figures_.admitted += 1;
  const auto gone = store().remove({id});
  // Its note stays, and the next look at it will find it in the journal.
  if (!gone) log_warn("quarantine: " + id.to_string() + " is admitted, but: " + gone.error().text);
  return {};
}

// One whose admission did not end: is it in the journal? Otherwise it waits for the next start, which reads what the
// disk really holds.
AdminResult<bool> Quarantine::settle(const Quarantined& request) {
  if (!is_appended(journal_, request).value_or(false)) return false;
  const auto gone = store().remove({request.id});
  if (!gone) return fail(admin_error_of(gone.error()));
  return true;
}

AdminResult<Quarantine::Verified> Quarantine::verify(const std::string& source, const Uuid& after,
                                                     Clock::time_point until, const Admit& admit) {
  if (!has_store()) return fail(no_store());
  const MutexLock lock(admitting_);
  const auto sources = sources_.get();
  Verified verified;
  verified.reached = after;
  for (;;) {
    const auto page = store().list(source, verified.reached, kPage);
    if (!page) return fail(admin_error_of(page.error()));
    for (const auto& listed : *page) {
      if (Clock::now() > until) {
        verified.more = true;
        return verified;
      }
      verified.reached = listed.id;
      auto request = store().find(listed.id);
      if (!request) return fail(admin_error_of(request.error()));
      if (!*request) continue;  // discarded or displaced meanwhile
      verified.looked_at += 1;
      const ServedSource* const served = sources->named(listed.source);
      if (served == nullptr) {
        verified.unknown_source += 1;
        continue;
      }
      const SourceConfig& config = served->config;
      Quarantined& whole = **request;
      const auto verdict = net::verify(config.scheme, {whole.method, whole.query, whole.headers, whole.body},
                                       {config.secrets, config.public_url, whole.received_at_us});
      if (!verdict.fits() || config.scheme.kind == net::Scheme::Kind::kNone) {
        verified.not_genuine += 1;
        continue;
      }
      if (whole.admitting) {
        const auto settled = settle(whole);
        if (!settled) return fail(settled.error());
        verified.in_doubt += *settled ? 0u : 1u;
        continue;
      }
      const auto admitted = admit_one(std::move(whole), config, admit);
      if (!admitted) return fail(admitted.error());
      verified.admitted += 1;
    }
    if (page->size() < kPage) return verified;
  }
}

AdminResult<std::vector<Uuid>> Quarantine::discard(const std::vector<Uuid>& ids) {
  if (!has_store()) return fail(no_store());
  const MutexLock lock(admitting_);
  auto gone = store().remove(ids);
  if (!gone) return fail(admin_error_of(gone.error()));
  return std::move(*gone);
}

AdminResult<std::uint64_t> Quarantine::discard_all(const std::string& source) {
  if (!has_store()) return fail(no_store());
  const MutexLock lock(admitting_);
  std::uint64_t count = 0;
  // What comes meanwhile comes behind: this ends.
  for (Uuid after;;) {
    const auto page = store().list(source, after, kPage);
    if (!page) return fail(admin_error_of(page.error()));
    std::vector<Uuid> ids;
    for (const auto& request : *page) ids.push_back(request.id);
    if (ids.empty()) return count;
    after = ids.back();
    const auto gone = store().remove(ids);
    if (!gone) return fail(admin_error_of(gone.error()));
    count += gone->size();
  }
}

}  // namespace hookspool::agent

#include "agent/intake/admission.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <future>

#include "agent/base/wall_clock.h"
#include "agent/intake/answers.h"
#include "agent/intake/event_headers.h"
#include "agent/intake/keep_rule.h"
#include "agent/intake/repeat_key.h"
#include "agent/intake/short_request.h"
#include "net/redact/redaction.h"
#include "net/verify/providers.h"

namespace hookspool::agent {
namespace {

constexpr std::string_view kUnnamedPrefix = "/hooks/";
constexpr std::size_t kUnnamedBytesMax = 64;

bool unnamed_ok(std::string_view name) {
  return !name.empty() && name.size() <= kUnnamedBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                  c == '-' || c == '.';
         });
}

net::DeliveryId delivery_id_of(const net::HttpRequest& request, const SourceConfig& source,
                               net::JsonFields& body) {
  const auto* provider = net::find_provider(source.verify);
  if (provider == nullptr) return {};
  return net::find_delivery_id(provider->delivery_id, source.scheme, request.headers, body);
}

net::HttpAnswer taken_answer(const Deduplicator::Taken& taken,
                             const std::optional<SourceResponse>& response) {
  if (response) return {response->status, response->content_type, response->body, {}};
  const std::string more = taken.duplicate ? ",\"duplicate\":true" : "";
  return {200, "application/json", "{\"id\":\"" + taken.id.to_string() + "\"" + more + "}\n", {}};
}

net::HttpAnswer filtered_answer(const std::optional<SourceResponse>& response) {
  if (response) return {response->status, response->content_type, response->body, {}};
  return {200, "application/json", "{\"filtered\":true}\n", {}};
}

// `unnamed` becomes the source of a path that none is configured for, where any will do.
const ServedSource* find_source(const SourceSet& sources, const std::string& path, ServedSource& unnamed) {
  if (const auto* found = sources.at_path(path)) return found;
  if (!sources.empty() || !path.starts_with(kUnnamedPrefix)) return nullptr;
  unnamed.config.name = path.substr(kUnnamedPrefix.size());
  unnamed.config.path = path;
  unnamed.is_declared = false;
  return unnamed_ok(unnamed.config.name) ? &unnamed : nullptr;
}

void count(SourceFigures& figures, bool duplicate) {
  (duplicate ? figures.duplicates : figures.accepted) += 1;
  if (!duplicate) figures.last_accepted_us = wall_clock_us();
}

// One function for each alternative of a variant.
template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;  // clang 14 makes none for aggregates

}  // namespace

Admission::Admission(const Current<SourceSet>& sources, storage::Journal& journal, Quarantine* quarantine,
                     Deduplicator* deduplicator)
    : sources_(sources), journal_(journal), quarantine_(quarantine), deduplicator_(deduplicator) {}

// Asked after the signature: other clients cannot use up what the sender may have.
std::optional<net::HttpAnswer> Admission::over_rate(const ServedSource& source) {
  if (!source.bucket) return std::nullopt;
  const auto wait = source.bucket->take(TokenBucket::Clock::now());
  if (wait.count() <= 0) return std::nullopt;
  figures_.refused_rate += 1;
  const std::string id = new_request_id();
  if (source.log) source.log->over_rate(source.config.rate_max, {"", id}, SourceLog::Clock::now());
  auto answer = error_answer(
      429, "this source may send " + std::to_string(source.config.rate_max) + " events a second");
  name_request(answer, id);
  answer.headers.emplace_back("Retry-After",
                              std::to_string(std::max(1L, std::lround(std::ceil(wait.count())))));
  return answer;
}

void Admission::handle(net::HttpRequest&& request, const net::HttpReply& reply) {
  const auto sources = sources_.get();  // to the end of this call, whatever a reload does meanwhile
  ServedSource unnamed;
  const ServedSource* source = find_source(*sources, request.path, unnamed);
  if (source == nullptr) {
    if (request.path == "/livez" || request.path == "/readyz") return reply(own_page(request.path));
    figures_.refused_unknown += 1;
    return reply(error_answer(404, "no source has this path"));
  }
  // Only of events that were taken: refusals and repeats are quick, and would hide what a sender waits for.
  const auto began = LatencyRecorder::Clock::now();
  const FormBody seen(request, source->config);
  net::JsonFields body(seen.json(), source->body_pointers);
  if (auto answer = turn_away(request, *source, seen, SignatureGate::judge(request, *source, body)))
    return reply(std::move(*answer));
  const Identity identity = identify(request, source->config, body);
  accept(std::move(request), *source, identity, began, reply);
}

bool Admission::try_handle(net::HttpRequest& request, const net::HttpReply& reply) {
  const auto sources = sources_.get();
  ServedSource unnamed;
  const ServedSource* source = find_source(*sources, request.path, unnamed);
  if (source == nullptr || !is_short(request, source->config)) return false;
  const auto began = LatencyRecorder::Clock::now();
  const FormBody seen(request, source->config);
  net::JsonFields body(seen.json(), source->body_pointers);
  Judgement judgement = SignatureGate::judge(request, *source, body);
  if (const auto* forged = std::get_if<NotVerified>(&judgement);
      forged != nullptr && is_to_quarantine(source->config, forged->verdict))
    return false;
  Identity identity;
  // Before the rate is asked: a repeat that has to be looked up in a file has changed nothing yet.
  if (std::holds_alternative<Genuine>(judgement)) {
    identity = identify(request, source->config, body);
    if (is_looked_up_on_disk(identity)) return false;
  }
  if (auto answer = turn_away(request, *source, seen, std::move(judgement))) {
    reply(std::move(*answer));
  } else {
    accept(std::move(request), *source, identity, began, reply);
  }
  return true;
}

bool Admission::is_to_quarantine(const SourceConfig& source, const net::Verdict& verdict) const {
  return quarantine_ != nullptr && Quarantine::is_for(source, verdict);
}

bool Admission::is_looked_up_on_disk(const Identity& identity) const {
  return deduplicator_ != nullptr && !identity.key.is_nil() && deduplicator_->reads_disk(identity.key);
}

Admission::Identity Admission::identify(const net::HttpRequest& request, const SourceConfig& source,
                                        net::JsonFields& body) const {
  Identity identity{delivery_id_of(request, source, body), {}};
  if (deduplicator_ != nullptr) identity.key = repeat_key(request, source, identity.delivery_id, body);
  return identity;
}

net::HttpAnswer Admission::own_page(const std::string& path) const {
  if (path == "/livez") return livez_answer();
  // This page is public; the reason is on the admin listener only.
  const auto answer = readyz_answer(journal_.admin(), stopping_);
  return answer.status == 200 ? answer : text_answer(answer.status, "not accepting\n");
}

void Admission::accept(net::HttpRequest&& request, const ServedSource& source, const Identity& identity,
                       LatencyRecorder::Clock::time_point began, const net::HttpReply& reply) {
  // What the source answers is taken along: a reload may have replaced it by then.
  const auto done = [this, reply, began, response = source.config.response, bucket = source.bucket,
                     of_source = source.figures](const storage::JournalResult<Deduplicator::Taken>& taken) {
    try {
      // A repeat is no event: one captured request, sent again and again, does not use up the sender's rate.
      if (bucket && taken && taken->duplicate) bucket->give_back();
      if (!taken) return reply(refuse(taken.error()));
      (taken->duplicate ? figures_.duplicates : figures_.accepted) += 1;
      if (of_source) count(*of_source, taken->duplicate);
      if (!taken->duplicate) {
        const auto now = LatencyRecorder::Clock::now();
        figures_.answer.record(std::chrono::duration_cast<std::chrono::microseconds>(now - began), now);
      }
      reply(taken_answer(*taken, response));
    } catch (...) {
      // No memory for an answer; the reply that was not given becomes a 500.
    }
  };
  admit(std::move(request), source.config, identity, wall_clock_us(), Uuid{}, done);
}

// What is answered at once and never journaled. Nothing: a webhook to be admitted.
std::optional<net::HttpAnswer> Admission::turn_away(const net::HttpRequest& request,
                                                    const ServedSource& source, const FormBody& seen,
                                                    Judgement&& judgement) {
  using Answer = std::optional<net::HttpAnswer>;
  const auto counted = [](std::atomic<std::uint64_t>& figure, net::HttpAnswer&& answer) -> Answer {
    figure += 1;
    return std::move(answer);
  };
  return std::visit(
      Overloaded{
          [&](Genuine&& /*unused*/) {
            if (is_kept(source.config, request, seen.json())) return over_rate(source);
            return counted(figures_.filtered, filtered_answer(source.config.response));
          },
          [&](Probe&& probe) { return counted(figures_.probes, std::move(probe.answer)); },
          [&](HandshakeRequest&& asked) { return counted(figures_.handshakes, std::move(asked.answer)); },
          [&](NoWebhook&& other) { return counted(figures_.refused_unknown, std::move(other.answer)); },
          [&](NotVerified&& forged) {
            note_not_verified(request, source, forged);
            return counted(figures_.refused_signature, std::move(forged.answer));
          },
      },
      std::move(judgement));
}

// To the quarantine, where the source wants it, and to the log.
void Admission::note_not_verified(const net::HttpRequest& request, const ServedSource& source,
                                  NotVerified& forged) {
  const net::Verdict& verdict = forged.verdict;
  auto kept = SourceLog::Kept::kNotAsked;
  if (is_to_quarantine(source.config, verdict)) {
    const bool has_room = quarantine_->keep(request, source.config, verdict);
    kept = has_room ? SourceLog::Kept::kQuarantined : SourceLog::Kept::kNoRoom;
  }
  const std::string id = new_request_id();
  name_request(forged.answer, id);
  if (source.log) source.log->refused(verdict, kept, {request.remote_addr, id}, SourceLog::Clock::now());
}

storage::JournalResult<Deduplicator::Taken> Admission::admit(net::HttpRequest&& request,
                                                             const SourceConfig& source,
                                                             std::int64_t received_at_us,
                                                             const Uuid& quarantine_id) {
  std::promise<storage::JournalResult<Deduplicator::Taken>> taken;
  const FormBody seen(request, source);
  net::JsonFields body(seen.json(), body_pointers(source));
  const Identity identity = identify(request, source, body);
  admit(std::move(request), source, identity, received_at_us, quarantine_id,
        [&taken](storage::JournalResult<Deduplicator::Taken> result) { taken.set_value(std::move(result)); });
  return taken.get_future().get();
}

void Admission::admit(net::HttpRequest&& request, const SourceConfig& source, const Identity& identity,
                      std::int64_t received_at_us, const Uuid& quarantine_id, Deduplicator::Done done) {
  Event event;
  event.lane = source.name;
  event.received_at_us = received_at_us;
  event.quarantine_id = quarantine_id;
  event.delivery_id = utf8_text(identity.delivery_id.text);
  event.dedupe_key = identity.key;
  event.headers = headers_as_json(request.headers, hidden_headers(source));
  if (const auto* type = request.header("content-type")) event.content_type = utf8_text(*type);
  event.method = std::move(request.method);
  event.path = utf8_text(request.path);
  event.query = utf8_text(request.query);
  event.remote_addr = std::move(request.remote_addr);
  event.body = std::move(request.body);
  if (source.redact_journal) net::redact(event, source.redact, source.form ? &*source.form : nullptr);
  const auto take = [&](storage::Journal::Appended appended) {
    journal_.append(std::move(event), std::move(appended));
  };
  if (const Uuid key = event.dedupe_key; !key.is_nil())
    return deduplicator_->once(source.name, key, take, std::move(done));
  take([done = std::move(done)](const storage::JournalResult<EventPtr>& stored) {
    if (stored) return done(Deduplicator::Taken{(*stored)->id, false});
    done(fail(stored.error()));
  });
}

void Admission::close_logs(SourceLog::Clock::time_point now) {
  sources_.get()->close_logs(now);
  lines_.close(now);
}

void Admission::finish_logs() {
  sources_.get()->finish_logs();
  lines_.finish();
}

// Never 4xx for our own trouble: some senders take that for a reason to drop the event for good. An event that is larger
// than any that the journal takes is the sender's.
net::HttpAnswer Admission::refuse(const storage::JournalError& error) {
  using Kind = storage::JournalError::Kind;
  const auto refused = [](std::atomic<std::uint64_t>& figure, const char* why,
                          const char* retry_after_seconds) {
    figure += 1;
    auto answer = error_answer(503, why);
    answer.headers.emplace_back("Retry-After", retry_after_seconds);
    return answer;
  };
  switch (error.kind) {
    case Kind::kLaneFull:
      return refused(figures_.refused_source,
                     "no room in the journal for more of this source; send again later", "60");
    case Kind::kTooManyLanes:
      // Any client may choose such a name, so the name itself is not logged.
      lines_.warn("names",
                  "refused a webhook: the journal takes no more names of sources. Declare the sources in "
                  "[sources]: other names are then answered 404 and take no place");
      return refused(figures_.refused_names,
                     "the journal takes no more names of sources; declare the sources in [sources]", "60");
    case Kind::kSpent:
      return refused(figures_.refused_source,
                     "this source has used up its numbers; they begin anew when the agent is restarted",
                     "60");
    case Kind::kTooLarge:
      figures_.refused_unknown += 1;
      return error_answer(413, "the event is larger than the journal takes");
    case Kind::kNoMemory:
      return refused(figures_.refused_failed, "no memory for one more event; send again later", "5");
    case Kind::kFull:
      return refused(figures_.refused_no_room, "no room in the journal; send again later", "30");
    case Kind::kClosed:
      return refused(figures_.refused_failed, "the agent is stopping; send again later", "5");
    case Kind::kIo:
    case Kind::kGone:
    case Kind::kCorrupt:
    case Kind::kTooNew:
    case Kind::kLocked:
    case Kind::kNotFound:
      break;
  }
  return refused(figures_.refused_failed, "the journal failed; send again later", "5");
}

}  // namespace hookspool::agent

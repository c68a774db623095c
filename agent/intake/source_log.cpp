#include "agent/intake/source_log.h"

#include "storage/model/printable.h"

namespace hookspool::agent {
namespace {

using Kind = RepeatedLines::Kind;

constexpr std::string_view kRequestId = "request_id";

std::string with_peer(std::string text, std::string_view from) {
  return from.empty() ? text : text + ", from " + printable(from);
}

const char* outcome(SourceLog::Kept kept) {
  switch (kept) {
    case SourceLog::Kept::kQuarantined:
      return "quarantined a webhook";
    case SourceLog::Kept::kNoRoom:
      return "refused a webhook, which the quarantine had no room for";
    case SourceLog::Kept::kNotAsked:
      break;
  }
  return "refused a webhook";
}

}  // namespace

void SourceLog::refused(const net::Verdict& verdict, Kept kept, const Request& request,
                        Clock::time_point now) {
  const std::string_view reason = net::mismatch_name(verdict.mismatch);
  const std::string in_brackets = " (" + std::string(reason) + ")";
  const Kind kind{.key = reason,
                  .one = "webhook refused",
                  .many = "webhooks refused",
                  .tail = in_brackets,
                  .mark = "quarantined"};
  if (lines_.take(kind, now, kept == Kept::kQuarantined))
    lines_.write(kind, with_peer(outcome(kept) + in_brackets + ": " + verdict.text, request.from),
                 {{kRequestId, request.id}});
}

void SourceLog::handshake_answered(const Request& request, Clock::time_point now) {
  const Kind kind{.key = "handshake answered",
                  .one = "handshake answered",
                  .many = "handshakes answered",
                  .is_warning = false};
  if (lines_.take(kind, now))
    lines_.write(kind, with_peer("answered a handshake", request.from), {{kRequestId, request.id}});
}

void SourceLog::handshake_refused(std::string_view what, const Request& request, Clock::time_point now) {
  const Kind kind{.key = "handshake refused", .one = "handshake refused", .many = "handshakes refused"};
  if (lines_.take(kind, now))
    lines_.write(kind, with_peer("refused a handshake: " + std::string(what), request.from),
                 {{kRequestId, request.id}});
}

void SourceLog::over_rate(std::size_t rate_max, const Request& request, Clock::time_point now) {
  const std::string limit = ", above max_rate = " + std::to_string(rate_max);
  const Kind kind{.key = "429",
                  .one = "was answered 429",
                  .many = "were answered 429",
                  .tail = limit,
                  .interval = kRateInterval};
  if (lines_.take(kind, now)) lines_.write(kind, "1 answered 429" + limit, {{kRequestId, request.id}});
}

}  // namespace hookspool::agent

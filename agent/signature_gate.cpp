#include "agent/signature_gate.h"

#include "agent/admission.h"
#include "agent/entropy.h"
#include "agent/log.h"

namespace hookspool::agent {

SignatureGate::SignatureGate(const std::vector<SourceConfig>& sources) {
  for (const auto& source : sources) telling_.try_emplace(source.name);
}

net::Verdict SignatureGate::check(const net::HttpRequest& request, const SourceConfig& source) {
  if (source.scheme.kind == net::Scheme::Kind::kNone) return {};
  auto verdict = net::verify(source.scheme, {request.method, request.query, request.headers, request.body},
                             {source.secrets, source.public_url, wall_clock_us()});
  if (!verdict.fits()) tell(request, source, verdict);
  return verdict;
}

void SignatureGate::tell(const net::HttpRequest& request, const SourceConfig& source,
                         const net::Verdict& verdict) {
  const auto found = telling_.find(source.name);
  if (found == telling_.end()) return;
  Telling& telling = found->second;
  const auto now_ms =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  std::int64_t next_ms = telling.next_ms.load();
  const std::int64_t after_ms = now_ms + milliseconds(kTellInterval).count();
  if (now_ms < next_ms || !telling.next_ms.compare_exchange_strong(next_ms, after_ms)) {
    telling.untold += 1;
    return;
  }
  const std::uint64_t untold = telling.untold.exchange(0);
  log_warn("source " + source.name + ": refused a webhook" +
           (request.remote_addr.empty() ? "" : " from " + printable(request.remote_addr)) + ": " +
           verdict.text +
           (untold == 0 ? "" : " (and " + std::to_string(untold) + " others since this was told last)"));
}

net::HttpAnswer SignatureGate::refusal(const SourceConfig& source) {
  auto answer = error_answer(401, "the signature of this webhook could not be verified");
  // Some clients send the password only when they are asked for it (RFC 9110 section 11.6.1).
  if (source.scheme.kind == net::Scheme::Kind::kBasic) {
    answer.headers.emplace_back("WWW-Authenticate", "Basic realm=\"hookspool\"");
  }
  return answer;
}

}  // namespace hookspool::agent

#include "agent/signature_gate.h"

#include "agent/admission.h"
#include "agent/entropy.h"
#include "agent/log.h"
#include "net/verify/handshake.h"
#include "net/verify/providers.h"

namespace hookspool::agent {
namespace {

net::Handshake handshake_of(const SourceConfig& source) {
  const auto* provider = net::find_provider(source.verify);
  return provider == nullptr ? net::Handshake::kNone : provider->handshake;
}

net::SignedRequest signed_request(const net::HttpRequest& request) {
  return {request.method, request.query, request.headers, request.body};
}

}  // namespace

net::Verdict SignatureGate::check(const net::HttpRequest& request, const ServedSource& source) {
  const SourceConfig& config = source.config;
  if (config.scheme.kind == net::Scheme::Kind::kNone) return {};
  auto verdict = net::verify(config.scheme, signed_request(request),
                             {config.secrets, config.public_url, wall_clock_us()});
  if (!verdict.fits()) tell(source, request, "refused a webhook: " + verdict.text);
  return verdict;
}

std::optional<net::HttpAnswer> SignatureGate::open_handshake(const net::HttpRequest& request,
                                                             const ServedSource& source) {
  const auto kind = handshake_of(source.config);
  if (kind == net::Handshake::kNone) return std::nullopt;
  return answer(net::open_handshake(kind, signed_request(request), source.config.verify_token), source,
                request);
}

std::optional<net::HttpAnswer> SignatureGate::signed_handshake(const net::HttpRequest& request,
                                                               const ServedSource& source) {
  const SourceConfig& config = source.config;
  const auto kind = handshake_of(config);
  if (kind == net::Handshake::kNone) return std::nullopt;
  return answer(net::signed_handshake(kind, config.scheme, signed_request(request),
                                      {config.secrets, config.public_url, wall_clock_us()}),
                source, request);
}

std::optional<net::HttpAnswer> SignatureGate::answer(std::optional<net::HandshakeAnswer> handshake,
                                                     const ServedSource& source,
                                                     const net::HttpRequest& request) {
  if (!handshake) return std::nullopt;
  if (handshake->status != 200) {
    tell(source, request, "refused a handshake: " + handshake->body);
    return error_answer(handshake->status, handshake->body);
  }
  tell(source, request, "answered a handshake");
  net::HttpAnswer http{200, std::move(handshake->content_type), std::move(handshake->body), {}};
  http.headers.emplace_back("X-Content-Type-Options", "nosniff");
  http.headers.emplace_back("Content-Security-Policy", "default-src 'none'");
  http.headers.emplace_back("Cache-Control", "no-store");
  return http;
}

void SignatureGate::tell(const ServedSource& source, const net::HttpRequest& request,
                         const std::string& what) {
  if (!source.telling) return;
  Telling& telling = *source.telling;
  const auto now_ms =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  std::int64_t next_ms = telling.next_ms.load();
  const std::int64_t after_ms = now_ms + milliseconds(kTellInterval).count();
  if (now_ms < next_ms || !telling.next_ms.compare_exchange_strong(next_ms, after_ms)) {
    telling.untold += 1;
    return;
  }
  const std::uint64_t untold = telling.untold.exchange(0);
  log_warn("source " + source.config.name + ": " + what +
           (request.remote_addr.empty() ? "" : ", from " + printable(request.remote_addr)) +
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

#include "agent/intake/signature_gate.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "agent/base/wall_clock.h"
#include "agent/intake/answers.h"
#include "agent/intake/browser_guard.h"
#include "net/verify/handshake.h"
#include "net/verify/providers.h"

namespace hookspool::agent {
namespace {

net::Handshake handshake_of(const SourceConfig& source) {
  const auto* provider = net::find_provider(source.verify);
  return provider == nullptr ? net::Handshake::kNone : provider->handshake;
}

std::optional<net::HttpAnswer> probe_answer(const net::HttpRequest& request, const SourceConfig& source,
                                            net::Handshake handshake) {
  const auto& probes = source.probes;
  if (std::find(probes.begin(), probes.end(), request.method) == probes.end()) return std::nullopt;
  if (request.method == "GET" && net::asks_by_get(handshake, request.query)) return std::nullopt;
  net::HttpAnswer answer{200, "", "", {}};
  if (request.method == "OPTIONS") answer.headers.emplace_back("Allow", "OPTIONS, POST");
  return answer;
}

net::HttpAnswer handshake_answer(net::HandshakeAnswer&& handshake, const ServedSource& source,
                                 const net::HttpRequest& request) {
  const auto now = SourceLog::Clock::now();
  const std::string id = new_request_id();
  const SourceLog::Request logged{request.remote_addr, id};
  if (handshake.status != 200) {
    if (source.log) source.log->handshake_refused(handshake.body, logged, now);
    auto refused = error_answer(handshake.status, handshake.body);
    name_request(refused, id);
    return refused;
  }
  if (source.log) source.log->handshake_answered(logged, now);
  net::HttpAnswer answer{200, std::move(handshake.content_type), std::move(handshake.body), {}};
  answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
  answer.headers.emplace_back("Content-Security-Policy", "default-src 'none'");
  answer.headers.emplace_back("Cache-Control", "no-store");
  name_request(answer, id);
  return answer;
}

net::HttpAnswer wrong_method_answer() {
  auto answer = error_answer(405, "webhooks come by POST");
  answer.headers.emplace_back("Allow", "POST");
  return answer;
}

net::HttpAnswer not_verified_answer(const SourceConfig& source) {
  auto answer = error_answer(401, "the signature of this webhook could not be verified");
  // Some clients send the password only when they are asked for it (RFC 9110 section 11.6.1).
  if (source.scheme.kind == net::Scheme::Kind::kBasic)
    answer.headers.emplace_back("WWW-Authenticate", "Basic realm=\"hookspool\"");
  return answer;
}

}  // namespace

Judgement SignatureGate::judge(const net::HttpRequest& request, const ServedSource& source,
                               net::JsonFields& body) {
  const SourceConfig& config = source.config;
  if (config.verify == "none") {
    if (const auto why = refused_as_browsers(request, !source.is_declared))
      return NoWebhook{error_answer(403, *why)};
  }
  const net::Handshake kind = handshake_of(config);
  const net::SignedRequest seen{request.method, request.query, request.headers, request.body};
  if (auto answer = probe_answer(request, config, kind)) return Probe{std::move(*answer)};
  if (auto asked = net::open_handshake(kind, seen, config.verify_token))
    return HandshakeRequest{handshake_answer(std::move(*asked), source, request)};
  if (request.method != "POST") return NoWebhook{wrong_method_answer()};
  if (config.scheme.kind == net::Scheme::Kind::kNone) return Genuine{};

  const net::Keys keys{config.secrets, config.public_url, wall_clock_us()};
  if (auto verdict = net::verify(config.scheme, seen, keys); !verdict.fits())
    return NotVerified{std::move(verdict), not_verified_answer(config)};
  if (auto asked = net::signed_handshake(kind, config.scheme, seen, keys, body))
    return HandshakeRequest{handshake_answer(std::move(*asked), source, request)};
  return Genuine{};
}

}  // namespace hookspool::agent

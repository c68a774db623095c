#include "agent/intake/signature_gate.h"

#include <algorithm>

#include "agent/base/entropy.h"
#include "agent/intake/admission.h"
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
  return net::verify(config.scheme, signed_request(request),
                     {config.secrets, config.public_url, wall_clock_us()});
}

std::optional<net::HttpAnswer> SignatureGate::probe(const net::HttpRequest& request,
                                                    const ServedSource& source) {
  const auto& probes = source.config.probes;
  if (std::find(probes.begin(), probes.end(), request.method) == probes.end()) return std::nullopt;
  const bool handshake =
      request.method == "GET" && net::asks_by_get(handshake_of(source.config), request.query);
  if (handshake) return std::nullopt;
  net::HttpAnswer answer{200, "", "", {}};
  if (request.method == "OPTIONS") answer.headers.emplace_back("Allow", "OPTIONS, POST");
  return answer;
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
    if (source.log)
      source.log->handshake_refused(handshake->body, request.remote_addr, SourceLog::Clock::now());
    return error_answer(handshake->status, handshake->body);
  }
  if (source.log) source.log->handshake_answered(request.remote_addr, SourceLog::Clock::now());
  net::HttpAnswer http{200, std::move(handshake->content_type), std::move(handshake->body), {}};
  http.headers.emplace_back("X-Content-Type-Options", "nosniff");
  http.headers.emplace_back("Content-Security-Policy", "default-src 'none'");
  http.headers.emplace_back("Cache-Control", "no-store");
  return http;
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

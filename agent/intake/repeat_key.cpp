#include "agent/intake/repeat_key.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/intake/deduplicator.h"
#include "net/verify/digest.h"

namespace hookspool::agent {
namespace {

// What a key is made of. Each part begins with its length, so that no two lists of parts are the same bytes.
class Identity {
 public:
  // `rule`: keys of different rules never meet.
  explicit Identity(std::string_view rule) { add(rule); }

  Identity& add(std::string_view part) {
    for (int shift = 56; shift >= 0; shift -= 8)
      bytes_ += static_cast<char>(static_cast<std::uint64_t>(part.size()) >> shift);
    bytes_ += part;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Of what an event carries beside its headers. Nothing only where the library fails.
std::optional<std::string> content_digest(const net::HttpRequest& request) {
  const std::string query = Identity(request.query).bytes();
  const std::array<std::string_view, 2> pieces{query, request.body};
  return net::digest(net::Algorithm::kSha256, pieces);
}

// With what the event carries; nothing where that has no digest.
std::optional<Identity> with_content(Identity identity, const net::HttpRequest& request) {
  const auto digest = content_digest(request);
  if (!digest) return std::nullopt;
  return identity.add(*digest);
}

std::optional<Identity> of_delivery_id(const net::DeliveryId& id, const net::HttpRequest& request) {
  if (id.text.empty()) return std::nullopt;
  Identity identity(id.is_signed ? "signed id" : "id and content");
  identity.add(id.where).add(id.is_number ? "number" : "text").add(id.text);
  for (const auto& beside : id.beside) identity.add(beside);
  if (id.is_signed) return identity;
  return with_content(std::move(identity), request);
}

// The configuration says that this header is what makes an event. Every client can send it, though, and
// where requests are signed that includes a replay of an old one: then the bytes count as well. A token proves the
// sender of this very request, header and all.
std::optional<Identity> of_header(const std::string& name, const net::HttpRequest& request,
                                  const net::Scheme& scheme) {
  const bool vouched_for =
      scheme.kind != net::Scheme::Kind::kSignature || net::is_signed_header(scheme, request.headers, name);
  Identity identity(vouched_for ? "header" : "header and content");
  bool any = false;
  for (const auto& [each, value] : request.headers) {
    if (each != name) continue;
    identity.add(value);
    any = any || !value.empty();
  }
  if (!any) return std::nullopt;
  if (vouched_for) return identity;
  return with_content(std::move(identity), request);
}

std::optional<Identity> of_pointer(const std::string& pointer, net::JsonFields& body) {
  const auto scalar = body.scalar(pointer);
  if (!scalar || scalar->characters.empty()) return std::nullopt;
  return Identity("pointer").add(scalar->is_text ? "text" : "number").add(scalar->characters);
}

std::optional<Identity> identity_of(const net::HttpRequest& request, const SourceConfig& source,
                                    const net::DeliveryId& id, net::JsonFields& body) {
  using By = DedupeRule::By;
  switch (source.dedupe.by) {
    case By::kNothing:
      return std::nullopt;
    case By::kDeliveryId:
      return of_delivery_id(id, request);
    case By::kBody:
      return with_content(Identity("body"), request);
    case By::kHeader:
      return of_header(source.dedupe.name, request, source.scheme);
    case By::kPointer:
      return of_pointer(source.dedupe.name, body);
  }
  return std::nullopt;
}

}  // namespace

Uuid repeat_key(const net::HttpRequest& request, const SourceConfig& source, const net::DeliveryId& id,
                net::JsonFields& body) {
  const auto identity = identity_of(request, source, id, body);
  return identity ? dedupe_key(source.name, identity->bytes()) : Uuid{};
}

}  // namespace hookspool::agent

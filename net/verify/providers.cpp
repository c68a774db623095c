#include "net/verify/providers.h"

#include <algorithm>
#include <cassert>

namespace hookspool::net {
namespace {

using std::chrono::seconds;
using From = TimestampRule::From;

// Of the table below only: a template that cannot be read is our own mistake.
std::vector<SignedPart> parts(std::string_view text) {
  auto parsed = parse_signed(text);
  assert(parsed);
  return std::move(*parsed);
}

Scheme hmac(std::string_view header, std::string_view prefix, std::string_view signed_text,
            Encoding encoding = Encoding::kHex) {
  Scheme scheme;
  scheme.kind = Scheme::Kind::kSignature;
  scheme.headers = {std::string(header)};
  scheme.prefix = prefix;
  scheme.encoding = encoding;
  scheme.signed_parts = parts(signed_text);
  return scheme;
}

Scheme listed(Scheme scheme, char separator) {
  scheme.separator = separator;
  return scheme;
}

Scheme stamped(Scheme scheme, From from, std::string_view where,
               TimestampUnit unit = TimestampUnit::kSeconds) {
  scheme.timestamp.from = from;
  scheme.timestamp.unit = unit;
  if (from == From::kHeader) scheme.timestamp.headers = {std::string(where)};
  if (from == From::kSignature) scheme.timestamp.key = where;
  if (from == From::kBody) scheme.timestamp.pointer = where;
  return scheme;
}

Scheme token(std::string_view header, std::string_view prefix = "") {
  Scheme scheme;
  scheme.kind = Scheme::Kind::kToken;
  scheme.headers = {std::string(header)};
  scheme.prefix = prefix;
  return scheme;
}

// standard-webhooks/standard-webhooks, spec/standard-webhooks.md. `v1a` (Ed25519) entries are passed over.
Scheme standard_webhooks(std::vector<std::string> prefixes) {
  Scheme scheme = listed(hmac("", "v1,", "{id}.{timestamp}.{body}", Encoding::kBase64), ' ');
  scheme.secret_form = SecretForm::kBase64;
  scheme.headers.clear();
  scheme.timestamp.from = From::kHeader;
  for (const auto& prefix : prefixes) {
    scheme.headers.push_back(prefix + "-signature");
    scheme.id_headers.push_back(prefix + "-id");
    scheme.timestamp.headers.push_back(prefix + "-timestamp");
  }
  return scheme;
}

Scheme shopify() {
  Scheme scheme = hmac("x-shopify-hmac-sha256", "", "{body}", Encoding::kBase64);
  scheme.headers.emplace_back("shopify-hmac-sha256");
  scheme.every_header = true;
  return scheme;
}

// twilio/twilio-python, twilio/request_validator.py
Scheme twilio() {
  Scheme scheme = hmac("x-twilio-signature", "", "{url}{form}", Encoding::kBase64);
  scheme.algorithm = Algorithm::kSha1;
  scheme.port_optional = true;
  return scheme;
}

Scheme linear() {
  // The body's own timestamp counts, for the header of the same meaning is not signed.
  Scheme scheme = stamped(hmac("linear-signature", "", "{body}"), From::kBody, "/webhookTimestamp",
                          TimestampUnit::kMilliseconds);
  scheme.timestamp.number_only = true;
  scheme.tolerance = seconds(60);
  return scheme;
}

// HubSpot/hubspot-api-python, hubspot/utils/signature.py
Scheme hubspot() {
  Scheme scheme =
      stamped(hmac("x-hubspot-signature-v3", "", "{method}{url}{body}{timestamp}", Encoding::kBase64),
              From::kHeader, "x-hubspot-request-timestamp", TimestampUnit::kMilliseconds);
  scheme.url_partly_decoded = true;
  return scheme;
}

Scheme microsoft_graph() {
  Scheme scheme;
  scheme.kind = Scheme::Kind::kBodyToken;
  scheme.body_pattern = "/value/*/clientState";
  return scheme;
}

Scheme basic() {
  Scheme scheme;
  scheme.kind = Scheme::Kind::kBasic;
  scheme.headers = {"authorization"};
  scheme.prefix = "Basic ";
  return scheme;
}

// Of senders that are not in the table: what many use, the most specific first. It is a guess, so it counts only together
// with the bytes of the event (delivery_id.h). X-Request-Id is left out because proxies make a new one for each attempt,
// X-Webhook-Id because to many senders it is the subscription's.
DeliveryIdRule usual_delivery_id() {
  return {{"x-github-delivery", "webhook-id", "svix-id", "idempotency-key", "x-shopify-webhook-id",
           "shopify-webhook-id", "x-gitlab-event-uuid", "linear-delivery", "x-request-uuid"},
          "",
          {"x-github-hook-id"}};
}

std::vector<Provider> make_table() {
  constexpr auto kNo = SenderRetries::kNo, kYes = SenderRetries::kYes, kUnknown = SenderRetries::kUnknown;
  const Scheme meta = hmac("x-hub-signature-256", "sha256=", "{body}");
  const Scheme slack = stamped(hmac("x-slack-signature", "v0=", "v0:{timestamp}:{body}"), From::kHeader,
                               "x-slack-request-timestamp");
  const Scheme zoom = stamped(hmac("x-zm-signature", "v0=", "v0:{timestamp}:{body}"), From::kHeader,
                              "x-zm-request-timestamp");
  const Scheme stripe =
      stamped(listed(hmac("stripe-signature", "v1=", "{timestamp}.{body}"), ','), From::kSignature, "t");
  const Scheme paddle =
      stamped(listed(hmac("paddle-signature", "h1=", "{timestamp}:{body}"), ';'), From::kSignature, "ts");
  const Scheme square = hmac("x-square-hmacsha256-signature", "", "{url}{body}", Encoding::kBase64);
  const Scheme pagerduty = listed(hmac("x-pagerduty-signature", "v1=", "{body}"), ',');
  // What a configuration describes itself begins as the commonest there is.
  const Scheme own = hmac("", "", "{body}");
  const DeliveryIdRule usual = usual_delivery_id();
  return {
      {"none", "everything is taken", {}, usual, kUnknown},
      {"standard-webhooks", "Standard Webhooks", standard_webhooks({"webhook"}), {{"webhook-id"}, ""}, kYes},
      {"svix", "Svix", standard_webhooks({"svix", "webhook"}), {{"svix-id", "webhook-id"}, ""}, kYes},
      // Two Apps, or an App and a repository's hook, may give one id to different payloads (github/docs, issue 32822).
      {"github", "GitHub", meta, {{"x-github-delivery"}, "", {"x-github-hook-id"}}, kNo},
      {"gitlab",
       "GitLab, secret token",
       token("x-gitlab-token"),
       {{"idempotency-key", "webhook-id"}, ""},
       kNo},
      {"gitlab-signed",
       "GitLab, signing token",
       standard_webhooks({"webhook"}),
       {{"idempotency-key", "webhook-id"}, ""},
       kNo},
      {"stripe", "Stripe", stripe, {{}, "/id"}, kYes},
      {"slack", "Slack", slack, {{}, "/event_id"}, kYes, Handshake::kSlack},
      {"shopify", "Shopify", shopify(), {{"x-shopify-webhook-id", "shopify-webhook-id"}, ""}, kYes},
      {"meta", "Meta", meta, {}, kYes, Handshake::kMeta},
      {"whatsapp", "WhatsApp", meta, {}, kYes, Handshake::kMeta},
      {"messenger", "Messenger", meta, {}, kYes, Handshake::kMeta},
      // Sends again after a failed connection only, never after an answer.
      {"twilio", "Twilio", twilio(), {{"i-twilio-idempotency-token"}, ""}, kNo},
      {"paddle", "Paddle", paddle, {{}, "/event_id"}, kYes},
      {"square", "Square", square, {{}, "/event_id"}, kYes},
      {"linear", "Linear", linear(), {{"linear-delivery"}, ""}, kYes},
      {"pagerduty", "PagerDuty v3", pagerduty, {{"x-webhook-id"}, ""}, kYes},
      {"telegram", "Telegram", token("x-telegram-bot-api-secret-token"), {{}, "/update_id"}, kYes},
      {"bitbucket",
       "Bitbucket Cloud",
       hmac("x-hub-signature", "sha256=", "{body}"),
       {{"x-request-uuid"}, ""},
       kYes},
      {"hubspot", "HubSpot, signature v3", hubspot(), {}, kYes},
      {"hubspot-v2",
       "HubSpot, signature v2",
       hmac("x-hubspot-signature", "", "{secret}{method}{url}{body}"),
       {},
       kYes},
      {"hubspot-v1", "HubSpot, signature v1", hmac("x-hubspot-signature", "", "{secret}{body}"), {}, kYes},
      {"zoom", "Zoom", zoom, {}, kYes, Handshake::kZoom},
      {"microsoft-graph", "Microsoft Graph", microsoft_graph(), {}, kYes, Handshake::kMicrosoftGraph},
      {"dropbox", "Dropbox", hmac("x-dropbox-signature", "", "{body}"), {}, kYes, Handshake::kDropbox},
      {"hmac", "an HMAC that `signature` describes", own, usual, kUnknown, Handshake::kNone, true},
      {"token", "the secret in a header that `signature` names", token(""), usual, kUnknown, Handshake::kNone,
       true},
      {"bearer", "Authorization: Bearer", token("authorization", "Bearer "), usual, kUnknown},
      {"basic", "Authorization: Basic", basic(), usual, kUnknown},
  };
}

}  // namespace

std::span<const Provider> providers() {
  static const std::vector<Provider> table = make_table();
  return table;
}

const Provider* find_provider(std::string_view name) {
  const auto table = providers();
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Provider& each) { return each.name == name; });
  return found == table.end() ? nullptr : &*found;
}

std::vector<std::string> provider_names() {
  std::vector<std::string> names;
  for (const auto& provider : providers()) names.emplace_back(provider.name);
  return names;
}

}  // namespace hookspool::net

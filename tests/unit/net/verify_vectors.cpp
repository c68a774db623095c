#include "tests/unit/net/verify_vectors.h"

#include <stdexcept>

namespace hookspool::testing {
namespace {

// PagerDuty/go-pagerduty, webhookv3/webhookv3_test.go
constexpr const char* kPagerDutyBody =
    R"({"event":{"id":"01BWDWL3NYY7LUFPZCC28QUCMK","event_type":"incident.priority_updated","resource_type":"incident",)"
    R"("occurred_at":"2021-04-26T17:36:27.458Z","agent":{"html_url":"https://acme.pagerduty.com/users/PLH1HKV","id":)"
    R"("PLH1HKV","self":"https://api.pagerduty.com/users/PLH1HKV","summary":"Tenex Engineer","type":"user_reference"},)"
    R"("client":null,"data":{"id":"PGR0VU2","type":"incident","self":"https://api.pagerduty.com/incidents/PGR0VU2",)"
    R"("html_url":"https://acme.pagerduty.com/incidents/PGR0VU2","number":2,"status":"triggered","title":"A little )"
    R"(bump in the road","service":{"html_url":"https://acme.pagerduty.com/services/PF9KMXH","id":"PF9KMXH","self":)"
    R"("https://api.pagerduty.com/services/PF9KMXH","summary":"API Service","type":"service_reference"},"assignees":)"
    R"([{"html_url":"https://acme.pagerduty.com/users/PTUXL6G","id":"PTUXL6G","self":"https://api.pagerduty.com/users/)"
    R"(PTUXL6G","summary":"User 123","type":"user_reference"}],"escalation_policy":{"html_url":"https://acme.pagerduty)"
    R"(.com/escalation_policies/PUS0KTE","id":"PUS0KTE","self":"https://api.pagerduty.com/escalation_policies/PUS0KTE",)"
    R"("summary":"Default","type":"escalation_policy_reference"},"teams":[{"html_url":"https://acme.pagerduty.com/teams)"
    R"(/PFCVPS0","id":"PFCVPS0","self":"https://api.pagerduty.com/teams/PFCVPS0","summary":"Engineering","type":)"
    R"("team_reference"}],"priority":{"html_url":"https://acme.pagerduty.com/account/incident_priorities","id":)"
    R"("PSO75BM","self":"https://api.pagerduty.com/priorities/PSO75BM","summary":"P1","type":"priority_reference"},)"
    R"("urgency":"high","conference_bridge":{"conference_number":1000,"conference_url":"https://example.com"},)"
    R"("resolve_reason":null}}})";

// slackapi/python-slack-sdk, tests/slack_sdk/signature/test_signature_verifier.py
constexpr const char* kSlackBody =
    "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_"
    "name=foobar"
    "&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%"
    "2Fhooks.slack."
    "com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015."
    "47445629121.803a0bc8"
    "87a14d10d2c447fce8b6703c";

constexpr const char* kForm = "application/x-www-form-urlencoded";
constexpr const char* kTwilioForm =
    "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309";
constexpr const char* kHubSpotSecret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
constexpr const char* kHubSpotUrl = "https://www.example.com/webhook_uri";
constexpr const char* kHubSpotBody = "{'example_field':'example_value'}";

std::vector<Vector> of_many() {
  return {
      {"standard-webhooks",
       "standard-webhooks",
       "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
       {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
        {"webhook-timestamp", "1614265330"},
        {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
       R"({"test": 2432232314})",
       1'614'265'330},
      {"gitlab-signed",
       "gitlab-signed",
       "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",  // own: the same rules
       {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
        {"webhook-timestamp", "1614265330"},
        {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
       R"({"test": 2432232314})",
       1'614'265'330},
      // svix/svix-webhooks, rust/src/webhooks.rs
      {"svix",
       "svix",
       "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
       {{"svix-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"},
        {"svix-timestamp", "1649367553"},
        {"svix-signature", "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="}},
       R"({"email":"test@example.com","username":"test_user"})",
       1'649'367'553},
      {"svix, other names",
       "svix",
       "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
       {{"webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"},
        {"webhook-timestamp", "1649367553"},
        {"webhook-signature", "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="}},
       R"({"email":"test@example.com","username":"test_user"})",
       1'649'367'553},
      // "Validating webhook deliveries", GitHub Docs
      {"github, documentation",
       "github",
       "It's a Secret to Everybody",
       {{"x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
       "Hello, World!"},
      // octokit/webhooks-methods.js, test/sign.test.ts
      {"github, octokit",
       "github",
       "mysecret",
       {{"x-hub-signature-256", "sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3"}},
       R"({"foo":"bar"})"},
      // google/go-github, github/messages_test.go
      {"github, go-github",
       "github",
       "0123456789abcdef",
       {{"x-hub-signature-256", "sha256=b1f8020f5b4cd42042f807dd939015c4a418bc1ff7f604dd55b0a19b5d953d9b"}},
       R"({"yo":true})"},
      {"meta",
       "meta",
       "mysecret",  // own: GitHub's rules
       {{"x-hub-signature-256", "sha256=4864d2759938a15468b5df9ade20bf161da9b4f737ea61794142f3484236bda3"}},
       R"({"foo":"bar"})"},
      {"gitlab", "gitlab", "glwt-1a2b3c", {{"x-gitlab-token", "glwt-1a2b3c"}}, "{}"},  // own
  };
}

std::vector<Vector> of_shops() {
  return {
      {"stripe",
       "stripe",
       "whsec_test_secret",  // own: the SDKs sign with the time of the test
       {{"stripe-signature",
         "t=1614265330,v1=3c5817089d739023dd6190f70a3757e04f7a2fd8b5dab12c2e000f51970dccff"}},
       R"({"id":"evt_test_webhook","object":"event"})",
       1'614'265'330},
      {"slack",
       "slack",
       "8f742231b10e8888abcd99yyyzzz85a5",
       {{"x-slack-signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
        {"x-slack-request-timestamp", "1531420618"}},
       kSlackBody,
       1'531'420'618},
      // Shopify/shopify-app-js, packages/apps/shopify-api/lib/webhooks/__tests__/validate.test.ts
      {"shopify",
       "shopify",
       "test_secret_key",
       {{"x-shopify-hmac-sha256", "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="}},
       R"({"foo": "bar"})"},
      {"shopify, events",
       "shopify",
       "test_secret_key",
       {{"shopify-hmac-sha256", "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="}},
       R"({"foo": "bar"})"},
  };
}

std::vector<Vector> of_urls() {
  return {
      // twilio/twilio-python, tests/unit/test_request_validator.py
      {"twilio, form",
       "twilio",
       "12345",
       {{"x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, {"content-type", kForm}},
       kTwilioForm,
       0,
       "https://mycompany.com/myapp.php",
       "foo=1&bar=2"},
      {"twilio, signed with the port",
       "twilio",
       "12345",
       {{"x-twilio-signature", "kvajT1Ptam85bY51eRf/AJRuM3w="}, {"content-type", kForm}},
       kTwilioForm,
       0,
       "https://mycompany.com/myapp.php",
       "foo=1&bar=2"},
      {"twilio, signed without the port",
       "twilio",
       "12345",
       {{"x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, {"content-type", kForm}},
       kTwilioForm,
       0,
       "https://mycompany.com:443/myapp.php",
       "foo=1&bar=2"},
      {"twilio, a field twice",
       "twilio",
       "12345",  // its values are sorted, and each counts once
       {{"x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, {"content-type", kForm}},
       std::string(kTwilioForm) + "&Digits=1234",
       0,
       "https://mycompany.com/myapp.php",
       "foo=1&bar=2"},
      {"twilio, JSON",
       "twilio",
       "12345",
       {{"x-twilio-signature", "a9nBmqA0ju/hNViExpshrM61xv4="}, {"content-type", "application/json"}},
       R"({"property": "value", "boolean": true})",
       0,
       "https://mycompany.com/myapp.php",
       "foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"},
      // PaddleHQ/paddle-python-sdk, tests/Unit/Notification/test_Verifier.py
      {"paddle",
       "paddle",
       "pdl_ntf_01hbpjmytsa32fhr36nqgc3kgb_WvRO0eL4Bj9rgYYIBZY6wZhG4EHy9jzh",
       {{"paddle-signature",
         "ts=1696195954;h1=dummy;h1=d96299976a6eb066f484d7fde011ac56fc32b38fc9940bc419d6e537fdc6ef02"}},
       "hello-world",
       1'696'195'954},
      // square/square-python-sdk, tests/integration/test_webhooks_helper.py
      {"square",
       "square",
       "signature-key",
       {{"x-square-hmacsha256-signature", "Cxt7+aTi4rKgcA0bC4g9EHdVtLSDWdqccmL5MvihU4U="}},
       R"({"data":{"type":"webhooks","id":">id<"}})",
       0,
       "https://webhook.site/webhooks"},
  };
}

std::vector<Vector> of_others() {
  return {
      {"linear",
       "linear",
       "lin_wh_secret",  // own
       {{"linear-signature", "dc63cea7dc7a6c3527635c148de05615c433ff99df2789674d8721d44986a61d"}},
       R"({"action":"create","type":"Issue","webhookTimestamp":1614265330000})",
       1'614'265'330},
      {"pagerduty",
       "pagerduty",
       "lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK",
       {{"x-pagerduty-signature", "v1=0c0b9495b893a39e70d1fea2fe11fbe0a825f88b9f67846f6cc07dd2bc5476cd"}},
       kPagerDutyBody},
      {"telegram", "telegram", "Se_cret-1", {{"x-telegram-bot-api-secret-token", "Se_cret-1"}}, "{}"},  // own
      // "Manage webhooks", Atlassian
      {"bitbucket",
       "bitbucket",
       "It's a Secret to Everybody",
       {{"x-hub-signature", "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"}},
       "Hello World!"},
      // HubSpot/hubspot-api-python, tests/spec/utils/test_signature.py
      {"hubspot",
       "hubspot",
       kHubSpotSecret,
       {{"x-hubspot-signature-v3", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="},
        {"x-hubspot-request-timestamp", "1693657560000"}},
       kHubSpotBody,
       1'693'657'560,
       kHubSpotUrl},
      {"hubspot-v2",
       "hubspot-v2",
       kHubSpotSecret,
       {{"x-hubspot-signature", "4fe4e3a7d3cf09db53be39d0a58130e2aaba074ec123a9e355b876a689a1c383"}},
       kHubSpotBody,
       0,
       kHubSpotUrl},
      {"hubspot-v1",
       "hubspot-v1",
       kHubSpotSecret,
       {{"x-hubspot-signature", "69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750"}},
       kHubSpotBody},
      {"zoom",
       "zoom",
       "zoomsecret",  // own
       {{"x-zm-signature", "v0=5d6d4d986bb58274721ba1b4f917cf79e7f5eb504bf87ce2ea19fd319562ac8b"},
        {"x-zm-request-timestamp", "1614265330"}},
       R"({"event":"meeting.started","event_ts":1614265330000})",
       1'614'265'330},
      {"microsoft-graph",
       "microsoft-graph",
       "client-state-1",
       {},  // own
       R"({"value":[{"clientState":"client-state-1","id":"a"},{"id":"b","clientState":"client-state-1"}]})"},
      // npm hapi-dropbox-webhooks 1.1.0, test/index.js
      {"dropbox",
       "dropbox",
       "the_secret",
       {{"x-dropbox-signature", "0a8c16b085420b960dc78664279fe09e936a2a01b1f91064869d9e77dfd64529"}},
       R"({"delta": {"users": [12345]}})"},
      {"bearer",
       "bearer",
       "t0ken",
       {{"authorization", "bearer t0ken"}},
       "{}"},  // RFC 6750, RFC 9110 section 11.1
      {"basic",
       "basic",
       "Aladdin:open sesame",  // RFC 7617 section 2
       {{"authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}},
       "{}"},
      {"basic, UTF-8", "basic", "test:123\xC2\xA3", {{"authorization", "Basic dGVzdDoxMjPCow=="}}, "{}"},
  };
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Vector& vector) {
  return out << vector.name;
}

const std::vector<Vector>& signed_vectors() {
  static const std::vector<Vector> vectors = [] {
    std::vector<Vector> all;
    for (auto&& some : {of_many(), of_shops(), of_urls(), of_others()}) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return vectors;
}

net::Verdict verdict_of(const Vector& vector, const std::vector<std::string>& secrets, net::Trace* trace) {
  const auto* provider = net::find_provider(vector.provider);
  if (provider == nullptr) return {net::Mismatch::kNoSecretFits, "no such provider"};
  return net::verify(provider->scheme, {vector.method, vector.query, vector.headers, vector.body},
                     {secrets, vector.public_url, vector.now_s * 1'000'000}, trace);
}

net::Verdict verdict_of(const Vector& vector) {
  return verdict_of(vector, {vector.secret});
}

Vector vector_named(const std::string& name) {
  for (const auto& vector : signed_vectors()) {
    if (vector.name == name) return vector;
  }
  throw std::invalid_argument("no vector " + name);
}

}  // namespace hookspool::testing

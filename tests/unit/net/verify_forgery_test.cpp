// What a forger makes of one captured message, and what a looser reading would let through: the text that is signed cut
// elsewhere, times in a second spelling, bodies that a digest does not cover.
#include <gtest/gtest.h>

#include "net/verify/boundaries.h"
#include "net/verify/digest.h"
#include "net/verify/encoding.h"
#include "net/verify/signed_url.h"
#include "net/verify/timestamp.h"
#include "net/verify/verifier.h"
#include "tests/unit/net/verify_vectors.h"

namespace hookspool::testing {
namespace {

using net::Mismatch;
using net::Scheme;
using From = net::TimestampRule::From;

TEST(Timestamps, InOneSpellingEach) {
  using net::parse_timestamp;
  using Unit = net::TimestampUnit;
  EXPECT_EQ(parse_timestamp("1614265330", Unit::kSeconds), 1'614'265'330'000);
  EXPECT_EQ(parse_timestamp("1614265330123", Unit::kMilliseconds), 1'614'265'330'123);
  for (const char* bad : {"", "01614265330", "0161426533", "161426533", "1614265330123", "+614265330",
                          " 614265330", "1614265330 ", "1.14265330", "161426533e"}) {
    EXPECT_FALSE(parse_timestamp(bad, Unit::kSeconds)) << bad;
  }
  EXPECT_FALSE(parse_timestamp("1614265330", Unit::kMilliseconds));
  EXPECT_FALSE(parse_timestamp("0614265330123", Unit::kMilliseconds));
  for (const char* same :
       {"2021-02-25T15:02:10Z", "2021-02-25T15:02:10.0Z", "2021-02-25t15:02:10.000000000z",
        "2021-02-25T16:32:10+01:30", "2021-02-25T07:02:10-08:00", "2021-02-26T00:02:10.000+09:00"}) {
    EXPECT_EQ(parse_timestamp(same, Unit::kRfc3339), 1'614'265'330'000) << same;
  }
  EXPECT_EQ(parse_timestamp("2021-02-25T15:02:10.634234626Z", Unit::kRfc3339), 1'614'265'330'634);
  EXPECT_EQ(parse_timestamp("2021-02-25T15:02:10.6Z", Unit::kRfc3339), 1'614'265'330'600);
  EXPECT_EQ(parse_timestamp("2016-12-31T23:59:60Z", Unit::kRfc3339), 1'483'228'800'000) << "a leap second";
  for (const char* bad : {"2021-02-25T15:02:10", "2021-02-25", "2021-02-30T15:02:10Z", "2021-13-01T15:02:10Z",
                          "2021-02-25T24:00:00Z", "2021-02-25T15:02:10.Z", "2021-02-25T15:02:10+0100",
                          "2021-02-25T15:02:10Z ", "12021-02-25T15:02:10Z", "1614265330", ""}) {
    EXPECT_FALSE(parse_timestamp(bad, Unit::kRfc3339)) << bad;
  }
}

std::string signed_with(const std::string& secret, const std::string& text, bool base64 = false) {
  const std::string_view piece = text;
  const auto mac = net::hmac(net::Algorithm::kSha256, secret, std::span(&piece, 1)).value();
  return base64 ? net::encode_base64(mac) : net::encode_hex(mac);
}

// One request of a scheme that a configuration describes, signed over `text`, looked at in 2021.
Mismatch own(const std::string& shape, const std::string& text, const std::string& id,
             const std::string& time, const std::string& body, const std::string& query = "",
             net::TimestampUnit unit = net::TimestampUnit::kSeconds) {
  Scheme scheme = net::find_provider("hmac")->scheme;
  scheme.headers = {"x-sig"};
  scheme.signed_parts = *net::parse_signed(shape);
  scheme.id_headers = {"x-id"};
  if (scheme.uses(net::SignedPart::Kind::kTimestamp)) {
    scheme.timestamp = {From::kHeader, {"x-time"}, "", "", unit};
  }
  const net::HeaderFields headers{{"x-sig", signed_with("s", text)}, {"x-id", id}, {"x-time", time}};
  const std::vector<std::string> secrets{"s"};
  return net::verify(scheme, {"POST", query, headers, body},
                     {secrets, "https://a.example/h", 1'614'265'330'000'000})
      .mismatch;
}

TEST(Rfc3339, IsSignedAsItCameAndWithinTheTolerance) {
  const std::string body = R"({"a":1})";
  const auto at = [&](const std::string& time) {
    return own("{timestamp}{body}", time + body, "", time, body, "", net::TimestampUnit::kRfc3339);
  };
  EXPECT_EQ(at("2021-02-25T15:02:10Z"), Mismatch::kNone);
  EXPECT_EQ(at("2021-02-25T16:02:10.5+01:00"), Mismatch::kNone);
  EXPECT_EQ(at("2021-02-25T14:57:09.9Z"), Mismatch::kTooOld);
  EXPECT_EQ(at("2021-02-25T15:07:10.001Z"), Mismatch::kTooFarAhead);
  EXPECT_EQ(at("1614265330"), Mismatch::kTimestampMalformed);
}

// A message that was captured is cut elsewhere: the text, and so the signature, is the same.
TEST(Boundaries, ACapturedMessageCannotBeCutElsewhere) {
  const std::string key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const std::string whole = "msg_1.1614260000.x.1614265330.{}";
  for (const char* name : {"standard-webhooks", "svix", "gitlab-signed"}) {
    const net::HeaderFields headers{
        {"webhook-id", "msg_1.1614260000.x"},
        {"webhook-timestamp", "1614265330"},
        {"webhook-signature", "v1," + signed_with(*net::decode_key(key), whole, true)}};
    const std::vector<std::string> secrets{key};
    const auto verdict = net::verify(net::find_provider(name)->scheme, {"POST", "", headers, "{}"},
                                     {secrets, "", 1'614'265'330'000'000});
    EXPECT_EQ(verdict.mismatch, Mismatch::kAmbiguous) << name;
    EXPECT_EQ(verdict.text.find("msg_1"), std::string::npos) << "what was sent is not reported";
  }
  const std::string now = "1614265330";
  EXPECT_EQ(own("{id}.{timestamp}.{body}", "a." + now + ".b", "a", now, "b"), Mismatch::kNone);
  EXPECT_EQ(own("{id}.{timestamp}.{body}", "a.b." + now + ".{}", "a.b", now, "{}"), Mismatch::kAmbiguous);
  EXPECT_EQ(own("{body}.{id}", "{}.a.b", "a.b", "", "{}"), Mismatch::kAmbiguous);
  EXPECT_EQ(own("{body}.{id}", "{}.b.c", "b:c", "", "{}"), Mismatch::kNoSecretFits);

  EXPECT_EQ(own("{id}{timestamp}{body}", "m1" + now + "{}", "m1", now, "{}"), Mismatch::kNone);
  EXPECT_EQ(own("{id}{timestamp}{body}", "m11614265330" + now + "{}", "m1", "1614265330", now + "{}"),
            Mismatch::kAmbiguous);
  EXPECT_EQ(own("{id}{body}", "id{\"a\":1}", "id", "", R"({"a":1})"), Mismatch::kNone);
  EXPECT_EQ(own("{id}{body}", "id{\"a\":1}", "id{\"a\":", "", "1}"), Mismatch::kAmbiguous);
  EXPECT_EQ(own("{id}{body}", "id{\"a\":1}", "i", "", R"(d{"a":1})"), Mismatch::kAmbiguous);
  EXPECT_EQ(own("{body}{id}", "{\"a\":1}id", "id", "", R"({"a":1})"), Mismatch::kNone);
  EXPECT_EQ(own("{body}{id}", "{\"a\":1}id", "d", "", R"({"a":1}i)"), Mismatch::kAmbiguous);
  EXPECT_EQ(own("{body}{id}", "{\"a\":1}id", "}id", "", R"({"a":1)"), Mismatch::kAmbiguous);
  EXPECT_EQ(own("{body}{timestamp}", "{}" + now, "", now, "{}"), Mismatch::kNone);
  EXPECT_EQ(own("{body}{timestamp}", "{}1" + now, "", "1" + now, "{}"), Mismatch::kTimestampMalformed);
  EXPECT_EQ(own("{timestamp}{body}", "0" + now + "{}", "", "0" + now, "{}"), Mismatch::kTimestampMalformed);
  EXPECT_EQ(own("{id}.{body}", ".{}", "", "", "{}"), Mismatch::kHeaderMissing) << "an empty id";
}

TEST(Boundaries, TheBodyCannotBecomeTheQuery) {
  const std::string url = "https://a.example/h";
  const std::string body = R"({"event_id":"e"})";
  EXPECT_EQ(own("{url}{body}", url + body, "", "", body), Mismatch::kNone);
  EXPECT_EQ(own("{url}{body}", url + "?a=1" + body, "", "", body, "a=1"), Mismatch::kNone);
  EXPECT_EQ(own("{url}{body}", url + "?a=1" + body, "", "", "", "a=1" + body), Mismatch::kAmbiguous);
  EXPECT_EQ(own("{url}{body}", url + "?a=1" + body, "", "", body.substr(1), "a=1{"), Mismatch::kAmbiguous);
  EXPECT_EQ(own("{url}{body}", url + "?a=1" + body, "", "", "=1" + body, "a"), Mismatch::kAmbiguous);
  EXPECT_EQ(own("{url}{body}", url + "?a=1" + body, "", "", "?a=1" + body), Mismatch::kAmbiguous);
  EXPECT_EQ(own("{body}{url}", body + url + "?a=1", "", "", body, "a=1"), Mismatch::kNone);
  Vector vector = vector_named("square");
  vector.query = "a=1";
  vector.headers[0].second = signed_with(vector.secret, vector.public_url + "?a=1" + vector.body, true);
  EXPECT_TRUE(verdict_of(vector).fits());
  vector.query += vector.body;
  vector.body.clear();
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kAmbiguous);
}

TEST(Boundaries, OfATemplate) {
  const auto ok = [](const char* shape) { return net::check_template(*net::parse_signed(shape)).ok(); };
  for (const char* good :
       {"{body}", "{id}{body}", "{timestamp}{body}", "{body}{timestamp}", "{body}{timestamp}{secret}",
        "{body}{url}", "{url}{form}", "{method}{url}{body}{timestamp}", "{id}{timestamp}{body}",
        "{id}.{url}.{body}", "v0:{timestamp}:{body}"}) {
    EXPECT_TRUE(ok(good)) << good;
  }
  for (const char* bad : {"{id}{url}{body}", "{url}{timestamp}{id}.{body}", "{body}{body}", "{body}.{form}",
                          "{id}{form}", "{form}{id}"}) {
    EXPECT_FALSE(ok(bad)) << bad;
  }
}

// SHA-256 of secret and body: the hashing can be continued behind the padding without knowing the secret.
TEST(HubSpot, ADigestThatBeginsWithTheSecretCannotBeContinued) {
  for (const char* name : {"hubspot-v1", "hubspot-v2"}) {
    Vector vector = vector_named(name);
    vector.body += std::string("\x80\0\0", 3) + "{}";
    EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kAmbiguous) << name;
  }
}

TEST(Shopify, WhereBothSetsOfHeadersAreThereBothHold) {
  Vector vector = vector_named("shopify");
  const std::string right = vector.headers[0].second;
  const std::string wrong = net::encode_base64(std::string(32, 'x'));
  const auto with = [&](const std::string& one, const std::string& other) {
    vector.headers = {{"x-shopify-hmac-sha256", one}, {"shopify-hmac-sha256", other}};
    return verdict_of(vector).mismatch;
  };
  EXPECT_EQ(with(right, right), Mismatch::kNone);
  EXPECT_EQ(with(right, wrong), Mismatch::kNoSecretFits);
  EXPECT_EQ(with(wrong, right), Mismatch::kNoSecretFits);
  EXPECT_EQ(with(right, ""), Mismatch::kSignatureMalformed);
}

TEST(Twilio, TheDigestInTheUrlIsTheBodysWhateverItsKind) {
  const Vector genuine = vector_named("twilio, JSON");
  EXPECT_TRUE(verdict_of(genuine).fits());
  for (const char* type : {"application/json", "application/x-www-form-urlencoded", "text/plain"}) {
    for (const char* body : {"", "&&&&", "=", "=&=&=", "a=", "{}"}) {
      Vector vector = genuine;
      vector.headers[1].second = type;
      vector.body = body;
      EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kBodyNotCovered) << type << " " << body;
    }
    Vector vector = genuine;
    vector.headers[1].second = type;
    EXPECT_TRUE(verdict_of(vector).fits()) << "as Twilio's own library: the digest decides";
  }
  Vector vector = genuine;
  vector.headers.pop_back();
  vector.body.clear();
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kBodyNotCovered) << "no content type, no body";
}

TEST(Twilio, AUserInTheUrlIsNotItsPort) {
  const auto urls = [](const char* url) {
    return net::signed_urls(net::find_provider("twilio")->scheme, url, "");
  };
  using Urls = std::vector<std::string>;
  EXPECT_EQ(urls("https://user:pw@example.com/a"),
            (Urls{"https://user:pw@example.com/a", "https://user:pw@example.com:443/a"}));
  EXPECT_EQ(urls("https://user:pw@example.com:443/a"),
            (Urls{"https://user:pw@example.com:443/a", "https://user:pw@example.com/a"}));
  EXPECT_EQ(urls("https://user@example.com/a"),
            (Urls{"https://user@example.com/a", "https://user@example.com:443/a"}));
  EXPECT_EQ(urls("http://[::1]/a"), (Urls{"http://[::1]/a", "http://[::1]:80/a"}));
}

TEST(Linear, AStrangersBodyIsNotLookedInto) {
  Vector vector = vector_named("linear");
  vector.body = "{";
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kNoSecretFits) << "and not: no time in it";
}

// Linear documents webhookTimestamp as a number of milliseconds: what else is signed is not what Linear sends.
TEST(Linear, ATimeThatIsATextIsMalformed) {
  Vector vector = vector_named("linear");
  vector.body = R"({"action":"create","type":"Issue","webhookTimestamp":"1614265330000"})";
  const std::string_view body = vector.body;
  vector.headers.front().second =
      net::encode_hex(net::hmac(net::Algorithm::kSha256, vector.secret, std::span(&body, 1)).value());
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kTimestampMalformed);
}

}  // namespace
}  // namespace hookspool::testing

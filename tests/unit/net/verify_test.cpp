// Every known scheme on its published vectors, and on what a forger or a mistake would make of each.
#include <gtest/gtest.h>

#include <algorithm>

#include "net/verify/digest.h"
#include "net/verify/encoding.h"
#include "net/verify/verifier.h"
#include "tests/unit/net/verify_vectors.h"

namespace hookspool::testing {
namespace {

using net::Mismatch;
using net::Scheme;
using From = net::TimestampRule::From;

std::string* header_of(Vector& vector, const std::vector<std::string>& names) {
  for (auto& [name, value] : vector.headers) {
    if (std::find(names.begin(), names.end(), name) != names.end()) return &value;
  }
  return nullptr;
}

class Vectors : public ::testing::TestWithParam<Vector> {
 protected:
  Vector vector_ = GetParam();
  const Scheme& scheme_ = net::find_provider(vector_.provider)->scheme;
  bool is_signature() const { return scheme_.kind == Scheme::Kind::kSignature; }
  bool has_time() const { return scheme_.timestamp.from != From::kNone; }
  std::string* signature() { return header_of(vector_, scheme_.headers); }
  Mismatch mismatch() const { return verdict_of(vector_).mismatch; }
};

INSTANTIATE_TEST_SUITE_P(Known, Vectors, ::testing::ValuesIn(signed_vectors()), [](const auto& param) {
  std::string name = param.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

TEST_P(Vectors, Fits) {
  const auto verdict = verdict_of(vector_);
  EXPECT_TRUE(verdict.fits()) << verdict.text;
  EXPECT_EQ(verdict.text, "");
}

TEST_P(Vectors, FitsOneOfSeveralSecrets) {
  const std::string other = scheme_.secret_form == net::SecretForm::kBase64 ? "whsec_AAAA" : "other:1";
  EXPECT_TRUE(verdict_of(vector_, {other, vector_.secret}).fits());
  EXPECT_TRUE(verdict_of(vector_, {vector_.secret, other}).fits());
  EXPECT_EQ(verdict_of(vector_, {other}).mismatch, Mismatch::kNoSecretFits);
  EXPECT_EQ(verdict_of(vector_, {}).mismatch, Mismatch::kNoSecretFits);
  EXPECT_EQ(verdict_of(vector_, {vector_.secret + "A"}).mismatch, Mismatch::kNoSecretFits);
}

TEST_P(Vectors, NotWithAnotherBody) {
  if (!is_signature()) return;  // a token says nothing of the body
  const bool in_query = vector_.query.find("bodySHA256") != std::string::npos;
  vector_.body.back() = static_cast<char>(vector_.body.back() ^ 1);
  EXPECT_EQ(mismatch(), in_query ? Mismatch::kBodyNotCovered : Mismatch::kNoSecretFits);
  vector_ = GetParam();
  vector_.body += " ";
  EXPECT_EQ(mismatch(), in_query ? Mismatch::kBodyNotCovered : Mismatch::kNoSecretFits);
}

TEST_P(Vectors, NotWithoutTheHeaderNorWithTwo) {
  if (scheme_.headers.empty()) return;  // its token is in the body
  const std::string before = *signature();
  const std::string name =
      std::find_if(vector_.headers.begin(), vector_.headers.end(), [&](const auto& each) {
        return each.second == before;
      })->first;
  vector_.headers.emplace_back(name, before);
  EXPECT_EQ(mismatch(), Mismatch::kHeaderRepeated);
  std::erase_if(vector_.headers, [&](const auto& each) { return each.first == name; });
  const auto verdict = verdict_of(vector_);
  EXPECT_EQ(verdict.mismatch, Mismatch::kHeaderMissing);
  EXPECT_NE(verdict.text.find(scheme_.headers.front()), std::string::npos) << verdict.text;
}

TEST_P(Vectors, NotWithoutItsPrefix) {
  if (scheme_.prefix.empty()) return;
  std::string& value = *signature();
  while (true) {
    const auto at = value.find(scheme_.prefix.back(), value.find_first_not_of("t0123456789=,;s"));
    if (at == std::string::npos) break;
    value.erase(at, 1);
  }
  EXPECT_EQ(mismatch(), Mismatch::kPrefixMissing) << value;
}

TEST_P(Vectors, NotWithASignatureThatIsEmptyCutOrNotInItsEncoding) {
  if (!is_signature()) return;
  const std::string whole = *signature();
  const auto begin = scheme_.prefix.empty() ? 0 : whole.rfind(scheme_.prefix) + scheme_.prefix.size();
  const std::string ours = whole.substr(begin);
  for (const std::string& bad : {std::string(), ours.substr(0, 8), ours.substr(0, ours.size() - 3),
                                 ours + "00", "*" + ours.substr(1), std::string(ours.size(), '=')}) {
    *signature() = whole.substr(0, begin) + bad;
    EXPECT_EQ(mismatch(), Mismatch::kSignatureMalformed) << *signature();
  }
  std::string other = ours;
  other[0] = other[0] == '0' ? '1' : '0';
  *signature() = whole.substr(0, begin) + other;
  EXPECT_EQ(mismatch(), Mismatch::kNoSecretFits) << *signature();
}

TEST_P(Vectors, OneOfSeveralSignaturesIsEnough) {
  if (!is_signature() || scheme_.separator == '\0') return;
  const std::string before = *signature();
  const std::string sep(1, scheme_.separator);
  const std::string wrong = scheme_.prefix + std::string(64, 'a');
  *signature() = wrong + sep + "v2,xyz" + sep + before + sep + scheme_.prefix + sep + wrong;
  EXPECT_TRUE(verdict_of(vector_).fits()) << *signature();
  std::string many = before;
  for (int i = 0; i < 40; ++i) many += sep + wrong;
  *signature() = many;
  EXPECT_EQ(mismatch(), Mismatch::kSignatureMalformed) << "more than any rotation needs";
}

TEST_P(Vectors, NotTooOldNorTooFarAhead) {
  const std::int64_t allowed_s = scheme_.tolerance.count() / 1'000;
  const std::int64_t then_s = vector_.now_s;
  if (!has_time()) {
    vector_.now_s += 1'000'000;
    EXPECT_TRUE(verdict_of(vector_).fits());
    return;
  }
  for (const std::int64_t off_s : {-allowed_s, std::int64_t{0}, allowed_s}) {
    vector_.now_s = then_s + off_s;
    EXPECT_TRUE(verdict_of(vector_).fits()) << off_s;
  }
  vector_.now_s = then_s + allowed_s + 7;
  EXPECT_EQ(mismatch(), Mismatch::kTooOld);
  EXPECT_NE(verdict_of(vector_).text.find("too old by 7 s beyond the " + std::to_string(allowed_s) + " s"),
            std::string::npos)
      << verdict_of(vector_).text;
  vector_.now_s = then_s - allowed_s - 7;
  EXPECT_EQ(mismatch(), Mismatch::kTooFarAhead);
}

TEST_P(Vectors, TheTimestampIsDigitsAndSigned) {
  if (scheme_.timestamp.from != From::kHeader) return;
  std::string& value = *header_of(vector_, scheme_.timestamp.headers);
  const std::string before = value;
  for (const std::string bad : {"", " ", "-1", "+1614265330", "0x10", "1614265330.0", "9999999999999999"}) {
    value = bad;
    EXPECT_EQ(mismatch(), Mismatch::kTimestampMalformed) << bad;
  }
  value = before;
  value.back() = value.back() == '0' ? '1' : '0';
  EXPECT_EQ(mismatch(), Mismatch::kNoSecretFits) << "within the tolerance, but not what was signed";
  std::erase_if(vector_.headers, [&](const auto& each) {
    return each.first == scheme_.timestamp.headers.back() || each.first == scheme_.timestamp.headers.front();
  });
  EXPECT_EQ(mismatch(), Mismatch::kHeaderMissing);
}

TEST_P(Vectors, WhatIsToldHoldsNoSecretAndNothingWhole) {
  net::Trace trace;
  vector_.body += " ";  // altered, and still JSON where it was: the age is reported
  const auto verdict = verdict_of(vector_, {vector_.secret}, &trace);
  std::string told = verdict.text + trace.header + trace.shape;
  for (const auto& text : trace.sent) told += text + "\n";
  for (const auto& text : trace.expected) {
    EXPECT_LE(text.size(), net::Trace::kShownCharacters);
    told += text + "\n";
  }
  EXPECT_EQ(told.find(vector_.secret), std::string::npos) << told;
  if (!is_signature()) {
    EXPECT_TRUE(trace.expected.empty()) << "of a token this would be the secret";
    return;
  }
  EXPECT_FALSE(trace.expected.empty() && verdict.mismatch == Mismatch::kNoSecretFits);
  EXPECT_FALSE(trace.sent.empty());
  EXPECT_EQ(trace.age_ms.has_value(), has_time());
}

TEST(Providers, EachHasAVector) {
  std::size_t missing = 0;
  for (const auto& provider : net::providers()) {
    // These two and "none" have no rules of their own; the messengers share Meta's.
    if (provider.own_rules || provider.name == "none") continue;
    if (provider.name == "whatsapp" || provider.name == "messenger") continue;
    const auto& all = signed_vectors();
    const bool there =
        std::any_of(all.begin(), all.end(), [&](const auto& each) { return each.provider == provider.name; });
    EXPECT_TRUE(there) << provider.name;
    missing += there ? 0u : 1u;
  }
  EXPECT_EQ(missing, 0u);
  EXPECT_GE(net::providers().size(), 25u);
  EXPECT_EQ(net::find_provider("strip"), nullptr);
}

TEST(StandardWebhooks, PartialAndAlteredValuesFail) {
  Vector vector = vector_named("standard-webhooks");
  for (const char* bad :
       {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=", "v1,", "v1,g0hM9SsE",
        "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}) {
    vector.headers.back().second = bad;
    EXPECT_FALSE(verdict_of(vector).fits()) << bad;
  }
  vector = vector_named("standard-webhooks");
  vector.headers.front().second = "msg_another";
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kNoSecretFits);
  vector.headers.erase(vector.headers.begin());
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kHeaderMissing);
}

TEST(Stripe, TheTimeIsInTheSignaturesHeader) {
  Vector vector = vector_named("stripe");
  const std::string before = vector.headers[0].second;
  vector.headers[0].second = before.substr(before.find("v1="));
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kTimestampMissing);
  vector.headers[0].second = "t=1614265331," + before;
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kTimestampMalformed) << "two of them";
  vector.headers[0].second = "t=abc," + before.substr(before.find("v1="));
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kTimestampMalformed);
  vector.headers[0].second = before + ",v0=" + std::string(64, 'a');
  EXPECT_TRUE(verdict_of(vector).fits());
  vector.headers[0].second = "t=1614265330,v0=" + before.substr(before.find("v1=") + 3);
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kPrefixMissing);
}

TEST(Twilio, ABodyThatTheSignatureDoesNotCover) {
  Vector vector = vector_named("twilio, JSON");
  vector.query = "foo=1&bar=2";
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kBodyNotCovered) << "without bodySHA256";
  vector = vector_named("twilio, form");
  vector.headers[1].second = "text/plain";
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kBodyNotCovered) << "a form that does not say so";
  vector = vector_named("twilio, form");
  vector.body += "&a=%2";
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kBodyNotCovered) << "a form that cannot be decoded";
  vector = vector_named("twilio, form");
  vector.public_url = "https://other.example.com/myapp.php";
  EXPECT_EQ(verdict_of(vector).mismatch, Mismatch::kNoSecretFits);
}

TEST(HubSpot, TheUrlIsSignedPartlyDecoded) {
  Vector vector = vector_named("hubspot");
  vector.query = "to=a%40b%2Fc%20d";
  const std::string signed_text =
      "POST" + vector.public_url + "?to=a@b/c%20d" + vector.body + vector.headers[1].second;
  const std::string_view piece = signed_text;
  vector.headers[0].second =
      net::encode_base64(net::hmac(net::Algorithm::kSha256, vector.secret, std::span(&piece, 1)).value());
  EXPECT_TRUE(verdict_of(vector).fits());
  vector.query = "to=a%40b%2Fc+d";
  EXPECT_FALSE(verdict_of(vector).fits());
}

TEST(MicrosoftGraph, EveryItemHasIt) {
  Vector vector = vector_named("microsoft-graph");
  const std::string state = "client-state-1";
  const std::string item = R"({"clientState":"client-state-1"})";
  const auto fits = [&](const std::string& body) {
    vector.body = body;
    return verdict_of(vector).fits();
  };
  EXPECT_TRUE(fits(R"({"value":[)" + item + "]}"));
  EXPECT_TRUE(
      fits(R"({"a":{"value":[{"clientState":"no"}]},"value":[{"b":[{}],"clientState":"client-state-1"}]})"));
  EXPECT_FALSE(fits(R"({"value":[]})"));
  EXPECT_FALSE(fits("{}"));
  EXPECT_FALSE(fits(""));
  EXPECT_FALSE(fits(R"({"value":[)" + item + "]} x"));
  EXPECT_FALSE(fits(R"({"value":[)" + item + ",{}]}"));
  EXPECT_FALSE(fits(R"({"value":[)" + item + ",1]}"));
  EXPECT_FALSE(fits(R"({"value":[)" + item + R"(,{"clientState":null}]})"));
  EXPECT_FALSE(fits(R"({"value":[)" + item + R"(,{"clientState":["client-state-1"]}]})"));
  EXPECT_FALSE(fits(R"({"value":[)" + item + R"(,{"a":{"clientState":"client-state-1"}}]})"));
  EXPECT_FALSE(fits(R"({"value":[{"clientState":"client-state-1","clientState":"other"}]})"))
      << "twice in one";
  EXPECT_FALSE(fits(R"({"value":[)" + item + R"(],"value":[{"clientState":"other"}]})")) << "two arrays";
  EXPECT_FALSE(fits(R"({"value":{"clientState":"client-state-1"}})"));
  EXPECT_TRUE(fits("\xef\xbb\xbf{\"value\":[" + item + "]}")) << "SharePoint's byte order mark";
  EXPECT_FALSE(fits(R"({"value":[)" + item + R"(],"value":{}})"));
  EXPECT_FALSE(fits(R"({"value":[{"clientState":"client-state-1","client\u0053tate":"other"}]})"));
  EXPECT_TRUE(fits(R"({"value":[{"clientState":"other"}],"value":[)" + item + "]}"))
      << "the last array is what the payload has";
}

TEST(MicrosoftGraph, ADeepOrHugeBodyIsOnlyRead) {
  Vector vector = vector_named("microsoft-graph");
  vector.body = R"({"value":)" + std::string(1'000'000, '[');
  EXPECT_FALSE(verdict_of(vector).fits());
}

// What a configuration can describe beyond the presets.
TEST(Generic, EveryAlgorithmAndEncoding) {
  const std::string secret = "Jefe", body = "what do ya want for nothing?";
  // RFC 2202 case 2 and RFC 4231 case 2
  const std::vector<std::pair<net::Algorithm, std::string>> known{
      {net::Algorithm::kSha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
      {net::Algorithm::kSha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {net::Algorithm::kSha384,
       "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"},
      {net::Algorithm::kSha512,
       "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
       "caeab1a34d4a6b4b636e070a38bce737"}};
  Scheme scheme = net::find_provider("hmac")->scheme;
  scheme.headers = {"x-sig"};
  for (const auto& [algorithm, hex] : known) {
    scheme.algorithm = algorithm;
    for (const bool base64 : {false, true}) {
      scheme.encoding = base64 ? net::Encoding::kBase64 : net::Encoding::kHex;
      const net::HeaderFields headers{{"x-sig", base64 ? net::encode_base64(*net::decode_hex(hex)) : hex}};
      const std::vector<std::string> secrets{secret};
      EXPECT_TRUE(net::verify(scheme, {"POST", "", headers, body}, {secrets, "", 0}).fits()) << hex;
      EXPECT_FALSE(net::verify(scheme, {"POST", "", headers, body + "!"}, {secrets, "", 0}).fits()) << hex;
    }
  }
}

TEST(Generic, TheSignedTextIsATemplate) {
  const auto parts = net::parse_signed("v1:{timestamp}.{id}-{method}{url}{form}{body}{secret}!");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->size(), 11u);
  EXPECT_EQ(net::shown_signed(*parts), "v1:{timestamp}.{id}-{method}{url}{form}{body}{secret}!");
  EXPECT_FALSE(net::parse_signed("{bdoy}"));
  EXPECT_FALSE(net::parse_signed("{body"));
  EXPECT_FALSE(
      net::parse_signed("{body}{body}{body}{body}{body}{body}{body}{body}{body}{body}{body}{body}{body}{body}"
                        "{body}{body}{body}"));
}

TEST(Encodings, AreStrict) {
  EXPECT_EQ(net::decode_base64("QQ=="), "A");
  EXPECT_FALSE(net::decode_base64("QQ")) << "a second spelling of it";
  EXPECT_EQ(net::decode_base64("QQ", net::Padding::kOptional), "A") << "a secret that was typed by hand";
  EXPECT_EQ(net::decode_base64(""), "");
  EXPECT_EQ(net::encode_base64("light work"), "bGlnaHQgd29yaw==");
  EXPECT_EQ(net::encode_base64("abc"), "YWJj");
  EXPECT_EQ(net::encode_base64("abcde"), "YWJjZGU=");
  for (const char* bad : {"Q", "QQ=", "QQ===", "QQ==A", "Q=Q=", "QR==", "QQ\n==", "Q-__", "===="}) {
    EXPECT_FALSE(net::decode_base64(bad)) << bad;
  }
  EXPECT_EQ(net::decode_hex("00fF"), std::string("\0\xff", 2));
  for (const char* bad : {"0", "0g", " 0", "0x"}) EXPECT_FALSE(net::decode_hex(bad)) << bad;
  EXPECT_FALSE(net::decode_key("whsec_"));
  EXPECT_FALSE(net::decode_key(""));
  EXPECT_EQ(net::decode_form_text("a+b%2Bc"), "a b+c");
  for (const char* bad : {"%", "%2", "%2g", "a%"}) EXPECT_FALSE(net::decode_form_text(bad)) << bad;
  EXPECT_EQ(net::query_parameter("a=1&b=x%3Dy&&c", "b"), "x=y");
  EXPECT_EQ(net::query_parameter("a=1&c", "c"), "");
  EXPECT_FALSE(net::query_parameter("a=1&a=2", "a")) << "which of them?";
  EXPECT_FALSE(net::query_parameter("b=1", "a"));
}

TEST(Secrets, OfTheFormTheSchemeNeeds) {
  const auto ok = [](const char* provider, const std::string& secret) {
    return net::check_secret(net::find_provider(provider)->scheme, secret).ok();
  };
  EXPECT_TRUE(ok("svix", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"));
  EXPECT_FALSE(ok("svix", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7o*"));
  EXPECT_TRUE(ok("stripe", "whsec_*"));
  EXPECT_TRUE(ok("basic", "a:b"));
  EXPECT_FALSE(ok("basic", "ab"));
  EXPECT_FALSE(ok("telegram", "a b"));
  EXPECT_FALSE(ok("github", ""));
}

TEST(Encodings, AQuerysParametersInEitherCase) {
  using Values = std::vector<std::string>;
  EXPECT_EQ(net::query_parameters("a=1&A=2&%61=%", "a"), (Values{"1", ""}));
  EXPECT_EQ(net::query_parameters("a=1&A=2&b=%", "a", true), (Values{"1", "2"}));
  EXPECT_EQ(net::query_parameters("b=%&c", "a"), Values{});
}

}  // namespace
}  // namespace hookspool::testing

#include "net/verify/verifier.h"

#include <algorithm>
#include <array>

#include "net/verify/boundaries.h"
#include "net/verify/digest.h"
#include "net/verify/encoding.h"
#include "net/verify/json_field.h"
#include "net/verify/signed_url.h"
#include "storage/base/text.h"

namespace hookspool::net {
namespace {

using Kind = SignedPart::Kind;
using From = TimestampRule::From;

constexpr std::size_t kSignaturesMax = 32;  // in one header; more is no rotation
constexpr std::size_t kFormFieldsMax = 2'000;

// One header by the first of several names that is there.
struct Found {
  Mismatch mismatch = Mismatch::kNone;
  std::string name;
  std::string_view value;
};

Found find_header(const HeaderFields& headers, const std::vector<std::string>& names) {
  Found found{Mismatch::kHeaderMissing, names.empty() ? "" : names.front(), {}};
  for (const auto& name : names) {
    for (const auto& [each, value] : headers) {
      if (each != name) continue;
      if (found.mismatch == Mismatch::kNone) return {Mismatch::kHeaderRepeated, name, {}};
      found = {Mismatch::kNone, name, value};
    }
    if (found.mismatch == Mismatch::kNone) break;
  }
  return found;
}

Verdict verdict_of(const Found& found) {
  if (found.mismatch == Mismatch::kNone) return {};
  return {found.mismatch,
          "the header " + found.name +
              (found.mismatch == Mismatch::kHeaderMissing ? " is missing" : " is there more than once")};
}

bool begins_in_any_case(std::string_view text, std::string_view prefix) {
  return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

// One verification under way.
class Verifier {
 public:
  Verifier(const Scheme& scheme, const SignedRequest& request, const Keys& keys, Trace* trace)
      : scheme_(scheme), request_(request), keys_(keys), trace_(trace) {}

  Verdict signature();
  Verdict token();
  Verdict body_token() const;

 private:
  Verdict read_header();
  Verdict read_id();
  Verdict read_timestamp();
  bool time_is_read_late() const;
  Verdict check_cuts() const;
  Verdict check_age() const;
  Verdict read_form();
  Verdict check_body_digest(const std::vector<std::string>& named) const;
  Verdict decode();
  Verdict compare();
  void trace_signed() const;
  std::vector<std::string_view> pieces(std::string_view url, std::string_view secret) const;
  std::optional<std::string> expected(const std::string& secret, std::string_view url) const;

  const Scheme& scheme_;
  const SignedRequest& request_;
  const Keys& keys_;
  Trace* const trace_;
  std::string header_name_;
  std::vector<std::string_view> sent_;  // as sent, without their prefix
  std::vector<std::string> signatures_;
  std::optional<std::string_view> timestamp_in_signature_;
  std::string timestamp_, form_;
  std::int64_t age_ms_ = 0;  // of the timestamp; negative: ahead
  std::string_view id_;
  std::vector<std::string> urls_{""};
};

Verdict Verifier::signature() {
  if (trace_ != nullptr) trace_->shape = shown_signed(scheme_.signed_parts);
  for (const auto step : {&Verifier::read_header, &Verifier::read_id, &Verifier::read_timestamp,
                          &Verifier::read_form, &Verifier::decode}) {
    if (step == &Verifier::read_timestamp && time_is_read_late()) continue;
    if (auto verdict = (this->*step)(); !verdict.fits()) return verdict;
  }
  if (scheme_.uses(Kind::kUrl)) urls_ = signed_urls(scheme_, keys_.public_url, request_.query);
  if (trace_ != nullptr) trace_signed();
  if (auto verdict = check_cuts(); !verdict.fits()) return verdict;
  if (!time_is_read_late()) {
    if (auto verdict = check_age(); !verdict.fits()) return verdict;
    return compare();
  }
  if (trace_ != nullptr) (void)read_timestamp();  // its age is of interest whatever the signature says
  if (auto verdict = compare(); !verdict.fits()) return verdict;
  if (auto verdict = read_timestamp(); !verdict.fits()) return verdict;
  return check_age();
}

// A timestamp in the body counts only once the body is known to be the sender's, and another client's is not read at all.
bool Verifier::time_is_read_late() const {
  return scheme_.timestamp.from == From::kBody && !scheme_.uses(Kind::kTimestamp);
}

// May what is signed be cut in one way only?
Verdict Verifier::check_cuts() const {
  const auto boundaries = check_boundaries(scheme_.signed_parts, {id_, request_.query, request_.body});
  if (!boundaries) return {Mismatch::kAmbiguous, boundaries.error()};
  // A digest that begins with the secret can be continued without the secret (length extension), but only behind its
  // padding, in which there are zeros.
  const bool open_end = scheme_.uses(Kind::kSecret) && scheme_.signed_parts.back().kind != Kind::kSecret;
  if (open_end && request_.body.find('\0') != std::string_view::npos) {
    return {Mismatch::kAmbiguous,
            "the body holds a zero byte, which this kind of signature does not protect"};
  }
  return {};
}

Verdict Verifier::read_header() {
  const Found found = find_header(request_.headers, scheme_.headers);
  if (found.mismatch != Mismatch::kNone) return verdict_of(found);
  header_name_ = found.name;
  if (trace_ != nullptr) trace_->header = found.name;
  std::string_view rest = found.value;
  std::size_t parts = 0;
  for (bool more = true; more;) {
    const auto end = scheme_.separator == '\0' ? std::string_view::npos : rest.find(scheme_.separator);
    more = end != std::string_view::npos;
    std::string_view part = trimmed(rest.substr(0, end));
    if (more) rest.remove_prefix(end + 1);
    if (++parts > kSignaturesMax) {
      return {Mismatch::kSignatureMalformed,
              "the header " + found.name + " has more than " + std::to_string(kSignaturesMax) + " parts"};
    }
    const std::string& key = scheme_.timestamp.key;
    if (scheme_.timestamp.from == From::kSignature && part.starts_with(key + "=")) {
      if (timestamp_in_signature_) {
        return {Mismatch::kTimestampMalformed,
                "the header " + found.name + " has more than one " + key + "="};
      }
      timestamp_in_signature_ = part.substr(key.size() + 1);
    } else if (part.starts_with(scheme_.prefix)) {
      sent_.push_back(part.substr(scheme_.prefix.size()));
    }
  }
  if (trace_ != nullptr) {
    for (const auto each : sent_) trace_->sent.emplace_back(each.substr(0, Trace::kShownCharacters));
  }
  if (!sent_.empty()) return {};
  return {Mismatch::kPrefixMissing,
          "nothing in the header " + found.name + " begins with \"" + scheme_.prefix + "\""};
}

Verdict Verifier::read_id() {
  if (!scheme_.uses(Kind::kId)) return {};
  const Found found = find_header(request_.headers, scheme_.id_headers);
  id_ = found.value;
  if (found.mismatch == Mismatch::kNone && id_.empty())
    return {Mismatch::kHeaderMissing, "the header " + found.name + " is empty"};
  return verdict_of(found);
}

Verdict Verifier::read_timestamp() {
  const auto& rule = scheme_.timestamp;
  std::string where;
  switch (rule.from) {
    case From::kNone:
      return {};
    case From::kHeader: {
      const Found found = find_header(request_.headers, rule.headers);
      if (found.mismatch != Mismatch::kNone) return verdict_of(found);
      timestamp_ = found.value;
      where = "the header " + found.name;
      break;
    }
    case From::kSignature:
      where = "\"" + rule.key + "=\" in the header " + header_name_;
      if (!timestamp_in_signature_) return {Mismatch::kTimestampMissing, where + " is missing"};
      timestamp_ = *timestamp_in_signature_;
      break;
    case From::kBody:
      where = rule.pointer + " in the body";
      auto field = json_scalar(request_.body, rule.pointer);
      if (!field) return {Mismatch::kTimestampMissing, where + " is missing, or the body is not JSON"};
      if (rule.number_only && field->is_text)
        return {Mismatch::kTimestampMalformed, where + " is a text and not a number"};
      timestamp_ = std::move(field->characters);
      break;
  }
  const auto sent_ms = parse_timestamp(timestamp_, rule.unit);
  if (!sent_ms)
    return {Mismatch::kTimestampMalformed, where + " is not " + std::string(timestamp_form(rule.unit))};
  age_ms_ = keys_.now_us / 1'000 - *sent_ms;
  if (trace_ != nullptr) trace_->age_ms = age_ms_;
  return {};
}

// REQUIRES: read_timestamp() found nothing wrong.
Verdict Verifier::check_age() const {
  if (scheme_.timestamp.from == From::kNone) return {};
  const std::int64_t allowed_ms = scheme_.tolerance.count();
  if (age_ms_ >= -allowed_ms && age_ms_ <= allowed_ms) return {};
  const bool old = age_ms_ > 0;
  const std::int64_t beyond_ms = (old ? age_ms_ : -age_ms_) - allowed_ms;
  return {old ? Mismatch::kTooOld : Mismatch::kTooFarAhead,
          std::string("the timestamp is ") + (old ? "too old" : "too far ahead") + " by " +
              std::to_string((beyond_ms + 999) / 1'000) + " s beyond the " +
              std::to_string(allowed_ms / 1'000) +
              " s allowed; is a clock wrong, or is this a repeat of an earlier request?"};
}

// The digest of the body in the query, which is signed with it: then of whatever kind the body is. Else a form's fields.
Verdict Verifier::read_form() {
  if (!scheme_.uses(Kind::kForm)) return {};
  const auto named = query_parameters(request_.query, "bodySHA256");
  if (!named.empty()) return check_body_digest(named);
  const Found type = find_header(request_.headers, {"content-type"});
  const std::string_view media = trimmed(type.value.substr(0, type.value.find(';')));
  constexpr std::string_view kForm = "application/x-www-form-urlencoded";
  if (equals_ignoring_case(media, kForm)) {
    auto fields = parse_form(request_.body, kFormFieldsMax);
    if (!fields) {
      return {Mismatch::kBodyNotCovered,
              "the body is not a form, or has more than " + std::to_string(kFormFieldsMax) + " fields"};
    }
    std::sort(fields->begin(), fields->end());
    fields->erase(std::unique(fields->begin(), fields->end()), fields->end());
    for (const auto& [name, value] : *fields) form_ += name + value;
    return {};
  }
  if (request_.body.empty()) return {};
  return {Mismatch::kBodyNotCovered, "the body is no form, and the query has no bodySHA256 of it"};
}

Verdict Verifier::check_body_digest(const std::vector<std::string>& named) const {
  const auto own = digest(Algorithm::kSha256, std::span(&request_.body, 1));
  const auto given = named.size() == 1 ? decode_hex(named.front()) : std::nullopt;
  if (own && given && same_bytes(*given, *own)) return {};
  return {Mismatch::kBodyNotCovered, "bodySHA256 in the query is not, or not once, the SHA-256 of the body"};
}

// One that cannot be decoded is a signature that fits nothing; there may be others.
Verdict Verifier::decode() {
  const std::size_t wanted = digest_bytes(scheme_.algorithm);
  for (const auto text : sent_) {
    auto bytes = scheme_.encoding == Encoding::kHex ? decode_hex(text) : decode_base64(text);
    if (bytes && bytes->size() == wanted) signatures_.push_back(std::move(*bytes));
  }
  if (!signatures_.empty()) return {};
  return {Mismatch::kSignatureMalformed, "the signature in the header " + header_name_ + " is not " +
                                             std::to_string(wanted) + " bytes in " +
                                             (scheme_.encoding == Encoding::kHex ? "hexadecimal" : "base64")};
}

std::vector<std::string_view> Verifier::pieces(std::string_view url, std::string_view secret) const {
  std::vector<std::string_view> all;
  for (const auto& part : scheme_.signed_parts) {
    switch (part.kind) {
      case Kind::kText:
        all.emplace_back(part.text);
        break;
      case Kind::kBody:
        all.push_back(request_.body);
        break;
      case Kind::kTimestamp:
        all.emplace_back(timestamp_);
        break;
      case Kind::kId:
        all.push_back(id_);
        break;
      case Kind::kMethod:
        all.push_back(request_.method);
        break;
      case Kind::kUrl:
        all.push_back(url);
        break;
      case Kind::kForm:
        all.emplace_back(form_);
        break;
      case Kind::kSecret:
        all.push_back(secret);
        break;
    }
  }
  return all;
}

void Verifier::trace_signed() const {
  const auto texts = pieces(urls_.front(), "");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    trace_->parts.emplace_back(shown_signed({scheme_.signed_parts[i]}), texts[i].size());
    trace_->signed_bytes += texts[i].size();
  }
}

std::optional<std::string> Verifier::expected(const std::string& secret, std::string_view url) const {
  const auto texts = pieces(url, secret);
  if (scheme_.uses(Kind::kSecret)) return digest(scheme_.algorithm, texts);
  if (scheme_.secret_form == SecretForm::kText) return hmac(scheme_.algorithm, secret, texts);
  const auto key = decode_key(secret);
  return key ? hmac(scheme_.algorithm, *key, texts) : std::nullopt;
}

// Every secret is tried with every signature, so that the time does not tell which one has fitted.
Verdict Verifier::compare() {
  bool fits = false;
  for (const auto& secret : keys_.secrets) {
    for (const auto& url : urls_) {
      const auto wanted = expected(secret, url);
      if (!wanted) continue;
      for (const auto& given : signatures_) fits |= same_bytes(*wanted, given);
      if (trace_ == nullptr) continue;
      const std::string shown =
          scheme_.encoding == Encoding::kHex ? encode_hex(*wanted) : encode_base64(*wanted);
      trace_->expected.push_back(shown.substr(0, Trace::kShownCharacters));
    }
  }
  if (fits) return {};
  return {Mismatch::kNoSecretFits,
          keys_.secrets.empty()
              ? std::string("there is no secret to compare with")
              : "the signature fits none of the secrets (" + std::to_string(keys_.secrets.size()) +
                    " tried): another secret, or what is signed was changed on the way"};
}

Verdict Verifier::token() {
  if (trace_ != nullptr) trace_->shape = "the secret itself";
  const Found found = find_header(request_.headers, scheme_.headers);
  if (found.mismatch != Mismatch::kNone) return verdict_of(found);
  if (trace_ != nullptr) trace_->header = found.name;
  const std::string_view value = trimmed(found.value);
  if (!begins_in_any_case(value, scheme_.prefix)) {
    return {Mismatch::kPrefixMissing,
            "the header " + found.name + " does not begin with \"" + scheme_.prefix + "\""};
  }
  std::string given(trimmed(value.substr(scheme_.prefix.size())));
  if (scheme_.kind == Scheme::Kind::kBasic) {
    auto decoded = decode_base64(given, Padding::kOptional);
    if (!decoded) return {Mismatch::kSignatureMalformed, "the header " + found.name + " is not in base64"};
    given = std::move(*decoded);
  }
  if (given.empty()) return {Mismatch::kSignatureMalformed, "the header " + found.name + " is empty"};
  bool fits = false;
  for (const auto& secret : keys_.secrets) fits |= same_secret(secret, given);
  if (fits) return {};
  return {Mismatch::kNoSecretFits, "what the header " + found.name + " holds is none of the secrets"};
}

Verdict Verifier::body_token() const {
  if (trace_ != nullptr) trace_->shape = "the secret itself at " + scheme_.body_pattern + " in the body";
  const bool fits = every_json_field(request_.body, scheme_.body_pattern, [&](std::string_view given) {
    bool any = false;
    for (const auto& secret : keys_.secrets) any |= same_secret(secret, given);
    return any;
  });
  if (fits) return {};
  return {Mismatch::kNoSecretFits,
          scheme_.body_pattern + " in the body is not everywhere one of the secrets"};
}

}  // namespace

std::string_view mismatch_name(Mismatch mismatch) {
  constexpr std::array<std::string_view, 12> kNames{"none",
                                                    "header_missing",
                                                    "header_repeated",
                                                    "prefix_missing",
                                                    "signature_malformed",
                                                    "timestamp_missing",
                                                    "timestamp_malformed",
                                                    "too_old",
                                                    "too_far_ahead",
                                                    "body_not_covered",
                                                    "ambiguous",
                                                    "no_secret_fits"};
  return kNames.at(static_cast<std::size_t>(mismatch));
}

namespace {

// Where one request has several sets of the signature's headers each of them has to fit: a reader that goes by the other
// one must not see what is not signed.
Verdict verify_every_header(const Scheme& scheme, const SignedRequest& request, const Keys& keys,
                            Trace* trace) {
  std::vector<std::string> there;
  for (const auto& name : scheme.headers) {
    const bool sent = find_header(request.headers, {name}).mismatch != Mismatch::kHeaderMissing;
    if (sent) there.push_back(name);
  }
  if (there.empty()) there = {scheme.headers.front()};
  for (const auto& name : there) {
    Scheme one = scheme;
    one.headers = {name};
    if (auto verdict = Verifier(one, request, keys, trace).signature(); !verdict.fits()) return verdict;
    if (trace != nullptr && name != there.back()) *trace = {};
  }
  return {};
}

}  // namespace

Verdict verify(const Scheme& scheme, const SignedRequest& request, const Keys& keys, Trace* trace) {
  Verifier verifier(scheme, request, keys, trace);
  switch (scheme.kind) {
    case Scheme::Kind::kNone:
      return {};
    case Scheme::Kind::kSignature:
      if (scheme.every_header) return verify_every_header(scheme, request, keys, trace);
      return verifier.signature();
    case Scheme::Kind::kToken:
    case Scheme::Kind::kBasic:
      return verifier.token();
    case Scheme::Kind::kBodyToken:
      return verifier.body_token();
  }
  return {Mismatch::kNoSecretFits, "the scheme is unknown"};
}

}  // namespace hookspool::net

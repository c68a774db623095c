#include "agent/config/config_verify.h"

#include <algorithm>
#include <optional>

#include "agent/config/config_secret.h"
#include "net/verify/boundaries.h"
#include "net/verify/json_field.h"
#include "net/verify/providers.h"
#include "net/verify/signed_url.h"
#include "storage/base/text.h"

namespace hookspool::agent {
namespace {

using From = net::TimestampRule::From;
using Part = net::SignedPart::Kind;

constexpr milliseconds kToleranceLeast{1'000};
constexpr milliseconds kToleranceMost{24 * 3'600'000};

void read_secrets(TableReader& reader, SourceConfig& source, FaultList& faults) {
  const auto* secrets = reader.array("secrets");
  const bool needed = source.scheme.kind != net::Scheme::Kind::kNone;
  if (secrets == nullptr || secrets->empty()) {
    if (needed) reader.fault("verify", "\"" + source.verify + "\" needs secrets = [{ file = \"...\" }]");
    return;
  }
  if (!needed)
    reader.fault("secrets", "are given but verify is \"none\"; say who sends, as in verify = \"github\"");
  if (secrets->size() > kSecretsMax) {
    reader.fault("secrets", "are more than " + std::to_string(kSecretsMax));
    return;
  }
  std::size_t index = 0;
  for (const auto& node : *secrets) {
    const std::string place = "secrets[" + std::to_string(index++) + "]";
    auto secret = read_secret(node, "secrets", place, reader, faults);
    if (!secret) continue;
    const auto usable = net::check_secret(source.scheme, *secret);
    if (!usable) faults.add(node.source(), place + ". what is there " + usable.error());
    source.secrets.push_back(std::move(*secret));
  }
}

bool header_ok(const std::string& name) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";  // RFC 9110 section 5.6.2
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || kOthers.find(c) != std::string_view::npos;
  });
}

bool read_header(TableReader& reader, std::string_view key, std::vector<std::string>& headers) {
  std::string name;
  if (!reader.text(key, name)) return false;
  name = lower_case(name);
  if (!header_ok(name)) reader.fault(key, "\"" + name + "\" is not a header's name");
  headers = {name};
  return true;
}

// "header:X-Timestamp", "signature:t" or "body:/sent_at"
void read_timestamp(TableReader& reader, net::Scheme& scheme) {
  std::string where, unit = "s";
  const bool given = reader.text("timestamp", where);
  if (reader.text("timestamp_unit", unit)) one_of(reader, "timestamp_unit", unit, {"s", "ms", "rfc3339"});
  if (!given) return;
  auto& rule = scheme.timestamp;
  rule.unit = unit == "ms"        ? net::TimestampUnit::kMilliseconds
              : unit == "rfc3339" ? net::TimestampUnit::kRfc3339
                                  : net::TimestampUnit::kSeconds;
  const auto colon = std::min(where.find(':'), where.size());
  const std::string kind = where.substr(0, colon), what = where.substr(std::min(colon + 1, where.size()));
  if (kind == "header") {
    const std::string name = lower_case(what);
    rule.from = header_ok(name) ? From::kHeader : From::kNone;
    rule.headers = {name};
  } else if (kind == "signature" && !what.empty()) {
    rule.from = From::kSignature;
    rule.key = what;
  } else if (kind == "body" && !what.empty() && net::is_json_pointer(what)) {
    rule.from = From::kBody;
    rule.pointer = what;
  }
  if (rule.from == From::kNone) {
    reader.fault("timestamp",
                 "\"" + where +
                     "\" is not a place; write \"header:X-Timestamp\", \"signature:t\" (t=... in the "
                     "signature's header) or \"body:/json/pointer\"");
  } else if (rule.from == From::kSignature && scheme.separator == '\0') {
    reader.fault("timestamp",
                 "is in the signature's header, so separator needs to say what lies between them");
  } else if (rule.from != From::kBody && !scheme.uses(Part::kTimestamp)) {
    reader.fault("timestamp", "is not in `signed`, so any client could change it; add {timestamp} there");
  }
}

void read_signed(TableReader& reader, net::Scheme& scheme) {
  std::string written = "{body}";
  reader.text("signed", written);
  auto parts = net::parse_signed(written);
  if (!parts) {
    reader.fault("signed", parts.error());
    return;
  }
  scheme.signed_parts = std::move(*parts);
  if (!scheme.uses(Part::kBody) && !scheme.uses(Part::kForm)) {
    reader.fault("signed",
                 "\"" + written + "\" leaves the body out, so any client could change it; add {body}");
    return;
  }
  const auto cut = net::check_template(scheme.signed_parts);
  if (!cut) reader.fault("signed", "\"" + written + "\" " + cut.error());
}

void read_hmac(TableReader& reader, net::Scheme& scheme) {
  std::string encoding = "hex", algorithm = "sha256", separator, form = "text";
  if (reader.text("encoding", encoding)) one_of(reader, "encoding", encoding, {"hex", "base64"});
  scheme.encoding = encoding == "base64" ? net::Encoding::kBase64 : net::Encoding::kHex;
  if (reader.text("algorithm", algorithm)) {
    one_of(reader, "algorithm", algorithm, {"sha1", "sha256", "sha384", "sha512"});
  }
  scheme.algorithm = algorithm == "sha1"     ? net::Algorithm::kSha1
                     : algorithm == "sha384" ? net::Algorithm::kSha384
                     : algorithm == "sha512" ? net::Algorithm::kSha512
                                             : net::Algorithm::kSha256;
  if (reader.text("separator", separator) && separator.size() != 1) {
    reader.fault("separator", "is one character, as in \",\"");
  } else if (!separator.empty()) {
    scheme.separator = separator[0];
  }
  if (reader.text("secret_form", form)) one_of(reader, "secret_form", form, {"text", "base64"});
  scheme.secret_form = form == "base64" ? net::SecretForm::kBase64 : net::SecretForm::kText;
  read_signed(reader, scheme);
  const bool id = read_header(reader, "id_header", scheme.id_headers);
  if (scheme.uses(Part::kId) && !id) reader.fault("signed", "has {id}: say in id_header where it is");
  read_timestamp(reader, scheme);
  if (scheme.uses(Part::kTimestamp) && scheme.timestamp.from == From::kNone) {
    reader.fault("signed", "has {timestamp}: say in timestamp where it is");
  }
}

// signature = { header = "X-Signature", encoding = "hex", signed = "{timestamp}.{body}", ... }
void read_signature(const toml::table& table, SourceConfig& source, FaultList& faults) {
  TableReader reader(&table, "sources." + source.name + ".signature.", faults);
  if (!read_header(reader, "header", source.scheme.headers)) {
    faults.add(table.source(),
               "sources." + source.name + ".signature.header: is missing; name the header that has it");
  }
  reader.text("prefix", source.scheme.prefix);
  if (source.scheme.kind == net::Scheme::Kind::kSignature) read_hmac(reader, source.scheme);
  reader.finish();
}

void read_public_url(TableReader& reader, SourceConfig& source) {
  const bool used = source.scheme.uses(Part::kUrl);
  if (!reader.text("public_url", source.public_url)) {
    if (used) {
      reader.fault("verify",
                   "\"" + source.verify +
                       "\" signs the URL that is posted to: add public_url = \"https://...\" as it stands "
                       "in the sender's settings, without a query");
    }
    return;
  }
  const auto checked = net::check_public_url(source.public_url);
  if (!checked) reader.fault("public_url", checked.error());
  if (!used) reader.fault("public_url", "is for senders that sign it; \"" + source.verify + "\" does not");
}

void read_tolerance(TableReader& reader, SourceConfig& source) {
  const auto before = source.scheme.tolerance;
  source.scheme.tolerance = milliseconds(0);
  reader.duration("timestamp_tolerance", source.scheme.tolerance, kToleranceLeast, kToleranceMost);
  if (source.scheme.tolerance == milliseconds(0)) {
    source.scheme.tolerance = before;
  } else if (source.scheme.timestamp.from == From::kNone) {
    reader.fault("timestamp_tolerance", "\"" + source.verify + "\" sends no timestamp that is signed");
  }
}

void read_verify_token(TableReader& reader, SourceConfig& source, net::Handshake handshake,
                       FaultList& faults) {
  const toml::table* table = reader.table("verify_token");
  if (table == nullptr) return;
  if (handshake != net::Handshake::kMeta) {
    reader.fault("verify_token", "is for \"meta\", \"whatsapp\" and \"messenger\"");
    return;
  }
  if (auto token = read_secret(*table, "verify_token", "verify_token", reader, faults)) {
    source.verify_token = std::move(*token);
  }
}

// probe = ["HEAD", "GET"]: by what a sender finds out whether there is anything at its new URL.
void read_probe(TableReader& reader, SourceConfig& source) {
  const auto* methods = reader.array("probe");
  if (methods == nullptr) return;
  for (const auto& node : *methods) {
    const auto method = node.value<std::string>();
    const bool known = method && (*method == "HEAD" || *method == "GET" || *method == "OPTIONS");
    if (!known) {
      reader.fault("probe", "is a list of \"HEAD\", \"GET\" and \"OPTIONS\"; events come by POST");
      return;
    }
    if (std::find(source.probes.begin(), source.probes.end(), *method) == source.probes.end())
      source.probes.push_back(*method);
  }
}

void read_on_bad_signature(TableReader& reader, SourceConfig& source) {
  std::string written = "refuse";
  if (!reader.text("on_bad_signature", written)) return;
  one_of(reader, "on_bad_signature", written, {"refuse", "quarantine"});
  source.quarantine = written == "quarantine";
  if (source.quarantine && source.scheme.kind == net::Scheme::Kind::kNone) {
    reader.fault("on_bad_signature", "is \"quarantine\", but verify is \"none\": nothing can be bad");
  }
}

}  // namespace

void read_quarantine(TableReader section, QuarantineConfig& quarantine) {
  std::size_t requests = quarantine.requests_max, of_source = quarantine.source_requests_max;
  section.integer("max_requests", requests, 1, 1'000'000);
  section.integer("max_requests_per_source", of_source, 1, 1'000'000);
  quarantine.requests_max = requests;
  quarantine.source_requests_max = of_source;
  section.bytes("max_bytes", quarantine.bytes_max, 64 * 1024, 16ull << 30);
  section.bytes("max_bytes_per_source", quarantine.source_bytes_max, 64 * 1024, 16ull << 30);
  section.duration("keep", quarantine.keep, milliseconds(60'000), std::chrono::hours(365 * 24));
  section.finish();
}

void read_verification(TableReader& reader, SourceConfig& source, FaultList& faults) {
  reader.text("verify", source.verify);
  const net::Provider* provider = net::find_provider(source.verify);
  if (provider == nullptr) {
    one_of(reader, "verify", source.verify, net::provider_names());
    source.verify = "none";
    // The keys beside it are known all the same, and say nothing as long as this is wrong.
    for (const char* key : {"secrets", "signature", "public_url", "timestamp_tolerance", "verify_token",
                            "on_bad_signature", "probe"}) {
      reader.known(key);
    }
    return;
  }
  source.scheme = provider->scheme;
  const toml::table* signature = reader.table("signature");
  if (signature != nullptr && provider->own_rules) {
    read_signature(*signature, source, faults);
  } else if (signature != nullptr) {
    reader.fault("signature",
                 "\"" + source.verify + "\" has rules of its own; this is for \"hmac\" and \"token\"");
  } else if (provider->own_rules) {
    reader.fault("verify",
                 "\"" + source.verify + "\" needs signature = { header = \"...\" } to say where it is");
  }
  read_secrets(reader, source, faults);
  read_public_url(reader, source);
  read_tolerance(reader, source);
  read_verify_token(reader, source, provider->handshake, faults);
  read_on_bad_signature(reader, source);
  read_probe(reader, source);
}

}  // namespace hookspool::agent

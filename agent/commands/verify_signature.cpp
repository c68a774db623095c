#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "agent/base/exit_codes.h"
#include "agent/base/instant.h"
#include "agent/base/log.h"
#include "agent/base/wall_clock.h"
#include "agent/commands/commands.h"
#include "agent/commands/output.h"
#include "agent/commands/raw_request.h"
#include "agent/config/secret.h"
#include "net/verify/digest.h"
#include "net/verify/encoding.h"
#include "net/verify/providers.h"
#include "net/verify/signed_url.h"
#include "net/verify/verifier.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;

// How the sender proves itself, from --source or --scheme.
struct Expectation {
  std::string name;
  net::Scheme scheme;
  std::vector<std::string> secrets;
  std::string public_url;
};

template <class T>
using Taken = Result<T, int>;  // or the exit code, its reason reported

Failure<int> refused(int code, const std::string& what) {
  tell("%s\n", what.c_str());
  return fail(code);
}

// Of a file that could not be taken: is it not there, may this user not read it, or is it none to use?
int code_of_unread(const std::string& file) {
  if (::access(file.c_str(), R_OK) == 0) return kExitUsage;
  return errno == EACCES ? kExitNoPermission : kExitNoInput;
}

Taken<std::string> content_of(const std::string& file) {
  if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return refused(code_of_unread(file), "cannot read " + file);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

Taken<Expectation> of_source(const Config& config, const std::string& name) {
  for (const auto& source : config.sources) {
    if (source.name != name) continue;
    if (source.scheme.kind != net::Scheme::Kind::kNone) {
      return Expectation{source.verify, source.scheme, source.secrets, source.public_url};
    }
    return refused(kExitUsage, "source " + name + " has verify = \"none\": it takes everything");
  }
  return refused(kExitUsage,
                 "there is no source " + printable(name) + " in the configuration; give it with --config");
}

Taken<Expectation> of_scheme(const VerifySignatureCommand& command) {
  const auto* provider = net::find_provider(command.scheme);
  if (provider == nullptr || provider->own_rules || provider->scheme.kind == net::Scheme::Kind::kNone) {
    std::string names;
    for (const auto& each : net::providers()) {
      const bool usable = !each.own_rules && each.scheme.kind != net::Scheme::Kind::kNone;
      if (usable) names += (names.empty() ? "" : ", ") + std::string(each.name);
    }
    return refused(kExitUsage, "--scheme is one of " + names +
                                   "; what a configuration describes is checked with --source");
  }
  Expectation expected{command.scheme, provider->scheme, {}, command.public_url};
  for (const auto& file : command.secret_files) {
    auto secret = secret_from_file(file);
    if (!secret) return refused(code_of_unread(file), secret.error());
    const auto usable = net::check_secret(expected.scheme, *secret);
    if (!usable) return refused(kExitUsage, "what is in " + file + " " + usable.error());
    expected.secrets.push_back(std::move(*secret));
  }
  if (expected.secrets.empty()) return refused(kExitUsage, "--scheme needs --secret-file");
  if (!expected.scheme.uses(net::SignedPart::Kind::kUrl)) return expected;
  const auto url = net::check_public_url(expected.public_url);
  if (!url) return refused(kExitUsage, "--public-url " + url.error());
  return expected;
}

Taken<net::HttpRequest> request_of(const VerifySignatureCommand& command) {
  net::HttpRequest request;
  request.method = "POST";
  if (!command.request_file.empty()) {
    const auto text = content_of(command.request_file);
    if (!text) return fail(text.error());
    auto parsed = parse_raw_request(*text);
    if (!parsed) return refused(kExitUsage, command.request_file + ": " + printable(parsed.error()));
    request = std::move(*parsed);
  }
  if (!command.method.empty()) request.method = command.method;
  if (!command.query.empty()) request.query = command.query;
  for (const auto& line : command.headers) {
    auto header = parse_header_line(line);
    if (!header) return refused(kExitUsage, printable(header.error()));
    request.headers.push_back(std::move(*header));
  }
  if (command.body_file.empty()) {
    if (command.request_file.empty()) return refused(kExitUsage, "a body's file is needed, or --request");
    return request;
  }
  auto body = content_of(command.body_file);
  if (!body) return fail(body.error());
  request.body = std::move(*body);
  return request;
}

Json as_json(const Expectation& expected, const net::HttpRequest& request, const net::Verdict& verdict,
             const net::Trace& trace) {
  Json parts = Json::array();
  for (const auto& [name, bytes] : trace.parts) parts.push_back({{"part", name}, {"bytes", bytes}});
  const std::string_view body = request.body;
  Json json{{"fits", verdict.fits()},
            {"mismatch", net::mismatch_name(verdict.mismatch)},
            {"text", verdict.text},
            {"scheme", expected.name},
            {"header", trace.header},
            {"signed", {{"shape", trace.shape}, {"parts", std::move(parts)}, {"bytes", trace.signed_bytes}}},
            {"sent", trace.sent},
            {"expected", trace.expected},
            {"body",
             {{"bytes", body.size()},
              {"sha256",
               net::encode_hex(net::digest(net::Algorithm::kSha256, std::span(&body, 1)).value_or(""))}}}};
  if (trace.age_ms) json["age_ms"] = *trace.age_ms;
  return json;
}

void print_report(const Json& json) {
  const auto line = [](const char* name, const std::string& text) {
    if (!text.empty()) print("%-9s %s\n", name, text.c_str());
  };
  const auto joined = [](const Json& list) {
    std::string text;
    for (const auto& each : list)
      text += (text.empty() ? "" : ", ") + printable(each.get<std::string>()) + "...";
    return text;
  };
  line("scheme", json["scheme"]);
  line("header", json["header"]);
  std::string lengths;
  for (const auto& part : json["signed"]["parts"]) {
    lengths += (lengths.empty() ? "" : " + ") + part["part"].get<std::string>() + " " + part["bytes"].dump();
  }
  line("signed", printable(json["signed"]["shape"].get<std::string>()));
  if (!lengths.empty()) line("", printable(lengths) + " = " + json["signed"]["bytes"].dump() + " bytes");
  if (json.contains("age_ms")) {
    const auto age_s = json["age_ms"].get<std::int64_t>() / 1'000;
    line("time", age_s < 0 ? std::to_string(-age_s) + " s ahead" : std::to_string(age_s) + " s old");
  }
  line("body", json["body"]["bytes"].dump() + " bytes, SHA-256 " + json["body"]["sha256"].get<std::string>());
  line("sent", joined(json["sent"]));
  line("expected", joined(json["expected"]));
  line("result", json["fits"].get<bool>()
                     ? "fits"
                     : json["mismatch"].get<std::string>() + ": " + json["text"].get<std::string>());
  line("note", json.value("note", std::string()));
}

// A body that was taken from where it is redacted is not the one that was signed.
std::string note_on(const Config& config, const std::string& source) {
  for (const auto& known : config.sources) {
    if (known.name != source || known.redact.empty()) continue;
    return std::string("this source is redacted in PostgreSQL") +
           (known.redact_journal ? " and in the journal" : "") +
           ": a body from there fits no signature, only the bytes that the sender sent do";
  }
  return {};
}

}  // namespace

int VerifySignatureCommand::run(const Config& config, bool json) const {
  if (source.empty() == scheme.empty())
    return refused(kExitUsage, "either --source or --scheme is needed").error;
  const auto expected = source.empty() ? of_scheme(*this) : of_source(config, source);
  if (!expected) return expected.error();
  const auto request = request_of(*this);
  if (!request) return request.error();
  std::int64_t now_us = wall_clock_us();
  if (!at.empty()) {
    const auto instant = parse_instant(at, now_us);
    if (!instant)
      return refused(kExitUsage, "--at: " + printable(at) + " is no time; write RFC 3339 or \"2h\" (ago)")
          .error;
    now_us = *instant;
  }
  net::Trace trace;
  const auto verdict =
      net::verify(expected->scheme, {request->method, request->query, request->headers, request->body},
                  {expected->secrets, expected->public_url, now_us}, &trace);
  Json report = as_json(*expected, *request, verdict, trace);
  const std::string note = verdict.fits() ? std::string() : note_on(config, source);
  if (!note.empty()) report["note"] = note;
  if (json) {
    print("%s\n", report.dump(2, ' ', true, Json::error_handler_t::replace).c_str());
  } else {
    print_report(report);
  }
  return verdict.fits() ? kExitOk : kExitData;
}

}  // namespace hookspool::agent

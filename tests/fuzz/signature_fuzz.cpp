// Every signature scheme over hostile headers. The input: a line with the provider's name, the query, "name: value"
// lines, an empty line, the body. A sender without the secret is refused, and the message does not hold the secret.
#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "net/verify/providers.h"
#include "net/verify/verifier.h"
#include "tests/fuzz/target.h"

namespace hookspool::fuzz {
namespace {

// Long and random enough that no input meets it; valid base64 after "whsec_", and with a colon "user:password".
const std::string kTextSecret = "u5er-9f31c7:p4ss-2b8e6d0a7c5f";
const std::string kKeySecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

std::string_view take_line(std::string_view& bytes) {
  const std::size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(std::min(end + 1, bytes.size()));
  return line;
}

net::HeaderFields take_headers(std::string_view& bytes) {
  net::HeaderFields headers;
  for (std::string_view line = take_line(bytes); !line.empty(); line = take_line(bytes)) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    headers.emplace_back(std::move(name), value);
  }
  return headers;
}

}  // namespace
}  // namespace hookspool::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hookspool;
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // By name, so that an input keeps its meaning when the table grows; another name is any of them.
  const auto providers = net::providers();
  const net::Provider* named = net::find_provider(fuzz::take_line(bytes));
  const net::Provider& provider = named != nullptr ? *named : providers[data[0] % providers.size()];
  const std::string query(fuzz::take_line(bytes));
  const net::HeaderFields headers = fuzz::take_headers(bytes);
  net::JsonFields fields(bytes);
  (void)net::find_delivery_id(provider.delivery_id, provider.scheme, headers, fields);
  if (provider.scheme.kind == net::Scheme::Kind::kNone) return 0;

  const bool key = provider.scheme.secret_form == net::SecretForm::kBase64;
  const std::string secrets[] = {key ? fuzz::kKeySecret : fuzz::kTextSecret};
  net::Trace trace;
  const net::Keys keys{secrets, "https://hooks.example.com/in", 1'700'000'000'000'000};
  const net::Verdict verdict = net::verify(provider.scheme, {"POST", query, headers, bytes}, keys, &trace);
  fuzz::require(!verdict.fits(), "no request without the secret fits");
  fuzz::require(!verdict.text.empty(), "a refusal says why");
  fuzz::require(verdict.text.find(secrets[0]) == std::string::npos, "a refusal does not tell the secret");
  for (const std::string& shown : trace.expected)
    fuzz::require(shown.size() <= net::Trace::kShownCharacters, "what was expected is not shown whole");
  return 0;
}

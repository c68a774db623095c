// The keys that the reader of the configuration looks for, for tests that compare documents with it. Thread-safe: no state.
#pragma once

#include <set>
#include <string>

#include "agent/config/config_reader.h"

namespace hookspool::agent {

using Keys = std::set<std::string>;

// Has one of everything that is only looked into when it is there.
inline constexpr const char* kOneOfEach = R"(
[sources.own]
verify = "hmac"
secrets = [{ file = "/nowhere" }]
signature = { header = "X-Signature" }
response = { status = 200 }
table = "public.t"
columns = { id = "@id" }
[[sources.several.tables]]
table = "public.t"
columns = { id = "@id" }
[sources.meta]
verify = "meta"
verify_token = { file = "/nowhere" }
)";

// "sources.own.verify" and "sources.github.verify" are one key: sources.NAME.verify. Secrets and tokens are given by the
// same keys, described once.
inline std::string general(std::string key) {
  if (key.starts_with("secrets[") || key.starts_with("verify_token.") ||
      key.starts_with("alerts.webhook_url.") || key.starts_with("alerts.webhook_secret."))
    return "sources.NAME.secrets." + key.substr(key.rfind('.') + 1);
  if (!key.starts_with("sources.")) return key;
  const auto name_end = key.find('.', 8);
  return name_end == std::string::npos ? "" : "sources.NAME" + key.substr(name_end);
}

inline Keys keys_of_the_reader() {
  Keys keys;
  for (const std::string& key : keys_looked_for(kOneOfEach)) {
    const std::string name = general(key);
    if (name.find('.') != std::string::npos) keys.insert(name);  // without a dot: a section
  }
  return keys;
}

// Keys of a table within a source stand in braces, or in the text that tells of them.
inline bool is_nested(const std::string& key) {
  return key.starts_with("sources.NAME.") && key.find('.', 13) != std::string::npos;
}

}  // namespace hookspool::agent

#include "agent/config/config_secret.h"

#include <utility>

#include "agent/config/secret.h"

namespace hookspool::agent {

std::optional<std::string> read_secret(const toml::node& node, std::string_view key, const std::string& place,
                                       TableReader& holder, FaultList& faults) {
  const auto* table = node.as_table();
  if (table == nullptr) {
    holder.fault(key, "is a table: { file = \"/etc/hookspool/github.secret\" }; never the secret itself");
    return std::nullopt;
  }
  TableReader reader(table, place + ".", faults);
  std::string file, credential, variable;
  const bool in_file = reader.has("file");
  if (in_file && !reader.path("file", file)) return std::nullopt;
  const int given = (in_file ? 1 : 0) + (reader.text("credential", credential) ? 1 : 0) +
                    (reader.text("env", variable) ? 1 : 0);
  reader.finish();
  if (given != 1) {
    faults.add(node.source(), place + ". needs exactly one of file, credential, env");
    return std::nullopt;
  }
  auto secret = !file.empty()         ? secret_from_file(file)
                : !credential.empty() ? secret_from_credential(credential)
                                      : secret_from_environment(variable);
  if (secret) return std::move(*secret);
  faults.add(node.source(), place + ". " + secret.error());
  return std::nullopt;
}

}  // namespace hookspool::agent

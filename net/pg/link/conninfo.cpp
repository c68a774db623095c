#include "net/pg/link/conninfo.h"

#include <libpq-fe.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>

#include "net/pg/link/text.h"
#include "storage/model/printable.h"

namespace hookspool::net {
namespace {

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

constexpr std::string_view kAttempt = "reading the PostgreSQL conninfo: ";

PgError bad(std::string text) {
  return {.error_class = ErrorClass::kSetup,
          .text = std::string(kAttempt) + std::move(text),
          .hint =
              "Keywords: PostgreSQL documentation, 34.1.2. A value with spaces or quotes is written 'like "
              "this'."};
}

// Of conninfo, what may be shown.
constexpr std::array<std::string_view, 7> kShown{"service", "host", "hostaddr", "port",
                                                 "dbname",  "user", "sslmode"};

// A URL of another database: libpq takes it for keywords, and complains of a missing "=".
std::string foreign_scheme(const std::string& conninfo) {
  const std::size_t end = conninfo.find("://");
  if (end == std::string::npos || end == 0 || end > 32) return {};
  const std::string scheme = conninfo.substr(0, end);
  const bool is_word = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-';
  });
  return is_word && scheme != "postgresql" && scheme != "postgres" ? scheme : "";
}

// libpq's complaint without the quoted rest of the string, which may hold a password.
std::string without_values(std::string_view message) {
  std::string text = one_line(message);
  if (text.starts_with("missing \"=\" after")) return "a word without \"=\" (is a value with spaces quoted?)";
  if (text.starts_with("invalid connection option") || text.starts_with("invalid URI query parameter"))
    return text;
  if (const std::size_t value = text.rfind(": \""); value != std::string::npos) text.resize(value);
  return text;
}

struct Choice {
  std::string_view keyword;
  std::vector<std::string_view> values;
};

const std::vector<Choice>& choices() {
  static const std::vector<Choice> all{
      {"sslmode", {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}},
      {"gssencmode", {"disable", "prefer", "require"}},
      {"channel_binding", {"disable", "prefer", "require"}},
      {"target_session_attrs", {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"}}};
  return all;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::optional<PgError> check_value(const std::string& keyword, const std::string& value) {
  for (const Choice& choice : choices()) {
    if (choice.keyword != keyword) continue;
    if (std::find(choice.values.begin(), choice.values.end(), value) == choice.values.end()) {
      return bad("unknown value of " + keyword);
    }
  }
  if (keyword != "port") return {};
  for (const std::string& port : split(value)) {
    const bool digits = std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || port.size() > 5 || (!port.empty() && (std::stoi(port) < 1 || std::stoi(port) > 65535))) {
      return bad("port is not a number between 1 and 65535");
    }
  }
  return {};
}

// libpq opens these files with calls that wait, beyond every deadline of ours: a pipe waits for a writer.
constexpr std::array<std::string_view, 5> kFiles{"passfile", "sslcert", "sslcrl", "sslkey", "sslrootcert"};

std::optional<PgError> check_file(const std::string& name, const char* path) {
  struct stat status {};
  if (path == nullptr || ::stat(path, &status) != 0) return {};  // libpq says what is wrong
  const bool null_device = S_ISCHR(status.st_mode) && std::string_view(path) == "/dev/null";
  const bool may_wait = S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode) || S_ISSOCK(status.st_mode);
  if (!may_wait || null_device) return {};
  return bad(name + " names a pipe, a device or a socket; it must be a regular file");
}

std::optional<PgError> check_files(const PQconninfoOption* options) {
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (std::find(kFiles.begin(), kFiles.end(), option->keyword) == kFiles.end()) continue;
    const char* path = option->val;
    if (path == nullptr && option->envvar != nullptr) path = std::getenv(option->envvar);
    if (auto error = check_file(option->keyword, path)) return error;
  }
  return check_file("PGSERVICEFILE", std::getenv("PGSERVICEFILE"));
}

bool set_in_environment(const PQconninfoOption& option) {
  return option.envvar != nullptr && std::getenv(option.envvar) != nullptr;
}

// What is passed unless the user has set it.
std::optional<std::string> default_of(std::string_view keyword) {
  if (keyword == "gssencmode") return "disable";  // saves a round trip where Kerberos is not asked for
  // A standby is of no use to us; of several servers this finds the primary.
  if (keyword == "target_session_attrs") return "read-write";
  for (const TcpDefault& tcp : kTcpDefaults) {
    if (keyword == tcp.keyword) return std::to_string(tcp.value);
  }
  return {};
}

bool is_this_machine(const std::string& host) {
  return host.empty() || host.starts_with('/') || host.starts_with('@') || host == "localhost" ||
         host == "::1" || host.starts_with("127.");
}

}  // namespace

PgResult<ConnectParameters> ConnectParameters::make(const PgOptions& options) {
  if (const std::string scheme = foreign_scheme(options.conninfo); !scheme.empty()) {
    return fail(
        bad("it is a URL of another kind (" + scheme + "://); PostgreSQL's begins with postgresql://"));
  }
  char* message = nullptr;
  const Options parsed(PQconninfoParse(options.conninfo.c_str(), &message), PQconninfoFree);
  if (!parsed) {
    const std::string text = without_values(message != nullptr ? message : "out of memory");
    PQfreemem(message);
    return fail(bad(text));
  }
  if (auto error = check_files(parsed.get())) return fail(std::move(*error));
  ConnectParameters parameters;
  // A service file may set anything, and what is passed here would overrule it.
  bool& service = parameters.service_;
  service = std::getenv("PGSERVICE") != nullptr;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    if (auto error = check_value(option->keyword, option->val)) return fail(std::move(*error));
    parameters.entries_.emplace_back(option->keyword, option->val);
    service = service || std::string_view(option->keyword) == "service";
  }
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr && !service; ++option) {
    const std::string_view keyword = option->keyword;
    if (const auto value = default_of(keyword);
        value && option->val == nullptr && !set_in_environment(*option)) {
      parameters.entries_.emplace_back(keyword, *value);
    }
    // Listed servers in the environment are to be rotated like those in conninfo.
    if ((keyword == "host" || keyword == "hostaddr" || keyword == "port") && option->val == nullptr &&
        set_in_environment(*option)) {
      parameters.entries_.emplace_back(keyword, std::getenv(option->envvar));
    }
  }
  std::erase_if(parameters.entries_, [](const Entry& entry) { return entry.first == "client_encoding"; });
  parameters.entries_.emplace_back("client_encoding",
                                   "UTF8");  // what we send is UTF-8, whatever was asked for
  parameters.entries_.emplace_back("fallback_application_name", options.application_name);
  parameters.count_hosts();
  return parameters;
}

const std::string* ConnectParameters::given(std::string_view keyword) const {
  const auto entry =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& one) { return one.first == keyword; });
  return entry == entries_.end() ? nullptr : &entry->second;
}

void ConnectParameters::count_hosts() {
  const std::string* list = given("hostaddr") != nullptr ? given("hostaddr") : given("host");
  hosts_ = list != nullptr ? split(*list).size() : 1;
}

void ConnectParameters::rotate_hosts() {
  if (hosts_ < 2) return;
  for (Entry& entry : entries_) {
    if (entry.first != "host" && entry.first != "hostaddr" && entry.first != "port") continue;
    std::vector<std::string> parts = split(entry.second);
    if (parts.size() != hosts_) continue;  // one port for all; anything else libpq refuses
    std::rotate(parts.begin(), parts.begin() + 1, parts.end());
    entry.second.clear();
    for (std::size_t i = 0; i < parts.size(); ++i) entry.second += (i > 0 ? "," : "") + parts[i];
  }
}

std::string ConnectParameters::unverified_server() const {
  if (service_) return {};
  const std::string* mode = given("sslmode");
  const char* from_environment = std::getenv("PGSSLMODE");
  const std::string_view effective = mode != nullptr               ? std::string_view(*mode)
                                     : from_environment != nullptr ? std::string_view(from_environment)
                                                                   : std::string_view("prefer");
  if (effective == "verify-full" || effective == "verify-ca") return {};
  const std::string* list = given("hostaddr") != nullptr ? given("hostaddr") : given("host");
  if (list == nullptr) return {};
  const std::vector<std::string> hosts = split(*list);
  const auto remote = std::find_if_not(hosts.begin(), hosts.end(), is_this_machine);
  return remote == hosts.end() ? "" : *remote;
}

std::vector<const char*> ConnectParameters::keywords() const {
  std::vector<const char*> list;
  for (const Entry& entry : entries_) list.push_back(entry.first.c_str());
  list.push_back(nullptr);
  return list;
}

std::vector<const char*> ConnectParameters::values() const {
  std::vector<const char*> list;
  for (const Entry& entry : entries_) list.push_back(entry.second.c_str());
  list.push_back(nullptr);
  return list;
}

PgResult<void> Connection::check_conninfo(const std::string& conninfo) {
  PgOptions options;
  options.conninfo = conninfo;
  auto parameters = ConnectParameters::make(options);
  if (!parameters) return fail(std::move(parameters).error());
  return {};
}

std::size_t Connection::servers(const PgOptions& options) {
  const auto parameters = ConnectParameters::make(options);
  return parameters ? parameters->hosts() : 1;
}

std::string Connection::unverified_server(const std::string& conninfo) {
  PgOptions options;
  options.conninfo = conninfo;
  const auto parameters = ConnectParameters::make(options);
  return parameters ? parameters->unverified_server() : "";
}

std::string Connection::server_in(const std::string& conninfo) {
  const Options parsed(PQconninfoParse(conninfo.c_str(), nullptr), PQconninfoFree);
  std::string text;
  for (const std::string_view shown : kShown) {
    for (const PQconninfoOption* option = parsed.get(); option != nullptr && option->keyword != nullptr;
         ++option) {
      if (shown != option->keyword) continue;
      const char* value = option->val;
      if (value == nullptr && option->envvar != nullptr) value = std::getenv(option->envvar);
      if (value == nullptr || *value == '\0') continue;
      text += (text.empty() ? "" : " ") + std::string(shown) + "=" + printable(value);
    }
  }
  return text;
}

bool Connection::holds_password(const std::string& conninfo) {
  const Options parsed(PQconninfoParse(conninfo.c_str(), nullptr), PQconninfoFree);
  for (const PQconninfoOption* option = parsed.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    if (std::string_view(option->keyword) == "password")
      return option->val != nullptr && *option->val != '\0';
  }
  return false;
}

bool Connection::configured_by(const std::string& conninfo) {
  return conninfo.find_first_not_of(" \t\r\n") != std::string::npos;
}

bool Connection::configured(const std::string& conninfo) {
  if (configured_by(conninfo)) return true;
  for (const char* name : {"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

std::string libpq_version() {
  const int number = PQlibVersion();  // 150020 is 15.20
  return std::to_string(number / 10'000) + "." + std::to_string(number % 10'000);
}

}  // namespace hookspool::net

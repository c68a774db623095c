#include "agent/commands/admin_call.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "agent/admin/admin_protocol.h"
#include "agent/base/exit_codes.h"
#include "agent/commands/no_agent.h"
#include "agent/commands/output.h"
#include "agent/config/socket_files.h"
#include "net/http/client.h"

namespace hookspool::agent {
namespace {

// Longer than the agent waits for PostgreSQL: connect_timeout, then statement_timeout and its margin.
constexpr milliseconds kDeadline{180'000};

int code_of(int status) {
  if (status == 404 || status == 409) return kExitData;
  return status >= 500 ? kExitTempFail : kExitUsage;
}

void tell_refusal(int status, const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("error")) {
    tell("the agent answered %d: %s\n", status, body.c_str());
    return;
  }
  tell("%s\n", json.value("error", "").c_str());
  if (const auto hint = json.value("hint", ""); !hint.empty()) tell("%s\n", hint.c_str());
}

std::string socket_path(const Config& config, const std::string& socket) {
  std::error_code error;
  return socket.empty() ? admin_socket_path(config) : std::filesystem::absolute(socket, error).string();
}

Result<net::ClientAnswer, net::HttpError> ask(const std::string& path, const std::string& target,
                                              const std::string& body) {
  return net::http_call("unix:" + path, body.empty() ? "GET" : "POST", std::string(kApiPrefix) + target,
                        {{"Content-Type", "application/json"}}, body, kDeadline);
}

AdminCall call_of(const net::ClientAnswer& answer, const std::string& path) {
  if (answer.status != 200) {
    tell_refusal(answer.status, answer.body);
    return {code_of(answer.status), ""};
  }
  if (!nlohmann::json::accept(answer.body)) {
    tell("%s answered, but not as an agent does\n", path.c_str());
    return {kExitUnavailable, ""};
  }
  return {kExitOk, answer.body};
}

}  // namespace

AdminCall admin_call(const Config& config, const std::string& socket, const std::string& target,
                     const std::string& body) {
  const std::string path = socket_path(config, socket);
  const auto answer = ask(path, target, body);
  if (!answer) return {tell_no_agent("unix:" + path, answer.error(), "--socket PATH"), ""};
  return call_of(*answer, path);
}

std::optional<AdminCall> admin_call_if_there(const Config& config, const std::string& socket,
                                             const std::string& target, const std::string& body) {
  const std::string path = socket_path(config, socket);
  const auto answer = ask(path, target, body);
  if (!answer && answer.error().kind != net::HttpError::Kind::kNotPermitted) return std::nullopt;
  if (!answer) return AdminCall{tell_no_agent("unix:" + path, answer.error(), "--socket PATH"), ""};
  return call_of(*answer, path);
}

}  // namespace hookspool::agent

#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/base/exit_codes.h"
#include "agent/commands/admin_call.h"
#include "agent/commands/admin_commands.h"
#include "agent/commands/output.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;

// One request; its answer as it is, or `done` for people.
int steer(const Config& config, const AdminTarget& target, const char* request, const Json& body,
          const std::string& done) {
  const auto call = admin_call(config, target.socket, request, body.dump());
  if (call.code != kExitOk) return call.code;
  if (target.json) {
    print_data(call.body);
  } else {
    print("%s\n", done.c_str());
  }
  return kExitOk;
}

}  // namespace

int repair_lane(const Config& config, const AdminTarget& target, const std::string& lane) {
  const auto call = admin_call(config, target.socket, "repair", Json{{"lane", lane}}.dump());
  if (call.code != kExitOk) return call.code;
  if (target.json) {
    print_data(call.body);
    return kExitOk;
  }
  const auto answer = Json::parse(call.body);
  if (answer.value("comparable", true)) {
    print("lane %s compares every retained event by its id; hookspool status shows when it goes on\n",
          lane.c_str());
  } else {
    print("lane %s: watermark set to %llu as PostgreSQL confirmed; nothing was compared\n", lane.c_str(),
          static_cast<unsigned long long>(answer.value("confirmed_seq", std::uint64_t{0})));
  }
  return kExitOk;
}

int retry_now(const Config& config, const AdminTarget& target) {
  return steer(config, target, "retry", Json::object(), "PostgreSQL and every lane that waits are tried now");
}

int adopt_database(const Config& config, const AdminTarget& target, const std::string& from) {
  const auto call = admin_call(config, target.socket, "adopt", Json{{"from", from}}.dump());
  if (call.code != kExitOk) return call.code;
  if (target.json) {
    print_data(call.body);
  } else if (Json::parse(call.body).value("already", false)) {
    print("the journal belongs to this database already; nothing was changed\n");
  } else {
    print("the journal belongs to this database from now on, which gets %s\n",
          from == "unsent" ? "what has not been delivered" : "everything that is still retained");
  }
  return kExitOk;
}

}  // namespace hookspool::agent

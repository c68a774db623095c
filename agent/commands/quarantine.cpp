#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/admin/admin_protocol.h"
#include "agent/base/exit_codes.h"
#include "agent/base/log.h"
#include "agent/commands/admin_call.h"
#include "agent/commands/admin_commands.h"
#include "agent/commands/output.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kFieldBytesMax = 4096;  // of one that is shown alone

std::string text_of(const Json& json, const char* key) {
  const auto value = json.value(key, Json());
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

void print_request(const Json& request) {
  print("%s  %-16s %s  %-15s %s bytes  %s%s\n", text_of(request, "id").c_str(),
        text_of(request, "source").c_str(), text_of(request, "received_at").c_str(),
        printable(text_of(request, "remote_addr")).c_str(), text_of(request, "bytes").c_str(),
        text_of(request, "reason").c_str(), request.contains("admission_in_doubt") ? "  (in doubt)" : "");
}

}  // namespace

int QuarantineCommand::list(const Config& config, const AdminTarget& target) const {
  Json requests = Json::array();
  std::uint64_t count = 0;
  for (std::string after;;) {
    const auto call =
        admin_call(config, target.socket, "quarantine?source=" + source + "&after=" + after, "");
    if (call.code != kExitOk) return call.code;
    const auto page = Json::parse(call.body);
    for (const auto& request : page.at("quarantined")) {
      count += 1;
      after = text_of(request, "id");
      target.json ? requests.push_back(request) : print_request(request);
    }
    if (!page.value("more", false)) break;
  }
  if (target.json) print("%s\n", Json{{"quarantined", std::move(requests)}}.dump(2, ' ', true).c_str());
  if (!target.json && count == 0) tell("the quarantine is empty\n");
  return kExitOk;
}

int QuarantineCommand::show(const Config& config, const AdminTarget& target) const {
  const auto call = admin_call(config, target.socket, "quarantine/" + ids.front(), "");
  if (call.code != kExitOk) return call.code;
  const auto request = Json::parse(call.body);
  if (target.json) {
    print("%s\n", request.dump(2, ' ', true).c_str());
    return kExitOk;
  }
  for (const char* key :
       {"id", "source", "received_at", "remote_addr", "reason", "method", "path", "query"}) {
    print("%-12s %s\n", key, printable(text_of(request, key), kFieldBytesMax).c_str());
  }
  print("%-12s %s\n", "headers", request.value("headers", Json()).dump(2, ' ', true).c_str());
  print("%-12s %s bytes%s\n", "body", text_of(request, "body_bytes").c_str(),
        request.contains("body_hex") ? ", not UTF-8, as hexadecimal:" : ":");
  print_raw(text_of(request, request.contains("body_hex") ? "body_hex" : "body") + "\n");
  return kExitOk;
}

int QuarantineCommand::verify(const Config& config, const AdminTarget& target) const {
  Json sum{{"looked_at", 0}, {"admitted", 0}, {"not_genuine", 0}, {"unknown_source", 0}, {"in_doubt", 0}};
  for (Json ask{{"source", source}};;) {
    const auto call = admin_call(config, target.socket, "quarantine/verify", ask.dump());
    if (call.code != kExitOk) return call.code;
    const auto answer = Json::parse(call.body);
    for (auto& [key, value] : sum.items())
      value = value.get<std::uint64_t>() + answer.value(key, std::uint64_t{0});
    if (!answer.value("more", false)) break;
    ask["after"] = answer.at("after");
  }
  if (target.json) {
    print("%s\n", sum.dump().c_str());
  } else {
    print("%s looked at: %s admitted, %s fit no secret", text_of(sum, "looked_at").c_str(),
          text_of(sum, "admitted").c_str(), text_of(sum, "not_genuine").c_str());
    if (sum["unknown_source"] != 0) {
      print(", %s of a source that is not configured", text_of(sum, "unknown_source").c_str());
    }
    print("\n");
  }
  if (sum["not_genuine"] != 0) {
    tell("What fits no secret stays. A secret that was changed in its file counts after: hookspool reload\n");
  }
  if (sum["in_doubt"] == 0) return kExitOk;
  tell(
      "%s met a failing disk when they were admitted; restart the agent, which reads what it holds, and "
      "verify again\n",
      text_of(sum, "in_doubt").c_str());
  return kExitTempFail;
}

int QuarantineCommand::discard(const Config& config, const AdminTarget& target) const {
  std::uint64_t count = 0;
  std::vector<std::string> unknown;
  const auto ask = [&](const Json& what) {
    const auto call = admin_call(config, target.socket, "quarantine/discard", what.dump());
    if (call.code != kExitOk) return call.code;
    const auto answer = Json::parse(call.body);
    count += answer.value("discarded", std::uint64_t{0});
    for (const auto& id : answer.value("unknown", Json::array())) unknown.push_back(id.get<std::string>());
    return kExitOk;
  };
  if (all || !source.empty()) {
    if (const int code = ask({{"all", all}, {"source", source}}); code != kExitOk) return code;
  }
  for (std::size_t at = 0; at < ids.size(); at += kApiIdsMax) {
    Json list = Json::array();
    for (std::size_t i = at; i < std::min(ids.size(), at + kApiIdsMax); ++i) list.push_back(ids[i]);
    if (const int code = ask({{"ids", std::move(list)}}); code != kExitOk) return code;
  }
  if (target.json) {
    print("%s\n", Json{{"discarded", count}, {"unknown", unknown}}.dump().c_str());
  } else {
    print("%llu discarded\n", static_cast<unsigned long long>(count));
  }
  for (const auto& id : unknown) tell("%s is not quarantined\n", printable(id).c_str());
  return unknown.empty() ? kExitOk : kExitData;
}

}  // namespace hookspool::agent

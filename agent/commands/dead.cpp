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

void print_letter(const Json& letter) {
  print("%s  %-16s %s  %s %s%s\n", text_of(letter, "id").c_str(), text_of(letter, "source").c_str(),
        text_of(letter, "failed_at").c_str(), text_of(letter, "sqlstate").c_str(),
        printable(text_of(letter, "message")).c_str(), letter.value("put_back", false) ? "  (put back)" : "");
}

// Tells which ids were not there; the exit code of the whole.
int tell_unknown(const std::vector<std::string>& unknown) {
  for (const auto& id : unknown) tell("there is no dead letter %s\n", printable(id).c_str());
  return unknown.empty() ? kExitOk : kExitData;
}

struct Sum {
  std::uint64_t count = 0;
  std::vector<std::string> unknown;
};

void add(const Json& answer, const char* counted, Sum& sum) {
  sum.count += answer.value(counted, std::uint64_t{0});
  for (const auto& id : answer.value("unknown", Json::array())) sum.unknown.push_back(id.get<std::string>());
}

// In portions that one request takes.
int for_ids(const Config& config, const AdminTarget& target, const std::string& request, const char* counted,
            const std::vector<std::string>& ids, Sum& sum) {
  for (std::size_t at = 0; at < ids.size(); at += kApiIdsMax) {
    const auto end = std::min(ids.size(), at + kApiIdsMax);
    Json list = Json::array();
    for (std::size_t i = at; i < end; ++i) list.push_back(ids[i]);
    const auto call = admin_call(config, target.socket, request, Json{{"ids", std::move(list)}}.dump());
    if (call.code != kExitOk) return call.code;
    add(Json::parse(call.body), counted, sum);
  }
  return kExitOk;
}

int report(const AdminTarget& target, const char* counted, const char* done, const Sum& sum) {
  if (target.json) {
    print("%s\n", Json{{counted, sum.count}, {"unknown", sum.unknown}}.dump().c_str());
  } else {
    print("%llu %s\n", static_cast<unsigned long long>(sum.count), done);
  }
  return tell_unknown(sum.unknown);
}

}  // namespace

int DeadCommand::list(const Config& config, const AdminTarget& target) const {
  Json letters = Json::array();
  std::uint64_t listed = 0;
  for (std::string after;;) {
    const auto call = admin_call(config, target.socket, "dead?source=" + source + "&after=" + after, "");
    if (call.code != kExitOk) return call.code;
    const auto page = Json::parse(call.body);
    for (const auto& letter : page.at("dead_letters")) {
      listed += 1;
      after = text_of(letter, "id");
      target.json ? letters.push_back(letter) : print_letter(letter);
    }
    if (!page.value("more", false)) break;
  }
  if (target.json) print("%s\n", Json{{"dead_letters", std::move(letters)}}.dump(2, ' ', true).c_str());
  if (!target.json && listed == 0) tell("no dead letters\n");
  return kExitOk;
}

int DeadCommand::show(const Config& config, const AdminTarget& target) const {
  const auto call = admin_call(config, target.socket, "dead/" + ids.front(), "");
  if (call.code != kExitOk) return call.code;
  const auto letter = Json::parse(call.body);
  if (target.json) {
    print("%s\n", letter.dump(2, ' ', true).c_str());
    return kExitOk;
  }
  for (const char* key :
       {"id", "source", "epoch", "seq", "received_at", "failed_at", "sqlstate", "message"}) {
    print("%-13s %s\n", key, printable(text_of(letter, key), kFieldBytesMax).c_str());
  }
  print("%-13s %s\n", "put_back", letter.value("put_back", false) ? "yes: on its way" : "no");
  print("%-13s %s\n", "request", letter.value("request", Json()).dump(2, ' ', true).c_str());
  print("%-13s %s bytes%s\n", "body", text_of(letter, "body_bytes").c_str(),
        letter.contains("body_hex") ? ", not UTF-8, as hexadecimal:" : ":");
  print_raw(text_of(letter, letter.contains("body_hex") ? "body_hex" : "body") + "\n");
  return kExitOk;
}

int DeadCommand::retry(const Config& config, const AdminTarget& target) const {
  Sum sum;
  if (!all && source.empty()) {
    const int code = for_ids(config, target, "dead/retry", "put_back", ids, sum);
    if (code != kExitOk) return code;
  } else {
    std::string last;
    for (bool more = true; more;) {
      const auto call = admin_call(config, target.socket, "dead/retry",
                                   Json{{"all", all}, {"source", source}, {"after", last}}.dump());
      if (call.code != kExitOk) return call.code;
      const auto answer = Json::parse(call.body);
      add(answer, "put_back", sum);
      more = answer.value("more", false);
      last = text_of(answer, "last");
    }
  }
  return report(target, "put_back", "put back; they go to PostgreSQL behind what waits already", sum);
}

int DeadCommand::bury(const Config& config, const AdminTarget& target) const {
  Json request{{"source", source}, {"count", count}};
  if (!ids.empty()) request["id"] = ids.front();
  const auto call = admin_call(config, target.socket, "dead/bury", request.dump());
  if (call.code != kExitOk) return call.code;
  if (target.json) {
    print_data(call.body);
    return kExitOk;
  }
  const auto answer = Json::parse(call.body);
  print("%llu of what held lane %s %s\n",
        static_cast<unsigned long long>(answer.value("buried", std::uint64_t{0})), source.c_str(),
        answer.value("more", false) ? "are dead letters so far; the agent goes on with the rest"
                                    : "are dead letters now; hookspool status shows how it goes on");
  return kExitOk;
}

int DeadCommand::discard(const Config& config, const AdminTarget& target) const {
  Sum sum;
  const int code = for_ids(config, target, "dead/discard", "discarded", ids, sum);
  if (code != kExitOk) return code;
  return report(target, "discarded", "discarded", sum);
}

}  // namespace hookspool::agent

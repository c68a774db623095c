#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "agent/base/exit_codes.h"
#include "agent/commands/commands.h"
#include "agent/commands/no_agent.h"
#include "agent/commands/output.h"
#include "net/http/client.h"

namespace hookspool::agent {
namespace {

constexpr milliseconds kDeadline{30'000};

std::string path_of(const Config& config, const std::string& source) {
  for (const auto& known : config.sources) {
    if (source.empty() || known.name == source) return known.path;
  }
  return "/hooks/" + (source.empty() ? std::string("test") : source);
}

}  // namespace

int SendCommand::run(const Config& config) const {
  std::string body;
  if (file == "-") {
    body.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
      tell("cannot read %s\n", file.c_str());
      return kExitNoInput;
    }
    body.assign(std::istreambuf_iterator<char>(stream), {});
  }
  std::vector<std::pair<std::string, std::string>> fields{{"Content-Type", "application/json"}};
  if (!delivery_id.empty()) fields.emplace_back("Webhook-Id", delivery_id);
  for (const auto& header : headers) {
    const auto colon = header.find(':');
    if (colon == std::string::npos || colon == 0) {
      tell("\"%s\" is not a header; write 'Name: value'\n", header.c_str());
      return kExitUsage;
    }
    const auto value = header.find_first_not_of(' ', colon + 1);
    const std::string name = header.substr(0, colon);
    if (name == "Content-Type") fields.erase(fields.begin());
    fields.emplace_back(name, value == std::string::npos ? "" : header.substr(value));
  }
  const std::string where = address.empty() ? config.intake.listen : address;
  const bool tls = address.empty() && config.intake.tls.given();
  const auto answer = net::http_call(where, "POST", path_of(config, source), fields, body, kDeadline, tls);
  if (!answer) return tell_no_agent(where, answer.error(), "--to HOST:PORT");
  if (answer->status == 200) {
    print_raw(answer->body);
  } else {
    tell("%s", answer->body.c_str());
  }
  if (answer->status == 200) return kExitOk;
  return answer->status >= 500 ? kExitTempFail : kExitData;
}

}  // namespace hookspool::agent

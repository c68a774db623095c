#include "agent/commands/findings.h"

#include <nlohmann/json.hpp>

#include "agent/commands/output.h"

namespace hookspool::agent {

void Findings::show(bool json) const {
  using Json = nlohmann::ordered_json;
  if (json) {
    Json report{{"ok", code_ == kExitOk}, {"findings", Json::array()}};
    for (const Finding& each : findings_) {
      report["findings"].push_back(
          {{"what", each.what}, {"state", each.state}, {"text", each.text}, {"hint", each.hint}});
    }
    print("%s\n", report.dump(2, ' ', true, Json::error_handler_t::replace).c_str());
    return;
  }
  for (const Finding& each : findings_) {
    print("%-8s %-24s %s\n", each.state.c_str(), each.what.c_str(), each.text.c_str());
    if (!each.hint.empty()) print("         %s\n", each.hint.c_str());
  }
}

}  // namespace hookspool::agent

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/base/exit_codes.h"
#include "agent/base/instant.h"
#include "agent/base/wall_clock.h"
#include "agent/commands/admin_call.h"
#include "agent/commands/admin_commands.h"
#include "agent/commands/output.h"
#include "agent/commands/progress.h"

namespace hookspool::agent {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMissingListedMax = 1'000;  // ids of one source
constexpr const char* kFigures[] = {"received", "in_table", "renumbered", "pending", "dead",  "discarded",
                                    "pruned",   "gaps",     "unreadable", "missing", "put_in"};

std::uint64_t figure(const Json& tally, const char* name) {
  return tally.value(name, std::uint64_t{0});
}

// Adds what one slice found to what the ones before it found.
void add(const Json& tally, Json& sum) {
  sum["source"] = tally.at("source");
  sum["comparable"] = tally.value("comparable", true);
  if (const auto error = tally.value("error", std::string()); !error.empty()) sum["error"] = error;
  for (const char* name : kFigures) sum[name] = figure(sum, name) + figure(tally, name);
  auto ids = sum.value("missing_ids", Json::array());
  for (const auto& id : tally.value("missing_ids", Json::array())) {
    if (ids.size() < kMissingListedMax) ids.push_back(id);
  }
  sum["missing_ids"] = std::move(ids);
}

bool add_instant(Json& request, const char* key, const std::string& text) {
  if (text.empty()) return true;
  const auto instant = parse_instant(text, wall_clock_us());
  if (!instant) {
    tell("\"%s\" is no time: write \"2h\" (ago) or \"2026-11-23T14:00:00Z\"\n", text.c_str());
    return false;
  }
  request[key] = *instant;
  return true;
}

// Asks until the agent has gone through all of it. The exit code, and what was found by source.
int collect(const Config& config, const AdminTarget& target, Json request,
            std::map<std::string, Json>& sums) {
  Progress progress;
  for (bool done = false; !done;) {
    const auto call = admin_call(config, target.socket, "compare", request.dump());
    if (call.code != kExitOk) return call.code;
    const auto slice = Json::parse(call.body);
    for (const auto& tally : slice.at("lanes")) add(tally, sums[tally.at("source").get<std::string>()]);
    done = slice.value("done", true);
    if (!done) request["after"] = slice.at("after");
    if (!done) {
      std::uint64_t received = 0;
      for (const auto& [source, sum] : sums) received += figure(sum, "received");
      progress.show(std::to_string(received) + " compared");
    }
  }
  return kExitOk;
}

Json as_list(const std::map<std::string, Json>& sums) {
  Json list = Json::array();
  for (const auto& [source, sum] : sums) list.push_back(sum);
  return list;
}

bool all_compared(const std::map<std::string, Json>& sums) {
  return std::none_of(sums.begin(), sums.end(), [](const auto& sum) { return sum.second.contains("error"); });
}

unsigned long long total(const std::map<std::string, Json>& sums, const char* name) {
  std::uint64_t sum = 0;
  for (const auto& [source, tally] : sums) sum += figure(tally, name);
  return sum;
}

void print_tally(const Json& tally) {
  const std::string source = tally.at("source").get<std::string>();
  if (!tally.value("comparable", true)) {
    print(
        "%-16s cannot be compared: no column of its table holds the event's id, or later rows replace "
        "earlier\n",
        source.c_str());
    return;
  }
  if (tally.contains("error")) {
    print("%-16s could not be compared: %s\n", source.c_str(), tally.at("error").get<std::string>().c_str());
    return;
  }
  const auto n = [&](const char* name) { return static_cast<unsigned long long>(figure(tally, name)); };
  print("%-16s %llu received = %llu in the table + %llu pending + %llu dead + %llu gaps", source.c_str(),
        n("received"), n("in_table"), n("pending"), n("dead"), n("gaps"));
  if (n("discarded") > 0) print(" + %llu discarded", n("discarded"));
  if (n("pruned") > 0) print(" + %llu deleted since (retention)", n("pruned"));
  if (n("unreadable") > 0) print(" + %llu unreadable in the journal", n("unreadable"));
  print(" + %llu missing\n", n("missing"));
  for (const auto& id : tally.value("missing_ids", Json::array())) {
    print("  missing  %s\n", id.get<std::string>().c_str());
  }
  const auto listed = tally.value("missing_ids", Json::array()).size();
  if (n("missing") > listed) print("  and %llu more\n", n("missing") - listed);
  if (n("put_in") > 0) print("  %llu of them were put in\n", n("put_in"));
}

struct Totals {
  unsigned long long missing = 0, put_in = 0, lost = 0, unreadable = 0;
};

void print_verdict(const Totals& totals, bool all_compared) {
  if (totals.missing > 0 || !all_compared) {
    print("%llu missing, %llu put in\n", totals.missing, totals.put_in);
  } else if (totals.lost + totals.unreadable == 0) {
    print("nothing is missing\n");
  }
  if (totals.lost > 0) print("%llu are lost (recorded in gaps)\n", totals.lost);
  if (totals.unreadable > 0) print("%llu cannot be read in the journal\n", totals.unreadable);
  if (totals.missing > totals.put_in) tell("hookspool verify --repair puts in what is missing\n");
  if (totals.lost + totals.unreadable > 0)
    tell("What the disk damaged may still be read: stop the agent and run hookspool salvage --config ...\n");
}

}  // namespace

int CompareCommand::verify(const Config& config, const AdminTarget& target) const {
  Json request{{"source", source}, {"put_in", repair}};
  if (!add_instant(request, "since_us", since)) return kExitUsage;
  std::map<std::string, Json> sums;
  if (const int code = collect(config, target, std::move(request), sums); code != kExitOk) return code;
  const auto missing = total(sums, "missing"), put_in = total(sums, "put_in");
  const auto lost = total(sums, "gaps"), unreadable = total(sums, "unreadable");
  if (target.json) {
    const Json whole{{"sources", as_list(sums)},
                     {"missing", missing},
                     {"put_in", put_in},
                     {"lost", lost},
                     {"unreadable", unreadable}};
    print("%s\n", whole.dump(2, ' ', true).c_str());
  } else {
    for (const auto& [name, tally] : sums) print_tally(tally);
    print_verdict({missing, put_in, lost, unreadable}, all_compared(sums));
  }
  if (missing > put_in || lost > 0 || unreadable > 0) return kExitData;
  return all_compared(sums) ? kExitOk : kExitTempFail;
}

int CompareCommand::replay(const Config& config, const AdminTarget& target) const {
  Json request{{"source", source}, {"put_in", true}, {"id", id}};
  if (!add_instant(request, "since_us", since) || !add_instant(request, "until_us", until)) return kExitUsage;
  std::map<std::string, Json> sums;
  if (const int code = collect(config, target, std::move(request), sums); code != kExitOk) return code;
  const auto looked_at = total(sums, "received"), put_in = total(sums, "put_in");
  if (target.json) {
    print("%s\n", Json{{"looked_at", looked_at}, {"put_in", put_in}, {"sources", as_list(sums)}}
                      .dump(2, ' ', true)
                      .c_str());
  } else {
    print("%llu looked at, %llu put in, %llu there already, %llu pending, %llu dead letters\n", looked_at,
          put_in, total(sums, "in_table"), total(sums, "pending"), total(sums, "dead"));
    for (const auto& [name, tally] : sums) {
      if (!tally.value("comparable", true) || tally.contains("error")) print_tally(tally);
    }
  }
  if (!id.empty() && looked_at == 0) {
    tell("the journal does not hold event %s (any more)\n", id.c_str());
    return kExitData;
  }
  return total(sums, "missing") > put_in || !all_compared(sums) ? kExitTempFail : kExitOk;
}

}  // namespace hookspool::agent

#include "tests/history/facts.h"

#include <algorithm>
#include <tuple>

namespace hookspool::history {
namespace {

constexpr std::size_t kExamplesMax = 6;  // of one invariant

}  // namespace

std::string name_of(const Send& send) {
  return send.key() + " (request " + std::to_string(send.ordinal) + ")";
}
std::string name_of(const Landed& landed) {
  return landed.id + " (" + landed.key + ", epoch " + landed.epoch.substr(0, 8) + ", number " +
         std::to_string(landed.seq) + ")";
}
std::string name_of(const LaneKey& lane) {
  return lane.second + ", epoch " + lane.first.substr(0, 8);
}

Facts::Facts(const Result& all_of_it) : result(all_of_it) {
  for (const Send& send : result.sends) {
    by_key[send.key()].push_back(&send);
    by_source[send.source].push_back(&send);
    if (send.outcome == Outcome::kOk) by_answered_id.emplace(send.id, &send);
  }
  for (const auto* list : {&result.rows, &result.dead_letters}) {
    for (const Landed& landed : *list) all.push_back(&landed);
  }
  std::sort(all.begin(), all.end(), [](const Landed* a, const Landed* b) {
    return std::tie(a->id, a->epoch, a->seq) < std::tie(b->id, b->epoch, b->seq);
  });
  for (const Landed* landed : all) {
    by_id[landed->id].push_back(landed);
    ids_by_key[landed->key].insert(landed->id);
  }
  for (const Landed& dead : result.ever_dead) ever_dead.insert(dead.id);
  for (const Journaled& event : result.journal) {
    if (event.again) again.insert(event.id);
  }
}

void Violations::add(const char* invariant, std::string text) {
  ++verdict_.violations;
  if (++examples_[invariant] <= kExamplesMax) verdict_.examples.push_back({invariant, std::move(text)});
}

}  // namespace hookspool::history

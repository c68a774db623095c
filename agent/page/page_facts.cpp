#include "agent/page/page_facts.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "agent/base/wall_clock.h"

namespace hookspool::agent {
namespace {

constexpr std::chrono::seconds kLive{10};
constexpr std::chrono::minutes kMinute{1};
constexpr std::chrono::hours kDay{24};

IntakeFacts intake_facts(const HealthSources& sources) {
  auto& figures = sources.admission.figures();
  const auto http = sources.intake.stats();
  IntakeFacts facts;
  facts.accepted = figures.accepted;
  facts.duplicates = figures.duplicates;
  facts.filtered = figures.filtered;
  facts.refused_signature = figures.refused_signature;
  facts.refused_room =
      figures.refused_no_room + figures.refused_source + figures.refused_names + figures.refused_failed;
  facts.refused_rate = figures.refused_rate;
  facts.refused_other = figures.refused_unknown + http.refused;
  facts.connections = http.connections;
  facts.answer = figures.answer.figures();
  return facts;
}

PostgresFacts postgres_facts(const HealthSources::Postgres& postgres) {
  auto& figures = postgres.lanes.figures();
  PostgresFacts facts;
  facts.uplink = postgres.uplink.status();
  facts.pool = postgres.pool.stats();
  facts.accept_to_commit = figures.accept_to_commit.figures();
  facts.transaction = figures.transaction.figures();
  facts.delivered_live = figures.delivered_live;
  facts.delivered_from_journal = figures.delivered_from_journal;
  facts.gaps = figures.gaps;
  return facts;
}

double bytes_per_event(const storage::Journal& journal) {
  std::uint64_t bytes = 0, events = 0;
  for (const auto& segment : journal.admin().segments()) {
    bytes += segment.bytes;
    events += segment.events;
  }
  return events == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(events);
}

// What an administrator looks for stands first: trouble, then what waits, then what is busy.
bool comes_first(const LaneFacts& a, const LaneFacts& b) {
  const auto rank = [](const LaneFacts& lane) {
    return std::tuple(!lane.status.stuck(), lane.refused_because.empty(), lane.status.error.empty(),
                      -static_cast<double>(lane.status.pending), -lane.per_second);
  };
  return std::pair(rank(a), a.status.name) < std::pair(rank(b), b.status.name);
}

}  // namespace

std::vector<LaneFacts> PageFactsReader::lanes(const std::vector<RecentEvent>& recent) {
  std::map<std::string, storage::LaneUsage> usages;
  for (auto& usage : sources_.journal.admin().lane_usages()) usages.emplace(usage.lane, usage);
  std::map<std::string, std::int64_t> last;
  for (const auto& [name, source] : sources_.admission.sources()->by_name()) {
    if (source.figures && source.figures->last_accepted_us > 0) last[name] = source.figures->last_accepted_us;
  }
  for (const RecentEvent& event : recent) last.try_emplace(event.lane, event.received_at_us);
  std::vector<LaneFacts> lanes;
  for (auto& status : lane_statuses(sources_)) {
    LaneFacts lane;
    lane.per_second = rates_.per_second(status.name);
    if (const auto usage = usages.find(status.name); usage != usages.end()) {
      lane.pending_bytes = usage->second.pending_bytes;
      lane.refused_because = usage->second.refused_because;
    }
    if (const auto found = last.find(status.name); found != last.end()) lane.last_event_us = found->second;
    lane.status = std::move(status);
    lanes.push_back(std::move(lane));
  }
  std::sort(lanes.begin(), lanes.end(), comes_first);
  return lanes;
}

// What the journal no longer retains, or has confirmed, is in PostgreSQL.
std::vector<EventFacts> PageFactsReader::events(const std::vector<RecentEvent>& recent) const {
  std::map<std::string, std::vector<storage::LaneRun>> runs;
  std::vector<EventFacts> events;
  for (const RecentEvent& event : recent) {
    const auto [found, is_new] = runs.try_emplace(event.lane);
    if (is_new) found->second = sources_.journal.runs(event.lane);
    const bool waits =
        std::any_of(found->second.begin(), found->second.end(), [&](const storage::LaneRun& run) {
          return run.epoch == event.epoch && event.seq > run.confirmed.seq && event.seq <= run.last_seq;
        });
    events.push_back({event, !waits});
  }
  return events;
}

PageFacts PageFactsReader::read(Mode mode) {
  PageFacts facts;
  facts.now_us = wall_clock_us();
  facts.started_at_us = sources_.started_at_us;
  facts.agent_id = sources_.journal.agent_id();
  facts.mode = mode;
  facts.intake = intake_facts(sources_);
  facts.journal = sources_.journal.admin().stats();
  facts.forecast = sources_.forecast.forecast();
  facts.bytes_per_event = bytes_per_event(sources_.journal);
  facts.live = history_.rates(kLive);
  facts.minute = history_.rates(kMinute);
  facts.day = history_.rates(kDay);
  facts.coarse = history_.coarse();
  if (sources_.postgres) facts.postgres = postgres_facts(*sources_.postgres);
  const auto recent = recent_.newest_first();
  facts.lanes = lanes(recent);
  facts.lanes_total = facts.lanes.size();
  if (facts.lanes.size() > kPageLanesMax)
    facts.lanes.erase(facts.lanes.begin() + kPageLanesMax, facts.lanes.end());
  for (LaneFacts& lane : facts.lanes) {
    if (lane.status.pending > 0) lane.oldest_us = oldest_.received_at_us(lane.status.name);
  }
  facts.events = events(recent);
  facts.letters_total = sources_.dead_letters.count();
  if (facts.letters_total > 0) {
    auto letters = sources_.dead_letters.list("", Uuid{}, kPageLettersMax);
    if (letters)
      facts.letters = std::move(*letters);
    else
      facts.letters_error = letters.error().text;
  }
  facts.quarantine = {sources_.quarantine.count(), sources_.quarantine.bytes(),
                      sources_.quarantine.figures().admitted};
  facts.reload = sources_.reloader.last();
  return facts;
}

}  // namespace hookspool::agent

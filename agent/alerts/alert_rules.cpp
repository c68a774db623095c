#include "agent/alerts/alert_rules.h"

#include <algorithm>
#include <utility>

#include "agent/base/units.h"

namespace hookspool::agent {
namespace {

constexpr std::int64_t kSecondsInHour = 3'600;
constexpr std::int64_t kSecondsInDay = 24 * kSecondsInHour;
constexpr std::int64_t kThursday = 3;  // 1970-01-01, counted from Monday

std::string because(const std::string& text, const std::string& reason) {
  return reason.empty() ? text : text + ": " + reason;
}

void look_at_postgres(const AlertFacts& facts, const AlertsConfig& config, std::vector<Condition>& wrong) {
  if (facts.postgres_up) return;
  if (facts.postgres_refuses) {
    wrong.push_back(
        {AlertKind::kRefused, "",
         because("PostgreSQL refuses the agent; events wait in the journal", facts.postgres_reason),
         facts.postgres_hint});
  } else if (facts.down_for >= config.offline_after) {
    wrong.push_back({AlertKind::kOffline, "",
                     because("PostgreSQL is away for " + format_duration(facts.down_for) + "; " +
                                 std::to_string(facts.pending) + " events wait in the journal",
                             facts.postgres_reason),
                     "Bring PostgreSQL back; delivery resumes by itself."});
  }
}

void look_at_lanes(const AlertFacts& facts, std::vector<Condition>& wrong) {
  const std::size_t named = std::min(facts.blocked_lanes.size(), AlertRules::kLanesNamedMax);
  for (std::size_t i = 0; i < named; ++i) {
    const auto& lane = facts.blocked_lanes[i];
    wrong.push_back({AlertKind::kLaneBlocked, lane.name,
                     because("lane " + lane.name + " is blocked, the others go on", lane.reason),
                     lane.hint.empty() ? "See hookspool status." : lane.hint});
  }
  const std::size_t others = facts.blocked_lanes.size() - named;
  if (others == 0) return;
  wrong.push_back({AlertKind::kLaneBlocked, "other lanes",
                   std::to_string(others) + " further lanes are blocked", "See hookspool status."});
}

void look_at_journal(const AlertFacts& facts, const AlertsConfig& config, std::vector<Condition>& wrong) {
  if (!facts.accepting) {
    wrong.push_back(
        {facts.full ? AlertKind::kRefusing : AlertKind::kFailed, "",
         because("senders get 503", facts.refusing_because),
         facts.full ? "Bring PostgreSQL back, raise max_bytes and reload, or free the disk."
                    : "See dmesg and hookspool status; if it goes on, move the journal to another disk."});
  }
  if (facts.damaged_files > 0) {
    wrong.push_back({AlertKind::kDamaged, "",
                     std::to_string(facts.damaged_files) +
                         " files of the journal cannot be read, or were set aside as damaged",
                     "See hookspool status; what was set aside is for hookspool salvage."});
  }
  if (facts.accepting && facts.until_full && *facts.until_full < config.full_within) {
    const auto left = std::chrono::duration_cast<milliseconds>(*facts.until_full);
    wrong.push_back({AlertKind::kNearlyFull, "",
                     "the journal is full in " + format_duration(left) +
                         " if it goes on like this; then senders "
                         "get 503",
                     "Bring PostgreSQL back, or raise max_bytes and reload."});
  }
}

void look_at_certificates(const AlertFacts& facts, const AlertsConfig& config, std::int64_t now_us,
                          std::vector<Condition>& wrong) {
  for (const auto& certificate : facts.certificates) {
    const std::int64_t left_s = certificate.not_after_s - now_us / 1'000'000;
    if (std::chrono::seconds(left_s) >= config.certificate_within) continue;
    const std::string whose = certificate.whose == "intake" ? "the intake's certificate"
                                                            : "the certificate of the PostgreSQL server";
    wrong.push_back({AlertKind::kCertificate, certificate.whose,
                     left_s <= 0
                         ? whose + " has expired"
                         : whose + " ends within " + std::to_string(left_s / kSecondsInDay + 1) + " days",
                     certificate.whose == "intake" ? "Renew it, then hookspool reload."
                                                   : "Its administrator needs to renew it."});
  }
}

std::size_t hour_of_week(std::int64_t wall_clock_us) {
  const std::int64_t hour = wall_clock_us / 1'000'000 / kSecondsInHour + kThursday * 24;
  return static_cast<std::size_t>(std::max<std::int64_t>(hour, 0)) % SilentSources::kHours;
}

}  // namespace

bool AlertRules::Growth::look(std::uint64_t count, TimePoint now) {
  if (count > last_) {
    if (!grew_at_) before_ = last_;
    grew_at_ = now;
  }
  last_ = count;
  if (grew_at_ && now - *grew_at_ >= kGrowthOver) grew_at_.reset();
  return grew_at_.has_value();
}

void AlertRules::look_at_growth(const AlertFacts& facts, TimePoint now, std::vector<Condition>& wrong) {
  if (lost_.look(facts.lost, now)) {
    wrong.push_back({AlertKind::kGaps, "",
                     std::to_string(lost_.grown()) + " acknowledged events are lost by the disk",
                     "See the table hookspool.gaps and dmesg; hookspool salvage may find them."});
  }
  if (dead_letters_.look(facts.dead_letters, now)) {
    wrong.push_back({AlertKind::kDeadLetters, "",
                     "PostgreSQL refused " + std::to_string(dead_letters_.grown()) +
                         " events, which are dead letters now",
                     "See hookspool dead list; correct the table, then hookspool dead retry."});
  }
}

void AlertRules::look_at_sources(const AlertFacts& facts, const AlertsConfig& config, const Now& now,
                                 std::vector<Condition>& wrong) {
  if (!config.silent_sources) return;
  for (const auto& silent : silent_.look(facts.sources, now.time, hour_of_week(now.wall_clock_us))) {
    wrong.push_back({AlertKind::kSourceSilent, silent.source,
                     "source " + silent.source + " has sent nothing for " + format_duration(silent.pause) +
                         "; its longest pause at this hour was " + format_duration(silent.usual),
                     "See the provider's list of deliveries, and hookspool quarantine list."});
  }
}

std::vector<Condition> AlertRules::look(const AlertFacts& facts, const AlertsConfig& config, const Now& now) {
  std::vector<Condition> wrong;
  look_at_postgres(facts, config, wrong);
  look_at_lanes(facts, wrong);
  look_at_journal(facts, config, wrong);
  look_at_growth(facts, now.time, wrong);
  look_at_sources(facts, config, now, wrong);
  look_at_certificates(facts, config, now.wall_clock_us, wrong);
  return wrong;
}

}  // namespace hookspool::agent

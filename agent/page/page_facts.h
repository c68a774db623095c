// Everything that the dashboard shows of one moment, read from the agent's parts. Plain values, so that what is written of
// them is a pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/latency.h"
#include "agent/delivery/lane_status.h"
#include "agent/delivery/uplink_state.h"
#include "agent/history/history.h"
#include "agent/history/lane_rates.h"
#include "agent/history/recent_events.h"
#include "agent/metrics/oldest_pending.h"
#include "agent/reload/reloader.h"
#include "agent/upkeep/fill_forecast.h"
#include "agent/upkeep/health.h"
#include "agent/upkeep/mode.h"
#include "net/pg/link/pool.h"
#include "storage/journal/journal_stats.h"
#include "storage/model/dead_letter.h"

namespace hookspool::agent {

inline constexpr std::size_t kPageLanesMax = 50;
inline constexpr std::size_t kPageLettersMax = 10;

struct LaneFacts {
  LaneStatus status;
  std::uint64_t pending_bytes = 0;
  double per_second = 0;
  std::optional<std::int64_t> oldest_us{};      // of the oldest event that waits; wall clock
  std::optional<std::int64_t> last_event_us{};  // wall clock; nothing: none since the start
  std::string refused_because{};                // the journal takes none of its events at the moment
};

struct EventFacts {
  RecentEvent event;
  bool delivered = false;
};

struct IntakeFacts {
  std::uint64_t accepted = 0, duplicates = 0, filtered = 0;  // since the start
  std::uint64_t refused_signature = 0, refused_room = 0, refused_rate = 0, refused_other = 0;
  std::size_t connections = 0;
  LatencyFigures answer;
};

struct PostgresFacts {
  UplinkStatus uplink;
  net::PoolStats pool;
  LatencyFigures accept_to_commit, transaction;
  std::uint64_t delivered_live = 0, delivered_from_journal = 0;  // since the start
  std::uint64_t gaps = 0;
};

struct QuarantineFacts {
  std::uint64_t requests = 0, bytes = 0, admitted = 0;
};

struct PageFacts {
  std::int64_t now_us = 0, started_at_us = 0;  // wall clock
  std::string agent_id;
  Mode mode = Mode::kOnline;
  IntakeFacts intake;
  storage::JournalStats journal;
  FillForecast::Forecast forecast;
  double bytes_per_event = 0;                       // on disk; 0: not known
  std::optional<History::Rates> live, minute, day;  // of ten seconds, of a minute, of 24 hours
  std::vector<HistorySample> coarse;
  std::optional<PostgresFacts> postgres;  // nothing: none is configured
  std::vector<LaneFacts> lanes;           // those with trouble first, kPageLanesMax at most
  std::size_t lanes_total = 0;
  std::vector<EventFacts> events;   // newest first
  std::vector<DeadLetter> letters;  // oldest first, kPageLettersMax at most
  std::uint64_t letters_total = 0;
  std::string letters_error;  // why they cannot be listed; empty: they can
  QuarantineFacts quarantine;
  std::optional<ReloadOutcome> reload;
};

// Reads them. Thread-safe; may read one event a lane from the disk, and the copy of the dead letters.
class PageFactsReader {
 public:
  // What is given must outlive this.
  PageFactsReader(const HealthSources& sources, const History& history, const LaneRates& rates,
                  const RecentEvents& recent)
      : sources_(sources), history_(history), rates_(rates), recent_(recent), oldest_(sources.journal) {}

  PageFacts read(Mode mode);

 private:
  std::vector<LaneFacts> lanes(const std::vector<RecentEvent>& recent);
  std::vector<EventFacts> events(const std::vector<RecentEvent>& recent) const;

  const HealthSources& sources_;
  const History& history_;
  const LaneRates& rates_;
  const RecentEvents& recent_;
  OldestPending oldest_;
};

}  // namespace hookspool::agent

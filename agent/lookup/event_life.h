// What became of a retained event, as far as the journal, the copy of the dead letters and, if it answers, PostgreSQL know.
// Thread-safe: no state.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "agent/config/config.h"
#include "agent/delivery/lanes.h"
#include "agent/lookup/event_search.h"
#include "agent/repair/dead_letters.h"
#include "net/pg/link/pool.h"
#include "storage/model/dead_letter.h"

namespace hookspool::agent {

enum class EventState {
  kWaiting,    // durable, and not passed by PostgreSQL yet
  kDelivered,  // passed: a row, or discarded by an administrator
  kDead,       // refused by PostgreSQL, and kept as a dead letter
  kPutBack,    // a dead letter that is on its way once more
};
std::string_view to_string(EventState state);

// The state, and the dead letter where it is one.
struct EventStanding {
  EventState state = EventState::kWaiting;
  std::optional<DeadLetter> letter{};
};
EventStanding event_standing(const FoundEvent& event, const DeadLetters& letters);

// Where PostgreSQL has it: "table", "dead_letters", "discarded", "no_row" (it makes none), "pruned" (deleted by
// keep_rows), "nowhere". Empty: that is not
// known, and `unknown_because` says why.
struct PostgresStanding {
  std::string place{};
  std::string unknown_because{};
};
inline constexpr std::chrono::milliseconds kAskPostgresWait{2'000};  // for a connection
PostgresStanding postgres_standing(const EventPtr& event, const std::string& agent_id, net::Pool& pool,
                                   const PostgresConfig& config);

}  // namespace hookspool::agent

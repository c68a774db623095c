#include "agent/lookup/event_life.h"

#include <algorithm>
#include <span>
#include <utility>

#include "net/pg/ledger/ledger.h"
#include "net/pg/tables/mapping.h"

namespace hookspool::agent {
namespace {

std::string place_name(net::Standing::Place place) {
  switch (place) {
    case net::Standing::Place::kTable:
      return "table";
    case net::Standing::Place::kDeadLetters:
      return "dead_letters";
    case net::Standing::Place::kDiscarded:
      return "discarded";
    case net::Standing::Place::kPruned:
      return "pruned";
    case net::Standing::Place::kNoRow:
      return "no_row";
  }
  return "";
}

// Can a row of the lane be found by its event's id, and does its absence say anything?
bool is_comparable(const PostgresConfig& config, const std::string& lane) {
  const auto* own = config.options.tables ? config.options.tables->find(lane) : nullptr;
  return own == nullptr ||
         std::all_of(own->tables.begin(), own->tables.end(), [](const net::TableMapping& table) {
           return table.identified() && table.on_conflict == net::OnConflict::kError;
         });
}

PostgresStanding unknown(std::string because) {
  return {"", std::move(because)};
}

}  // namespace

std::string_view to_string(EventState state) {
  switch (state) {
    case EventState::kWaiting:
      return "waiting";
    case EventState::kDelivered:
      return "delivered";
    case EventState::kDead:
      return "dead";
    case EventState::kPutBack:
      return "put_back";
  }
  return "";
}

EventStanding event_standing(const FoundEvent& event, const DeadLetters& letters) {
  if (!event.passed) return {EventState::kWaiting};
  if (letters.count() == 0) return {EventState::kDelivered};
  auto letter = letters.find(event.id);
  if (!letter) return {EventState::kDelivered};
  const EventState state = letter->put_back ? EventState::kPutBack : EventState::kDead;
  return {state, std::move(*letter)};
}

PostgresStanding postgres_standing(const EventPtr& event, const std::string& agent_id, net::Pool& pool,
                                   const PostgresConfig& config) {
  const std::string& lane = event->event.lane;
  if (!is_comparable(config, lane)) return unknown("rows of its own table cannot be found by an event's id");
  auto connection = pool.acquire(std::chrono::steady_clock::now() + kAskPostgresWait);
  if (!connection) return unknown(connection.error().text);
  const auto found = net::find_events(**connection, config.options, agent_id, lane, std::span(&event, 1));
  if (!found) return unknown(found.error().text);
  if (!found->empty()) {
    const auto first = std::min_element(found->begin(), found->end(),
                                        [](const auto& a, const auto& b) { return a.place < b.place; });
    return {place_name(first->place), ""};
  }
  const auto hidden = net::rows_may_be_hidden(**connection, config.options, lane);
  if (!hidden) return unknown(hidden.error().text);
  if (*hidden) return unknown("row-level security may hide it from the agent's role");
  return {"nowhere", ""};
}

}  // namespace hookspool::agent

#include "agent/delivery/lane_dead_letters.h"

#include <span>
#include <utility>

#include "agent/base/log.h"
#include "agent/delivery/requeued_event.h"
#include "net/pg/ledger/ledger.h"

namespace hookspool::agent {

void LaneDeadLetters::made(const StoredEvent& event, const std::string& how, const net::PgError& error) {
  core_.figures().buried += 1;
  lines_.warn(error.sqlstate,
              "event " + event.id.to_string() + how + ": " + error.sqlstate + " " + error.text, core_.now());
  if (core_.context().on_buried) core_.context().on_buried(event, error);
}

net::PgResult<void> LaneDeadLetters::restore(net::Connection& connection) {
  if (restored_) return {};
  auto ids = net::last_buried_in_a_row(connection, core_.config().options, core_.journal().agent_id(),
                                       core_.name(), core_.config().hold_after);
  if (!ids) return fail(std::move(ids).error());
  restored_ = true;
  isolation_.restore(*ids);
  return {};
}

net::PgResult<void> LaneDeadLetters::put_back(net::Connection& connection) {
  const auto ids = isolation_.to_put_back();
  if (ids.empty()) return {};
  log_info("lane " + core_.name() + ": the table takes rows again; putting back " +
           std::to_string(ids.size()) + " dead letters");
  for (const Uuid& id : ids) {  // one in memory at a time
    auto letters = net::read_dead_letters(connection, core_.config().options, core_.journal().agent_id(),
                                          std::span(&id, 1));
    if (!letters) return fail(std::move(letters).error());
    if (letters->empty()) continue;  // an administrator was faster
    auto event = event_of(letters->front());
    const auto stored =
        event
            ? core_.journal().append(std::move(*event))
            : fail(storage::JournalError{storage::JournalError::Kind::kIo, "its request is no JSON object"});
    if (!stored) {
      log_error("lane " + core_.name() + ": dead letter " + id.to_string() + " could not be put back: " +
                stored.error().text + ". Use: hookspool dead retry " + id.to_string());
    }
  }
  isolation_.put_back();
  return {};
}

}  // namespace hookspool::agent

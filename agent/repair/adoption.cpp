#include "agent/repair/adoption.h"

#include <vector>

#include "agent/base/log.h"
#include "net/pg/ledger/ledger.h"
#include "net/pg/ledger/watermarks.h"
#include "net/pg/tables/schema.h"

namespace hookspool::agent {
namespace {

// Where each run of each lane is. One per epoch and lane: of several runs of an epoch the one that is furthest.
std::vector<std::pair<net::LaneKey, Position>> confirmed_positions(const storage::Journal& journal) {
  std::vector<std::pair<net::LaneKey, Position>> positions;
  for (const auto& lane : journal.lanes()) {
    for (const auto& run : journal.runs(lane)) {
      if (run.confirmed.seq == 0) continue;
      const bool again = !positions.empty() && positions.back().first.lane == lane &&
                         positions.back().first.epoch == run.epoch;
      if (!again) {
        positions.push_back({{journal.agent_id(), run.epoch, lane}, run.confirmed});
      } else if (run.confirmed.seq > positions.back().second.seq) {
        positions.back().second = run.confirmed;
      }
    }
  }
  return positions;
}

// What another database has confirmed says nothing of this one; else the lanes would take what it lacks for lost. Its own
// watermarks, where it has some, are believed as ever.
void forget_confirmed(storage::Journal& journal) {
  for (const auto& lane : journal.lanes()) {
    for (const auto& run : journal.runs(lane)) {
      if (run.confirmed.seq > 0) journal.confirm(lane, run.epoch, Position{}, true);
    }
  }
}

}  // namespace

AdminResult<Adopted> adopt(storage::Journal& journal, SinkGuard& guard, const net::PgOptions& options,
                           AdoptFrom from) {
  auto connected = net::Connection::connect(options);
  if (!connected) return fail(admin_error_of(connected.error()));
  net::Connection& connection = **connected;
  const auto ready = net::ensure_schema(connection, options);
  if (!ready) return fail(admin_error_of(ready.error()));
  const auto identity = net::read_identity(connection, options);
  if (!identity) return fail(admin_error_of(identity.error()));
  Adopted adopted{identity->sink_id, connection.server_description()};
  if (guard.is_own(*identity)) {
    adopted.already = true;
    return adopted;
  }
  if (from == AdoptFrom::kUnsent) {
    const auto added = net::add_watermarks(connection, options, confirmed_positions(journal));
    if (!added) return fail(admin_error_of(added.error()));
    adopted.watermarks = *added;
  }
  const auto remembered = guard.adopt(*identity);
  if (!remembered) return fail(admin_error_of(remembered.error()));
  if (from == AdoptFrom::kBeginning) forget_confirmed(journal);
  log_info("the journal belongs to the database with sink id " + adopted.sink_id + " (" + adopted.server +
           ") from now on, and that gets " +
           (from == AdoptFrom::kUnsent ? "what has not been delivered" : "everything that is retained"));
  return adopted;
}

}  // namespace hookspool::agent

#include "net/pg/delivery/target_several.h"

#include <algorithm>

namespace hookspool::net {

// The first says what `before` answers; the others read what they need when their rows come.
PgResult<void> SeveralTargets::begin(const std::string& before, std::string_view attempt) {
  return targets_.front()->begin(before, attempt);
}

// Each is done before the next begins: a connection has one statement at a time.
PgResult<void> SeveralTargets::put(std::span<const EventPtr> events) {
  for (const auto& target : targets_) {
    if (auto put = target->put(events); !put) return put;
  }
  return {};
}

PgResult<std::uint64_t> SeveralTargets::put_missing(std::span<const EventPtr> events, Pruned pruned) {
  std::uint64_t most = 0;
  for (const auto& target : targets_) {
    auto put = target->put_missing(events, pruned);
    if (!put) return put;
    most = std::max(most, *put);
  }
  return most;
}

PgResult<void> SeveralTargets::refuse_perhaps_deleted(std::span<const EventPtr> events) {
  for (const auto& target : targets_) {
    if (auto refused = target->refuse_perhaps_deleted(events); !refused) return refused;
  }
  return {};
}

// One of them at most is the events table, which alone has such a statement.
std::string SeveralTargets::closing_sql() const {
  std::string sql;
  for (const auto& target : targets_) sql += target->closing_sql();
  return sql;
}

void SeveralTargets::savepoint() {
  for (const auto& target : targets_) target->savepoint();
}

void SeveralTargets::back_to_savepoint() {
  for (const auto& target : targets_) target->back_to_savepoint();
}

bool SeveralTargets::comparable() const {
  return std::all_of(targets_.begin(), targets_.end(),
                     [](const auto& target) { return target->comparable(); });
}

std::string SeveralTargets::exists_sql(const std::string& where) const {
  std::string sql;
  for (const auto& target : targets_) sql += (sql.empty() ? "" : " OR ") + target->exists_sql(where);
  return sql;
}

RowCounts SeveralTargets::counts() const {
  RowCounts sum;
  for (const auto& target : targets_) sum += target->counts();
  return sum;
}

// Of the lane's tables, whichever it is.
PgError SeveralTargets::explained(PgError error) {
  return targets_.front()->explained(std::move(error));
}

}  // namespace hookspool::net

// A lane's events as rows of a table of the user's own. They are staged as they are and converted by PostgreSQL in
// one INSERT ... SELECT, so that its rules for a type count and not ours. Not thread-safe.
#pragma once

#include <set>
#include <string>

#include "net/pg/mapping.h"
#include "net/pg/target.h"

namespace hookspool::net {

class OwnTable : public Target {
 public:
  // `mapping` lives as long as `options.tables`.
  OwnTable(Connection& connection, const PgOptions& options, const TableMapping& mapping,
           std::string agent_id, std::string lane);

  PgResult<void> put(std::span<const EventPtr> events) override;
  PgResult<std::uint64_t> put_missing(std::span<const EventPtr> events) override;
  bool comparable() const override { return mapping_.repeatable(); }
  std::string exists_sql(const std::string& where) const override;
  PgResult<void> begin(const std::string& before, std::string_view attempt) override;
  PgError explained(PgError error) override;

 private:
  PgResult<std::set<Uuid>> dead_letters_among(std::span<const EventPtr> events);
  PgResult<void> stage(std::span<const EventPtr> events);
  PgResult<std::uint64_t> insert(bool only_missing);

  Connection& connection_;
  const PgOptions& options_;
  const TableMapping& mapping_;
  const std::string agent_id_, lane_;
};

}  // namespace hookspool::net

// A lane's events as rows of a table of the user's own. Each call of put() is one INSERT of a JSON array that PostgreSQL
// takes apart and converts, so that its rules for a type count and not ours, and nothing is made in its catalogue. Not
// thread-safe.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "net/pg/delivery/target.h"
#include "net/pg/tables/mapping.h"
#include "net/pg/tables/outgoing.h"
#include "net/pg/tables/target_columns.h"

namespace hookspool::net {

class OwnTable : public Target {
 public:
  // `mapping` lives as long as `options.tables`.
  OwnTable(Connection& connection, const PgOptions& options, const TableMapping& mapping,
           std::string agent_id, std::string lane);

  PgResult<void> put(std::span<const EventPtr> events) override;
  PgResult<std::uint64_t> put_missing(std::span<const EventPtr> events, Pruned pruned) override;
  bool comparable() const override { return mapping_.repeatable(); }
  std::string exists_sql(const std::string& where) const override;
  PgResult<void> begin(const std::string& before, std::string_view attempt) override;
  RowCounts counts() const override { return counts_; }
  PgError explained(PgError error) override;

 private:
  PgResult<std::set<Uuid>> dead_letters_among(std::span<const EventPtr> events);
  PgResult<void> take_columns(const PgRows& read);
  std::string columns_sql() const;
  PgResult<std::uint64_t> insert(std::span<const EventPtr> events, bool only_missing);
  PgResult<std::uint64_t> insert_rows(const std::string& rows, bool only_missing);
  PgError named(const Outgoing& outgoing, PgError error, bool only_missing);
  PgResult<void> try_items(const Outgoing& outgoing, std::uint64_t end, bool only_missing, std::string& last);
  std::uint64_t items_of(const Outgoing& outgoing) const;
  std::string refused_column(const Outgoing& outgoing, std::uint64_t item, const PgError& error);

  Connection& connection_;
  const PgOptions& options_;
  const TableMapping& mapping_;
  const std::string agent_id_, lane_;
  const BodyRules& rules_;
  // As they were in this transaction; nothing: not read yet.
  std::optional<std::vector<TargetColumn>> columns_;
  RowCounts counts_;
};

}  // namespace hookspool::net

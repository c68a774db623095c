// A lane that fills several tables: each event goes into all of them, in one transaction. Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/pg/delivery/target.h"

namespace hookspool::net {

class SeveralTargets : public Target {
 public:
  // In the order in which they are filled: two at least.
  explicit SeveralTargets(std::vector<std::unique_ptr<Target>> targets) : targets_(std::move(targets)) {}

  void expect(std::size_t rows) override { targets_.front()->expect(rows); }
  PgResult<void> begin(const std::string& before, std::string_view attempt) override;
  PgResult<void> put(std::span<const EventPtr> events) override;
  // Answers how many events were missing somewhere, at least.
  PgResult<std::uint64_t> put_missing(std::span<const EventPtr> events, Pruned pruned) override;
  PgResult<void> refuse_perhaps_deleted(std::span<const EventPtr> events) override;
  std::string closing_sql() const override;
  void savepoint() override;
  void back_to_savepoint() override;
  bool comparable() const override;
  std::string exists_sql(const std::string& where) const override;
  RowCounts counts() const override;
  PgError explained(PgError error) override;

 private:
  std::vector<std::unique_ptr<Target>> targets_;
};

}  // namespace hookspool::net

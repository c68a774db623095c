// Does a table of the user's own fit its mapping, and may the role do with it what is needed? Asked of the catalogue and
// the planner, which puts nothing in: so what will be refused is named before the first event, and all of it at once.
// Thread-safe: no state; the connection belongs to the caller.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/pg/link/connection.h"
#include "net/pg/tables/mapping.h"

namespace hookspool::net {

// One line each, with the remedy.
struct TargetReport {
  bool found = false;                  // is there such a table?
  std::vector<std::string> refused{};  // for which no row goes in
  std::vector<std::string>
      faults{};  // for which some rows, or comparing them with the journal, will be refused
  std::vector<std::string> warnings{};  // what may refuse rows, or not
  std::vector<std::string> grants{};    // SQL that gives the role the rights it lacks
};

// An error means that the question could not be asked.
PgResult<TargetReport> look_at_target(Connection& connection, const PgOptions& options,
                                      const TableMapping& mapping);

// Whether any row goes into the table of `lane`, as one error (kSetup); nothing to check for a lane of the events table.
// What only some rows would be refused for is left to PostgreSQL.
PgResult<void> check_target(Connection& connection, const PgOptions& options, std::string_view lane);

}  // namespace hookspool::net

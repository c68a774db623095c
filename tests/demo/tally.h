// The sum at the end: what the sender was answered against what PostgreSQL has, counted by PostgreSQL itself.
#pragma once

#include <cstddef>
#include <vector>

#include "tests/demo/deliveries.h"
#include "tests/demo/sender.h"
#include "tests/support/pg_cluster.h"

namespace hookspool::demo {

struct Tally {
  std::size_t sent = 0;
  std::size_t acknowledged = 0;
  std::size_t rows = 0;
  std::size_t lost = 0;        // acknowledged, and no row
  std::size_t doubled = 0;     // rows too many
  std::size_t altered = 0;     // rows that are not what was sent, under the id that was answered
  std::size_t disordered = 0;  // rows before one that was sent earlier
  bool kept() const { return acknowledged > 0 && lost + doubled + altered + disordered == 0; }
};

Tally count(const std::vector<Delivery>& deliveries, const std::vector<Told>& told,
            const testing::PgCluster& postgres);

}  // namespace hookspool::demo

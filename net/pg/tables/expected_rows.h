// How many rows an event makes: for comparing a table with the journal. Thread-safe: a pure function.
#pragma once

#include <cstdint>

#include "net/pg/tables/mapping.h"
#include "net/pg/tables/outgoing.h"

namespace hookspool::net {

std::uint64_t expected_rows(const TableMapping& mapping, const Outgoing& outgoing);

}  // namespace hookspool::net

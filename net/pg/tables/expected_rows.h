// How many rows an event makes: for comparing a table with the journal. Thread-safe: a pure function.
#pragma once

#include <cstdint>

#include "net/pg/tables/mapping.h"
#include "storage/model/event.h"

namespace hookspool::net {

// `form`: how its forms are read; null: not at all.
std::uint64_t expected_rows(const TableMapping& mapping, const FormRules* form, const Event& event);

}  // namespace hookspool::net

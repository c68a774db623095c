// What of a mapping is allowed and seldom what was meant. Thread-safe: pure functions.
#pragma once

#include <string>
#include <vector>

#include "net/pg/tables/mapping.h"

namespace hookspool::net {

// One line each, with what to write instead: a pointer to one fixed element of a list, where a webhook may hold several;
// rows of for_each that cannot be distinguished.
std::vector<std::string> advice_on(const TableMapping& mapping);

}  // namespace hookspool::net

// The SQL of an events table in weekly partitions by id (UUIDv7: the time of acceptance), made and dropped by an administrator.
// Thread-safe: no state.
#pragma once

#include <string>

namespace hookspool::net {

// A plain table that is larger is partitioned only after an administrator has prepared it without holding writers up: a CHECK
// that was validated, and an index; partition_events() says which. Bytes.
inline constexpr unsigned long long kPartitionedAtOnceBytesMax = 128u << 20;

std::string partitions_functions_sql(const std::string& schema);

}  // namespace hookspool::net

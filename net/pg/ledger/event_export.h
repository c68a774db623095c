// The rows of the events table, one after another, each as a line of JSON (fixed interface: POSTGRES.md, "Export").
// Thread-safe: no state of its own; the connection belongs to the caller.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/pg/link/connection.h"

namespace hookspool::net {

struct ExportRequest {
  std::vector<std::string> sources;                // empty: all
  std::optional<std::int64_t> since_us, until_us;  // of received_at; from, and before
};

// In the order of the ids, as the table is at this moment, whatever is delivered or deleted meanwhile. Each line is one JSON
// object in ASCII with its line feed; numbers stay as the sender wrote them. Memory holds one row. `take` says false: enough.
PgResult<void> export_events(Connection& connection, const PgOptions& options, const ExportRequest& request,
                             const std::function<bool(std::string_view line)>& take);

// JSON text with what is not ASCII as \uXXXX, and DEL as well, so that no terminal acts on it. REQUIRES: valid JSON in UTF-8.
std::string ascii_json(std::string_view json);

}  // namespace hookspool::net

// What a delivery transaction is made of: its lane, its target, where it has got to, and the statements it asks.
// Internal to net/pg. Not thread-safe: it belongs to the transaction's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/pg/delivery/delivery.h"
#include "net/pg/delivery/target.h"

namespace hookspool::net {

// A range is kept under its first number. One that begins there already, because the watermark was set back since, is
// made longer, never shorter: no lost number goes unrecorded.
inline constexpr std::string_view kWidenGap =
    " ON CONFLICT (agent_id, epoch, lane, first_seq) DO UPDATE SET last_seq ="
    " greatest(gaps.last_seq, EXCLUDED.last_seq)";

// A recorded range of lost numbers.
struct Lost {
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
};

struct DeliveryTransaction::State {
  State(Connection& the_connection, const PgOptions& the_options, LaneKey the_key);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::string select() const;
  std::string begin_sql() const;
  std::string move_sql(const std::string& also = "") const;
  std::string same_event_sql() const;
  std::string key_values() const;
  PgResult<void> lock();
  PgResult<void> create();
  PgResult<void> take_watermark(PgResult<PgRows> rows);
  PgResult<std::set<Uuid>> take_from_dead_letters(std::span<const EventPtr> events);
  PgResult<std::vector<EventPtr>> to_put(std::span<const EventPtr> events);
  PgResult<void> keep_dead_letter(const StoredEvent& event, const PgError& why);
  PgResult<std::vector<Lost>> lost_among(std::uint64_t first_seq, std::uint64_t last_seq);
  PgResult<void> no_longer_lost(std::span<const Lost> lost, std::uint64_t first_seq, std::uint64_t last_seq);
  PgError refused(PgError error);
  bool roll_back();
  PgError not_committed(PgError error, std::size_t own_statements) const;
  PgResult<void> run(const std::string& sql, std::string_view attempt);

  Connection& connection;
  PgOptions options;
  LaneKey key;
  std::string schema;  // quoted
  std::string where;   // the lane's row in watermarks
  std::optional<Position> watermark;
  Position position;  // the watermark's, then of what has been copied, buried or skipped
  std::unique_ptr<Target> target;
  bool moved = false;  // the watermark is at `position` already
  bool ended = false;
};

}  // namespace hookspool::net

// What PostgreSQL knows of events outside a delivery: which are there, which are dead letters, which numbers are
// recorded as lost. For comparing, listing and putting right; the delivery itself is in delivery.h.
// Thread-safe: no state of its own; the connection belongs to the caller. Errors are never those of an event.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "net/pg/delivery/delivery.h"
#include "net/pg/link/connection.h"
#include "storage/model/dead_letter.h"
#include "storage/model/event.h"

namespace hookspool::net {

// Where an event with this id is.
struct Standing {
  enum class Place {
    kTable,
    kDeadLetters,
    kDiscarded,
    kPruned,  // nowhere, and not above what retention has deleted of the lane: it may have been a row
    kNoRow,   // its tables have all rows that it makes, which is none
  };
  Uuid id;
  Place place = Place::kTable;
  Uuid epoch;  // of kTable and kDeadLetters
  std::uint64_t seq = 0;
};
// May row-level security hide rows of the lane's table from the role? Then what is not found is not known to be missing.
PgResult<bool> rows_may_be_hidden(Connection& connection, const PgOptions& options, const std::string& lane);

// In one statement, so that an event on its way from one place to another is seen at one of them. Events that are
// nowhere are left out; one that is at several is reported for each. A lane with tables of its own is looked for there, by
// their id columns (REQUIRES: each has one), and then seq is 0: it is in the table if each has all rows that it makes.
PgResult<std::vector<Standing>> find_events(Connection& connection, const PgOptions& options,
                                            const std::string& agent_id, const std::string& lane,
                                            std::span<const EventPtr> events);

// The ranges of numbers that are recorded as lost.
PgResult<std::vector<std::pair<std::uint64_t, std::uint64_t>>> read_gaps(Connection& connection,
                                                                         const PgOptions& options,
                                                                         const LaneKey& key);

// The same of a lane in all its epochs, by epoch and number.
struct Gap {
  Uuid epoch;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
};
PgResult<std::vector<Gap>> read_lane_gaps(Connection& connection, const PgOptions& options,
                                          const std::string& agent_id, const std::string& lane);

// The newest dead letters of an agent with id, epoch, seq and body_bytes, nothing else; oldest first.
PgResult<std::vector<DeadLetter>> list_dead_letters(Connection& connection, const PgOptions& options,
                                                    const std::string& agent_id, std::size_t letters_max);
// Whole. Ids that are not there are left out.
PgResult<std::vector<DeadLetter>> read_dead_letters(Connection& connection, const PgOptions& options,
                                                    const std::string& agent_id, std::span<const Uuid> ids);
// The dead letters that stand in a row just below the lane's watermark, the one that moved last; the newest first.
PgResult<std::vector<Uuid>> last_buried_in_a_row(Connection& connection, const PgOptions& options,
                                                 const std::string& agent_id, const std::string& lane,
                                                 std::size_t letters_max);
// Takes dead letters away for good and remembers their ids, so that no repair brings them back. Answers which ones
// it was; those that were not there are left out.
PgResult<std::vector<Uuid>> discard_dead_letters(Connection& connection, const PgOptions& options,
                                                 const std::string& agent_id, std::span<const Uuid> ids);

// Watermarks for lanes that this database does not know yet, all or none; rows that are there stay as they are.
// Answers how many were new.
PgResult<std::uint64_t> add_watermarks(Connection& connection, const PgOptions& options,
                                       std::span<const std::pair<LaneKey, Position>> watermarks);

}  // namespace hookspool::net

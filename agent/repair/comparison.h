// Comparing the journal with PostgreSQL, event by event: verify and replay.
//
// Each retained event is looked for by its id. One that is nowhere although the watermark has passed it is missing,
// and is put in on request, by id, under the watermark's lock; what is above the watermark is the lane's own work.
// A request works for a limited time and then says where to go on, so that no question holds a connection for long
// and an administrator may stop at any time. Thread-safe: no state of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/base/admin_result.h"
#include "agent/config/config.h"
#include "agent/delivery/run_walker.h"
#include "net/pg/link/pool.h"
#include "storage/journal/journal.h"

namespace hookspool::agent {

struct ComparisonRequest {
  // Where to go on: after this number of this epoch of this lane. Empty: from the start.
  struct Place {
    std::string lane;
    Uuid epoch;
    std::uint64_t seq = 0;
  };
  std::string lane;                                // empty: all
  std::optional<std::int64_t> since_us, until_us;  // of received_at; from, and before
  std::optional<Uuid> id;
  bool put_in = false;
  Place after;
};

// received = in_table + pending + dead + discarded + pruned + gaps + unreadable + missing, all found in one lane.
struct LaneTally {
  std::string lane;
  bool comparable = true;      // false: rows of its own table cannot be identified by the event's id
  std::string error{};         // why it could not be compared, or not to its end; empty: it was
  std::uint64_t received = 0;  // that the journal holds or has recorded as lost
  std::uint64_t in_table = 0;
  std::uint64_t renumbered = 0;  // of in_table: under another number, as after being put back
  std::uint64_t pending = 0;     // above the watermark: on their way
  std::uint64_t dead = 0;
  std::uint64_t discarded = 0;
  std::uint64_t pruned = 0;      // not above what retention has deleted in PostgreSQL, and so delivered
  std::uint64_t gaps = 0;        // recorded in PostgreSQL as lost, and not readable in the journal
  std::uint64_t unreadable = 0;  // damaged in the journal, and not recorded as lost
  std::uint64_t missing = 0;     // before anything was put in
  std::uint64_t put_in = 0;
  std::vector<Uuid> missing_ids;  // the first of them
};

struct ComparisonSlice {
  std::vector<LaneTally> lanes;  // those that were looked at in this slice
  bool done = false;
  ComparisonRequest::Place reached;
};

class Comparison {
 public:
  static constexpr std::chrono::milliseconds kSliceTime{2'000};
  static constexpr std::size_t kMissingListedMax = 1'000;  // ids of a lane in one slice

  Comparison(storage::Journal& journal, net::Pool& pool, const PostgresConfig& config)
      : journal_(journal), pool_(pool), config_(config) {}
  AdminResult<ComparisonSlice> run(const ComparisonRequest& request) const;

 private:
  struct Work;
  AdminResult<void> compare_lane(Work& work, const std::string& lane) const;
  AdminResult<bool> compare_run(Work& work, const storage::LaneRun& run, std::uint64_t from_seq) const;
  AdminResult<void> compare_batch(Work& work, const storage::LaneRun& run,
                                  std::span<const EventPtr> events) const;
  AdminResult<void> read_gaps(Work& work, const Uuid& epoch) const;
  static void count_damage(Work& work, const RunWalker::Damage& damage);
  static void count_gaps(Work& work, const Uuid& epoch, std::span<const storage::LaneRun> runs);
  AdminResult<std::uint64_t> put_in(Work& work, const storage::LaneRun& run,
                                    std::span<const EventPtr> missing) const;

  storage::Journal& journal_;
  net::Pool& pool_;
  const PostgresConfig& config_;
};

}  // namespace hookspool::agent

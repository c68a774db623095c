// What the deliveries of all lanes add up to, for /health. Thread-safe: atomics.
#pragma once

#include <atomic>
#include <cstdint>

#include "agent/base/latency.h"

namespace hookspool::agent {

struct DeliveryFigures {
  LatencyRecorder transaction;                   // BEGIN to COMMIT's answer
  LatencyRecorder accept_to_commit;              // received_at to COMMIT's answer
  std::atomic<std::uint64_t> delivered_live{0};  // handed over in memory: the fast path
  std::atomic<std::uint64_t> delivered_from_journal{0};
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> batches_ahead{0};  // of them, begun while the journal synced
  std::atomic<std::uint64_t> ahead_in_vain{0};  // rolled back, for the sync took long or failed
  std::atomic<std::uint64_t> batches_failed{0};
  std::atomic<std::uint64_t> in_doubt{0};         // COMMIT sent, answer lost
  std::atomic<std::uint64_t> found_committed{0};  // events that PostgreSQL turned out to have already
  std::atomic<std::uint64_t> sent_again{0};       // events that PostgreSQL had lost
  std::atomic<std::uint64_t> reconciled{0};       // events put in by id because they were not there
  std::atomic<std::uint64_t> gaps{0};             // numbers recorded as lost
  std::atomic<std::uint64_t> buried{0};           // dead letters
  std::atomic<std::uint64_t> put_back{0};         // dead letters sent again
  std::atomic<std::uint64_t> errors_outage{0}, errors_event{0}, errors_setup{0};
};

}  // namespace hookspool::agent

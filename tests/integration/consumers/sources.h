// What agents deliver while a torture run lasts: several agents with several sources each, through the real delivery
// transaction, as hostile to a reader as deliveries can be. Rows come late under old ids, transactions of one source
// overlap with those of others, are long, are rolled back after some of their rows, or lose their session; dead letters
// come back; a second epoch of a source goes on beside the first. Thread-safe: each thread has sources of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "net/pg/delivery/delivery.h"
#include "net/pg/link/connection.h"

namespace hookspool::testing {

struct WrittenFigures {
  std::atomic<std::uint64_t> committed{0}, dropped{0}, tried{0}, sessions_lost{0}, late{0}, put_back{0},
      ahead{0};
};

// One epoch of a source: events that were accepted, in the order of their ids, and how far they are delivered.
class EpochOfSource {
 public:
  EpochOfSource(std::string agent_id, std::string source, std::mt19937& random);
  // Of the same source, with nothing in it.
  EpochOfSource next_epoch(std::mt19937& random) const;
  void accept(std::size_t count, std::mt19937& random);
  bool has_waiting() const { return next_ < events_.size(); }
  // One delivery of some of what waits, or an attempt at it.
  void deliver(net::Connection& connection, const net::PgOptions& options, std::mt19937& random, bool hostile,
               WrittenFigures& figures);
  std::size_t distinct() const { return events_.size() - again_; }

 private:
  bool deliver_ahead(net::Connection& connection, const net::PgOptions& options, std::mt19937& random,
                     WrittenFigures& figures);
  void bury_next(net::DeliveryTransaction& transaction);

  net::LaneKey key_;
  std::vector<EventPtr> events_;
  std::size_t next_ = 0;   // of events_, as far as is known
  std::size_t again_ = 0;  // of them, those that were put back
  std::vector<EventPtr> buried_;
};

// 3 agents with 4 sources each, written by 4 threads.
class Sources {
 public:
  Sources(net::PgOptions options, unsigned seed);
  ~Sources();
  void start();
  // No more is accepted; all that was is delivered.
  void finish();
  // The same with another database, which may know less: each source goes on where that one's watermark stands.
  void go_on_at(net::PgOptions options);
  std::size_t distinct() const;
  const WrittenFigures& figures() const { return figures_; }

 private:
  void write(unsigned seed, std::vector<std::vector<std::unique_ptr<EpochOfSource>>*> mine);

  net::PgOptions options_;
  unsigned seed_;
  std::vector<std::vector<std::unique_ptr<EpochOfSource>>> sources_;  // its epochs, the newest last
  std::atomic<bool> finishing_{false};
  std::vector<std::thread> threads_;
  WrittenFigures figures_;
};

}  // namespace hookspool::testing

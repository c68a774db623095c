// A bounded pool of connections with the knobs of its origin (SQLAlchemy's QueuePool): size, recycle,
// pre-ping, reset on return. A connection found dead condemns every one opened before it: what killed one
// (restart, failover, a firewall) has killed its elders too. Thread-safe. A Lease belongs to one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/pg/link/connection.h"

namespace hookspool::net {

struct PoolStats {
  std::size_t size = 0;  // the limit
  std::size_t open = 0;
  std::size_t in_use = 0;
  std::size_t idle = 0;
  std::uint64_t connects = 0;
  std::uint64_t connect_failures = 0;
  std::uint64_t recycled = 0;
  std::uint64_t pre_ping_failures = 0;
  std::uint64_t resets = 0;     // transactions rolled back on return
  std::uint64_t condemned = 0;  // closed because a younger one was found dead
  std::uint64_t last_connect_ms = 0;
  std::string server;  // of the newest connection
  TlsLine tls;         // of the same
};

class Pool {
 public:
  class Lease {
   public:
    Lease(Lease&&) noexcept;
    Lease& operator=(Lease&&) noexcept;
    ~Lease();  // resets and returns, or closes if broken
    Connection& operator*() const;
    Connection* operator->() const;

   private:
    friend class Pool;
    Lease(Pool* pool, std::unique_ptr<Connection> connection);
    Pool* pool_ = nullptr;
    std::unique_ptr<Connection> connection_;
  };

  // Asked of every new connection before it is handed out, from the thread that acquires. kSetup: this server will
  // not do; the others that conninfo lists are tried, and the one that does is the first to be tried from then on.
  using Admit = std::function<PgResult<void>(Connection&)>;

  // The clock by which connections grow old (pool_recycle, ping_after): the steady one, or in a test one ahead of it.
  // Deadlines are always the steady clock's.
  using Now = std::function<std::chrono::steady_clock::time_point()>;

  explicit Pool(PgOptions options, Now now = std::chrono::steady_clock::now);
  ~Pool();  // REQUIRES: no lease is out
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // A usable connection: an idle one (recycled or pinged as configured; one that answered just now is taken as it is) or a
  // new one; waits for one to be returned when the pool is at its size. A failed ping condemns and tries again with a new
  // connection once.
  PgResult<Lease> acquire(Deadline deadline);
  // REQUIRES: nothing has been acquired yet.
  void set_admission(Admit admit);
  // Closes what was opened before, the idle ones now and the others on return.
  void condemn_before(std::chrono::steady_clock::time_point opened_at);
  // Closes every idle connection (asked to by the administrator, or on shutdown).
  void close_idle();
  PoolStats stats() const;
  const PgOptions& options() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hookspool::net

#include "net/pg/link/pool.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>
#include <vector>

#include "storage/base/mutex.h"

namespace hookspool::net {
namespace {

using Clock = std::chrono::steady_clock;
using ConnectionPtr = std::unique_ptr<Connection>;

// A ping or a ROLLBACK that takes longer is a dead connection.
constexpr std::chrono::milliseconds kRoundTripLimit{3'000};

}  // namespace

struct Pool::Impl {
  Impl(PgOptions the_options, Now the_now) : options(std::move(the_options)), now(std::move(the_now)) {}

  const PgOptions options;
  const Now now;
  Admit admit;
  mutable Mutex mutex;
  CondVar returned;
  // The last returned is the first to go: the rest may grow old and be recycled.
  std::vector<ConnectionPtr> idle GUARDED_BY(mutex);
  std::size_t open GUARDED_BY(mutex) = 0;  // idle, leased, and being opened or pinged
  // What was opened no later than this is suspect.
  Clock::time_point condemned_until GUARDED_BY(mutex) = Clock::time_point::min();
  PoolStats counts GUARDED_BY(mutex);
  std::size_t first_server GUARDED_BY(mutex) = 0;

  Deadline round_trip_deadline() const {
    return Clock::now() + std::min(options.connect_timeout, kRoundTripLimit);
  }
  bool alive(Connection& connection) const {
    if (now() - connection.answered_at() < options.ping_after && connection.silent()) return true;
    return connection.query(";", round_trip_deadline(), "asking before use").ok();
  }

  // The caller closes what is returned after it has released the mutex.
  std::vector<ConnectionPtr> condemn(const Connection& dead) REQUIRES(mutex) {
    return condemn_until(dead.opened_at());
  }
  std::vector<ConnectionPtr> condemn_until(Clock::time_point opened_at) REQUIRES(mutex) {
    condemned_until = std::max(condemned_until, opened_at);
    const auto first = std::stable_partition(idle.begin(), idle.end(),
                                             [this](const ConnectionPtr& connection) REQUIRES(mutex) {
                                               return connection->opened_at() > condemned_until;
                                             });
    std::vector<ConnectionPtr> elders(std::make_move_iterator(first), std::make_move_iterator(idle.end()));
    idle.erase(first, idle.end());
    open -= elders.size();
    counts.condemned += elders.size();
    return elders;
  }

  std::optional<PgError> wait_for_slot(ConnectionPtr& connection, Deadline deadline) EXCLUDES(mutex);
  bool fit(ConnectionPtr& connection) EXCLUDES(mutex);
  PgResult<ConnectionPtr> connect(Deadline deadline) EXCLUDES(mutex);
  PgResult<ConnectionPtr> open_new(Deadline deadline) EXCLUDES(mutex);
  void give_back(ConnectionPtr connection) EXCLUDES(mutex);
  bool reset(Connection& connection) EXCLUDES(mutex);
};

// Takes an idle connection, or the right to open one (then `connection` stays empty).
std::optional<PgError> Pool::Impl::wait_for_slot(ConnectionPtr& connection, Deadline deadline) {
  const MutexLock lock(mutex);
  const auto available = [this]() REQUIRES(mutex) { return !idle.empty() || open < options.pool_size; };
  if (!returned.wait_until(mutex, deadline, available)) {
    return PgError{.text = "taking a connection from the pool: all " + std::to_string(options.pool_size) +
                           " are in use"};
  }
  if (idle.empty()) {
    ++open;
  } else {
    connection = std::move(idle.back());
    idle.pop_back();
  }
  return {};
}

// Young enough, and alive if asked. If not, it is closed and its slot kept.
bool Pool::Impl::fit(ConnectionPtr& connection) {
  const bool old = options.pool_recycle.count() > 0 && now() - connection->opened_at() > options.pool_recycle;
  if (old) {
    const MutexLock lock(mutex);
    ++counts.recycled;
  } else if (!options.pre_ping || alive(*connection)) {
    return true;
  } else {
    std::vector<ConnectionPtr> elders;
    const MutexLock lock(mutex);
    ++counts.pre_ping_failures;
    elders = condemn(*connection);
    for (std::size_t i = 0; i < elders.size(); ++i) returned.notify_one();
  }
  connection.reset();
  return false;
}

// To the first server that is admitted.
PgResult<ConnectionPtr> Pool::Impl::connect(Deadline deadline) {
  PgOptions limited = options;
  std::optional<PgError> refusal;
  for (std::size_t left = Connection::servers(options); left > 0; --left) {
    {
      const MutexLock lock(mutex);
      limited.first_server = first_server;
    }
    limited.connect_timeout = std::clamp(
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()), std::chrono::milliseconds(1),
        std::max(options.connect_timeout, std::chrono::milliseconds(1)));
    auto connection = Connection::connect(limited);
    // What was wrong with a server says more than that the others are away.
    if (!connection) return fail(refusal ? std::move(*refusal) : std::move(connection).error());
    if (!admit) return connection;
    auto admitted = admit(**connection);
    if (admitted) return connection;
    if (admitted.error().error_class != ErrorClass::kSetup) return fail(std::move(admitted).error());
    if (!refusal) refusal = std::move(admitted).error();
    const MutexLock lock(mutex);
    first_server = limited.first_server + 1;
  }
  return fail(std::move(*refusal));
}

PgResult<ConnectionPtr> Pool::Impl::open_new(Deadline deadline) {
  const Clock::time_point start = Clock::now();
  auto connection = connect(deadline);
  const MutexLock lock(mutex);
  counts.last_connect_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count());
  if (connection) {
    ++counts.connects;
    counts.server = (*connection)->server_description();
    counts.tls = (*connection)->tls();
  } else {
    ++counts.connect_failures;
    --open;
    returned.notify_one();
  }
  return connection;
}

// Leaves no transaction open. False: fit for closing only.
bool Pool::Impl::reset(Connection& connection) {
  if (connection.usable()) return true;
  if (connection.broken() || !options.reset_on_return) return false;
  {
    const MutexLock lock(mutex);
    ++counts.resets;
  }
  return connection.query("ROLLBACK", round_trip_deadline(), "resetting on return").ok() &&
         connection.usable();
}

void Pool::Impl::give_back(ConnectionPtr connection) {
  const bool usable = reset(*connection);
  std::vector<ConnectionPtr> closing;  // closed after the mutex is released
  const MutexLock lock(mutex);
  const bool condemned = connection->opened_at() <= condemned_until;
  if (connection->broken()) {
    closing = condemn(*connection);
  } else if (condemned) {
    ++counts.condemned;
  }
  if (usable && !condemned && !connection->swollen()) {
    idle.push_back(std::move(connection));
  } else {
    closing.push_back(std::move(connection));
    --open;
  }
  returned.notify_all();
}

Pool::Lease::Lease(Pool* pool, ConnectionPtr connection) : pool_(pool), connection_(std::move(connection)) {}
Pool::Lease::Lease(Lease&&) noexcept = default;

Pool::Lease& Pool::Lease::operator=(Lease&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(connection_, other.connection_);
  return *this;
}

Pool::Lease::~Lease() {
  if (connection_) pool_->impl_->give_back(std::move(connection_));
}

Connection& Pool::Lease::operator*() const {
  return *connection_;
}
Connection* Pool::Lease::operator->() const {
  return connection_.get();
}

Pool::Pool(PgOptions options, Now now) : impl_(std::make_unique<Impl>(std::move(options), std::move(now))) {}

Pool::~Pool() {
  const MutexLock lock(impl_->mutex);
  assert(impl_->open == impl_->idle.size());
}

PgResult<Pool::Lease> Pool::acquire(Deadline deadline) {
  ConnectionPtr connection;
  if (auto none = impl_->wait_for_slot(connection, deadline)) return fail(std::move(*none));
  if (connection && impl_->fit(connection)) return Lease(this, std::move(connection));
  auto opened = impl_->open_new(deadline);
  if (!opened) return fail(std::move(opened).error());
  return Lease(this, std::move(opened).value());
}

void Pool::set_admission(Admit admit) {
  impl_->admit = std::move(admit);
}

void Pool::condemn_before(std::chrono::steady_clock::time_point opened_at) {
  std::vector<ConnectionPtr> elders;  // closed after the mutex is released
  const MutexLock lock(impl_->mutex);
  elders = impl_->condemn_until(opened_at - Clock::duration(1));
  impl_->returned.notify_all();
}

void Pool::close_idle() {
  std::vector<ConnectionPtr> closing;  // closed after the mutex is released
  const MutexLock lock(impl_->mutex);
  closing.swap(impl_->idle);
  impl_->open -= closing.size();
  impl_->returned.notify_all();
}

PoolStats Pool::stats() const {
  const MutexLock lock(impl_->mutex);
  PoolStats stats = impl_->counts;
  stats.size = impl_->options.pool_size;
  stats.open = impl_->open;
  stats.idle = impl_->idle.size();
  stats.in_use = stats.open - stats.idle;
  return stats;
}

const PgOptions& Pool::options() const {
  return impl_->options;
}

}  // namespace hookspool::net

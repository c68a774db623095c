// How connections come in, and who gets none: the limits in all and per address, and life without a free
// descriptor. The loop as such is in loop.cpp.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "net/http/loop.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;

constexpr int kAcceptsPerTurn = 64;
constexpr milliseconds kAcceptPause{100};        // after accept failed for want of descriptors or memory
constexpr std::size_t kShedConnectionsMax = 64;  // open beyond the limits, only to be answered 503
constexpr int kUnreadReadsMax = 16;              // of 4 KiB, before a connection is closed that is not kept
// Nobody has to leave who has not had this long to say what he wants.
constexpr milliseconds kPlaceKeptLeast{250};

constexpr Refusal kFull{503, "too many connections"};
constexpr Refusal kFullForAddress{503, "too many connections from this address"};

// The last answer on a connection that is not kept: the client gets it unless it is still sending. Over TLS
// there can be none.
void answer_and_close(const Fd& fd, bool is_plain, const Refusal& refusal) {
  std::size_t sent = 0;
  if (is_plain) send_some(fd.get(), nullptr, refusal_answer(refusal, peeked_method(fd.get())), sent);
  ::shutdown(fd.get(), SHUT_WR);
  // Closing with unread bytes would send a reset, which can destroy the answer.
  // A client that never stops sending must not keep the loop here.
  std::array<char, 4096> unread;
  for (int reads = 0; reads < kUnreadReadsMax; ++reads) {
    if (::recv(fd.get(), unread.data(), unread.size(), MSG_DONTWAIT) <= 0) break;
  }
}

}  // namespace

Fd Loop::spare_descriptor() {
  return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool Loop::add_to_epoll(int fd, std::uint64_t id, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Loop::accept_some() {
  if (stopping_) return;
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    std::optional<IpAddress> peer;
    Fd fd = listener_.accept(peer);
    if (fd.is_open()) {
      add(std::move(fd), peer);
      continue;
    }
    switch (errno) {
      case EAGAIN:
        return;
      case EINTR:
      case ECONNABORTED:
      case EPROTO:
      case ENETDOWN:
      case ENETUNREACH:
      case EHOSTDOWN:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENOPROTOOPT:
        continue;  // this one connection failed on its way in
      case EMFILE:
      case ENFILE:
        if (make_room() || answer_without_descriptor()) continue;
        [[fallthrough]];
      default:
        // No descriptors or no memory: the listener stays readable, so asking again at once would spin.
        pause_accepting(true);
        return;
    }
  }
}

void Loop::pause_accepting(bool pause) {
  // It may have been released for an earlier answer and not been had again.
  if (!pause && !reserve_.is_open()) reserve_ = spare_descriptor();
  epoll_event event{};
  if (!pause) event.events = EPOLLIN;
  event.data.u64 = kListenerId;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, listener_.fd(), &event);
  accept_again_at_ = pause ? now_ + kAcceptPause : Clock::time_point::max();
}

// The reserve stands in for the descriptor that is missing: a client that is told to come again is better off
// than one that waits in the kernel's queue for as long as others hold on to theirs.
bool Loop::answer_without_descriptor() {
  if (!reserve_.is_open()) return false;
  reserve_.reset();
  std::optional<IpAddress> peer;
  Fd fd = listener_.accept(peer);
  const bool accepted = fd.is_open();
  if (accepted) {
    ++counters_.connections_refused;
    answer_and_close(fd, tls() == nullptr, kFull);
  }
  fd.reset();
  reserve_ = spare_descriptor();
  return accepted;
}

bool Loop::has_place() {
  while (connections_.size() - shed_open_ >= options_.connections_max) {
    if (!make_room()) return false;
  }
  return true;
}

std::shared_ptr<const TlsContext> Loop::tls() const {
  const std::lock_guard lock(mutex_);
  return tls_;
}

bool Loop::make_room() {
  const auto id = crowd_.next_to_leave(now_, kPlaceKeptLeast);
  if (!id) return false;
  ++counters_.connections_evicted;
  remove(*find(*id));
  return true;
}

// Whatever drips in holds memory only until a request needs it that comes as it should. No connection is evicted
// within kPlaceKeptLeast of its start: else clients that send at full speed would evict each other.
bool Loop::make_room_for_bytes() {
  return make_room_where([](const ClientConnection& connection) { return connection.held_bytes() > 0; });
}

bool Loop::make_room_where(const std::function<bool(const ClientConnection&)>& fits) {
  const auto id = crowd_.next_to_leave(now_, kPlaceKeptLeast, [&](std::uint64_t other) {
    const ClientConnection* const connection = find(other);
    return other != reading_ && connection != nullptr && fits(*connection);
  });
  if (!id) return false;
  ++counters_.connections_evicted;
  remove(*find(*id));
  return true;
}

bool Loop::has_address_limit(const IpAddress& peer) const {
  return options_.connections_per_address_max != 0 && !options_.without_address_limit.contain(peer) &&
         !options_.proxies.networks.contain(peer);
}

void Loop::add(Fd fd, std::optional<IpAddress> peer) {
  const bool counted = peer && has_address_limit(*peer);
  const Refusal* refusal = nullptr;
  if (counted && !addresses_.try_add(peer->holder(), options_.connections_per_address_max)) {
    refusal = &kFullForAddress;
  } else if (!has_place()) {
    if (counted) addresses_.remove(peer->holder());
    refusal = &kFull;
  }
  if (refusal != nullptr) {
    ++counters_.connections_refused;
    if (shed_open_ >= kShedConnectionsMax) return answer_and_close(fd, tls() == nullptr, *refusal);
  }
  const std::uint64_t id = next_id_++;
  auto owned = std::make_unique<ClientConnection>(id, std::move(fd), peer, limits_, budget_);
  ClientConnection& connection = *owned;
  connections_.emplace(id, std::move(owned));
  connection.place = crowd_.add(id, now_);
  connection.counted = counted && refusal == nullptr;
  connection.shed = refusal != nullptr;
  shed_open_ += connection.shed ? 1 : 0;
  counters_.connections = connections_.size();
  if (!add_to_epoll(connection.fd.get(), id, EPOLLIN | EPOLLRDHUP | EPOLLET)) return remove(connection);
  auto context = tls();
  if (context != nullptr) {
    connection.tls = TlsSession::accept(std::move(context), connection.fd.get());
  }
  if (refusal != nullptr) return refuse(connection, *refusal);
  wait_for(connection,
           now_ + (connection.tls == nullptr ? options_.idle_deadline : options_.handshake_deadline));
}

}  // namespace hookspool::net

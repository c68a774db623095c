#include "net/http/acceptor.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;

constexpr int kAcceptsPerTurn = 64;
constexpr milliseconds kAcceptPause{100};  // after accept failed for want of descriptors or memory
constexpr int kUnreadReadsMax = 16;        // of 4 KiB, before a connection is closed that is not kept

constexpr Refusal kFull{503, "too many connections"};

Fd spare_descriptor() {
  return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

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

Acceptor::Acceptor(Listener listener, const Parts& parts)
    : listener_(std::move(listener)), parts_(parts), reserve_(spare_descriptor()) {}

bool Acceptor::begin() {
  return parts_.poller.add(listener_.fd(), kListenerId, EPOLLIN);
}

void Acceptor::accept_some() {
  if (parts_.state.stopping) return;
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    std::optional<IpAddress> peer;
    Fd fd = listener_.accept(peer);
    if (fd.is_open()) {
      admit(std::move(fd), peer);
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
        if (parts_.connections.make_room() || accept_and_refuse()) continue;
        [[fallthrough]];
      default:
        // No descriptors or no memory: the listener stays readable, so asking again at once would spin.
        return pause();
    }
  }
}

void Acceptor::admit(Fd fd, const std::optional<IpAddress>& peer) {
  const Connections::Place place = parts_.connections.take_place(peer);
  if (place.refusal != nullptr) {
    ++parts_.counters.connections_refused;
    if (!parts_.connections.has_room_to_refuse())
      return answer_and_close(fd, parts_.tls.get() == nullptr, *place.refusal);
  }
  ClientConnection& connection = parts_.connections.add(std::move(fd), peer, place);
  parts_.exchange.begin(connection, parts_.tls.get(), place.refusal);
}

// The reserve stands in for the descriptor that is missing: a client that gets a 503 is better off than one that waits in
// the kernel's queue for as long as others hold on to their connections.
bool Acceptor::accept_and_refuse() {
  if (!reserve_.is_open()) return false;
  reserve_ = Fd();
  std::optional<IpAddress> peer;
  Fd fd = listener_.accept(peer);
  const bool accepted = fd.is_open();
  if (accepted) {
    ++parts_.counters.connections_refused;
    answer_and_close(fd, parts_.tls.get() == nullptr, kFull);
  }
  fd = Fd();
  reserve_ = spare_descriptor();
  return accepted;
}

void Acceptor::pause() {
  parts_.poller.change(listener_.fd(), kListenerId, 0);
  resume_at_ = parts_.state.now + kAcceptPause;
}

void Acceptor::resume_if_due() {
  if (resume_at_ > parts_.state.now) return;
  // It may have been released for an earlier answer and not been had again.
  if (!reserve_.is_open()) reserve_ = spare_descriptor();
  parts_.poller.change(listener_.fd(), kListenerId, EPOLLIN);
  resume_at_ = Clock::time_point::max();
}

void Acceptor::end() {
  if (!listener_.is_inherited()) accept_some();
  listener_.close();
  resume_at_ = Clock::time_point::max();
}

}  // namespace hookspool::net

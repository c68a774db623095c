#include "net/http/exchange.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kReadBytes = 64 * 1024;  // one read
constexpr milliseconds kHintAhead{5000};
constexpr int kReadsPerTurn = 4;              // before the other connections get theirs
constexpr milliseconds kDrainDeadline{2000};  // for the client to take the last answer and close
constexpr milliseconds kDrainDeadlineStopping{250};
constexpr std::size_t kDrainBytesMax = 4u << 20;

constexpr Refusal kPlainHttp{400, "TLS is spoken on this port; use https"};
constexpr Refusal kEndedEarly{400, "the request ended early"};

constexpr Refusal kSlowHead{408, "the head of the request took too long"};
constexpr Refusal kSlowRequest{408, "the request took too long"};
constexpr Refusal kStopping{503, "the agent is stopping; send again later"};

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

constexpr std::uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;

// Clients that obey it close an idle connection a little before we do, so that no request meets the close.
std::chrono::seconds keep_alive_hint(milliseconds idle_deadline) {
  const auto shorter = idle_deadline - std::min(idle_deadline / 4, kHintAhead);
  return std::max(std::chrono::floor<std::chrono::seconds>(shorter), std::chrono::seconds(1));
}

}  // namespace

Exchange::Exchange(const Parts& parts)
    : parts_(parts),
      state_(parts.state),
      connections_(parts.connections),
      bridge_(keep_alive_hint(parts.state.options.idle_deadline)),
      scratch_(kReadBytes) {}

void Exchange::set_keep_alive_hint() {
  bridge_.set_keep_alive_hint(keep_alive_hint(state_.options.idle_deadline));
}

void Exchange::begin(ClientConnection& connection, std::shared_ptr<const TlsContext> tls,
                     const Refusal* refusal) {
  if (!parts_.poller.add(connection.fd.get(), connection.id, kReadEvents)) return remove(connection);
  if (tls != nullptr) connection.tls = TlsSession::accept(std::move(tls), connection.fd.get());
  if (refusal != nullptr) return refuse(connection, *refusal);
  wait_for(connection, state_.now + (connection.tls == nullptr ? state_.options.idle_deadline
                                                               : state_.options.handshake_deadline));
}

void Exchange::take_events(ClientConnection& connection, std::uint32_t events) {
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection.readable = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) connection.hung_up = true;
  if ((events & EPOLLOUT) != 0 && std::exchange(connection.wants_write, false)) {
    watch(connection, false);
    connection.readable = true;
  }
  turn(connection);
}

void Exchange::turn(ClientConnection& connection) {
  switch (connection.state) {
    case ClientConnection::State::kReading:
      return read_requests(connection);
    case ClientConnection::State::kHandled:
      return;
    case ClientConnection::State::kWriting:
      return write_rest(connection);
    case ClientConnection::State::kDraining:
      return drain(connection);
  }
}

void Exchange::expire(ClientConnection& connection) {
  if (connection.state != ClientConnection::State::kReading) return remove(connection);
  switch (connection.reader.phase()) {
    case RequestReader::Phase::kIdle:
      return expire_idle(connection);
    case RequestReader::Phase::kHead:
      return refuse(connection, state_.stopping ? kStopping : kSlowHead);
    case RequestReader::Phase::kBody:
    case RequestReader::Phase::kComplete:
      return refuse(connection, state_.stopping ? kStopping : kSlowRequest);
  }
}

// A request may have come in this very moment: then its sender gets an answer instead of a reset.
void Exchange::expire_idle(ClientConnection& connection) {
  if (connection.tls != nullptr && !connection.handshaken) return remove(connection);
  char first = 0;
  const bool has_more = ::recv(connection.fd.get(), &first, sizeof first, MSG_PEEK | MSG_DONTWAIT) > 0;
  if (!has_more || state_.stopping || connection.idle_expired) return remove(connection);
  connection.idle_expired = true;
  connection.readable = true;
  wait_for(connection, state_.now + state_.options.head_deadline);
  turn(connection);
}

void Exchange::queue_turn(ClientConnection& connection) {
  if (!std::exchange(connection.turn_queued, true)) unfinished_turns_.push_back(connection.id);
}

void Exchange::read_requests(ClientConnection& connection) {
  for (int reads = 0; connection.readable; ++reads) {
    if (reads == kReadsPerTurn) return queue_turn(connection);
    std::string_view bytes;
    switch (parts_.handshakes.receive(connection, scratch_, bytes)) {
      case ClientConnection::Received::kNothing:
        return note_handshake(connection);
      case ClientConnection::Received::kHello:
        return parts_.handshakes.wait_for_turn(connection);
      case ClientConnection::Received::kLater:
        return queue_turn(connection);
      case ClientConnection::Received::kWantsWrite:
        return await_writability(connection);
      case ClientConnection::Received::kBroken:
        return remove(connection);
      case ClientConnection::Received::kPlain:
        connection.tls.reset();
        return refuse(connection, kPlainHttp);
      case ClientConnection::Received::kEnd:
        return reached_end(connection);
      case ClientConnection::Received::kBytes:
        break;
    }
    const bool was_idle = connection.reader.phase() == RequestReader::Phase::kIdle;
    connections_.protect(connection);
    const auto refusal = connection.reader.take(bytes);
    if (was_idle) {
      // Line ends alone begin nothing: the idle deadline goes on.
      if (!refusal && connection.reader.phase() == RequestReader::Phase::kIdle) continue;
      connection.request_began_at = state_.now;
      connections_.made_progress(connection, connection.place->rank);
    }
    if (!judge(connection, refusal)) return;
  }
}

void Exchange::await_writability(ClientConnection& connection) {
  connection.wants_write = true;
  watch(connection, true);
}

void Exchange::note_handshake(ClientConnection& connection) {
  if (connection.tls == nullptr) return;
  // What is half there will not become a handshake any more.
  if (!connection.tls->has_begun() && connection.hung_up) return remove(connection);
  if (!connection.handshaken || connection.tls_noted) return;
  connection.tls_noted = true;
  if (connection.reader.phase() == RequestReader::Phase::kIdle)
    wait_for(connection, state_.now + state_.options.idle_deadline);
}

// Acts on what the reader made of the bytes. True: the connection is still there and wants more bytes.
bool Exchange::judge(ClientConnection& connection, const std::optional<Refusal>& refusal) {
  if (refusal) {
    refuse(connection, *refusal);
    return false;
  }
  const Clock::time_point request_due = connection.request_began_at + state_.options.request_deadline;
  switch (connection.reader.phase()) {
    case RequestReader::Phase::kComplete:
      hand_over(connection);
      return false;
    case RequestReader::Phase::kIdle:
      wait_for(connection, state_.now + state_.options.idle_deadline);
      return true;
    case RequestReader::Phase::kHead:
      wait_for(connection, std::min(request_due, connection.request_began_at + state_.options.head_deadline));
      return true;
    case RequestReader::Phase::kBody:
      break;
  }
  wait_for(connection, request_due);
  if (!connection.reader.take_continue_due()) return true;
  std::size_t sent = 0;
  if (connection.send(kContinue, sent) && sent == kContinue.size()) return true;
  remove(connection);  // a client that reads not even these 25 bytes is of no use
  return false;
}

void Exchange::reached_end(ClientConnection& connection) {
  if (connection.reader.phase() == RequestReader::Phase::kIdle) return remove(connection);
  refuse(connection, kEndedEarly);
}

void Exchange::wait_for(ClientConnection& connection, Clock::time_point due) {
  connections_.set_deadline_to_come(connection, due);
}

void Exchange::hand_over(ClientConnection& connection) {
  connection.state = ClientConnection::State::kHandled;
  connection.idle_expired = false;
  connections_.made_progress(connection, EvictionQueue::Rank::kBusy);
  connection.handed_over_at = state_.now;
  // Of the wait for its turn, and then for the reply.
  connections_.set_deadline(connection, state_.now + state_.options.worker_deadline);
  Job job;
  job.queued_at = state_.now;
  job.connection_id = connection.id;
  job.request = connection.reader.take_request();
  HttpRequest& request = job.request.head.request;
  request.remote_addr = client_address(connection.peer, request.headers, state_.options.proxies);
  parts_.handover.add(std::move(job));
}

// nullptr: it is gone, or its client has been asked to send again later.
ClientConnection* Exchange::find_handled(std::uint64_t id) const {
  ClientConnection* const found = connections_.find(id);
  const bool waits = found != nullptr && found->state == ClientConnection::State::kHandled;
  return waits ? found : nullptr;
}

void Exchange::answer(Finished&& finished) {
  ClientConnection* const found = find_handled(finished.connection_id);
  if (found == nullptr) return;
  ClientConnection& connection = *found;
  bool close = finished.close;
  std::string bytes;
  if (!bridge_.write(std::move(finished.answer), finished.head_only, close, bytes))
    ++parts_.counters.handler_failures;
  std::size_t sent = 0;
  if (!connection.send(bytes, sent)) return remove(connection);
  if (sent == bytes.size()) return answered(connection, close);
  connections_.protect(connection);
  if (!connection.unsent_share.resize(bytes.size() - sent)) return remove(connection);
  bytes.erase(0, std::exchange(sent, 0));
  bytes.shrink_to_fit();
  connection.state = ClientConnection::State::kWriting;
  connection.unsent = std::move(bytes);
  connection.unsent_from = sent;
  connection.close_after_answer = close;
  connections_.made_progress(connection, EvictionQueue::Rank::kRegular);
  connections_.set_deadline(connection, state_.now + state_.options.answer_deadline);
  watch(connection, true);
}

void Exchange::answer_and_remove(Finished&& finished) {
  ClientConnection* const found = find_handled(finished.connection_id);
  if (found == nullptr) return;
  ClientConnection& connection = *found;
  bool close = true;
  std::string bytes;
  std::size_t sent = 0;
  (void)bridge_.write(std::move(finished.answer), finished.head_only, close, bytes);
  (void)connection.send(bytes, sent);
  remove(connection);
}

void Exchange::write_rest(ClientConnection& connection) {
  if (!connection.send(connection.unsent, connection.unsent_from)) return remove(connection);
  if (connection.unsent_from < connection.unsent.size()) return;
  connection.unsent = std::string();
  connection.unsent_share.release();
  watch(connection, false);
  answered(connection, connection.close_after_answer);
}

void Exchange::answered(ClientConnection& connection, bool close) {
  if (close) return begin_draining(connection);
  connections_.made_progress(connection, EvictionQueue::Rank::kRegular);
  connection.state = ClientConnection::State::kReading;
  connection.request_began_at = state_.now;
  connections_.protect(connection);
  if (!judge(connection, connection.reader.advance())) return;
  read_requests(connection);
}

void Exchange::refuse(ClientConnection& connection, const Refusal& refusal) {
  if (!connection.shed) ++parts_.counters.refused;
  std::size_t sent = 0;
  RefusedMethod method = connection.reader.method();
  if (method == RefusedMethod::kNothingCame && connection.tls == nullptr)
    method = peeked_method(connection.fd.get());
  if (!connection.send(refusal_answer(refusal, method), sent)) return remove(connection);
  begin_draining(connection);
}

// Closing a socket with unread bytes sends a reset, which can destroy the answer before the client has read
// it. So: no more from us, then wait a little for the end from the client.
void Exchange::begin_draining(ClientConnection& connection) {
  connection.end_sending();
  if (connection.ended) return remove(connection);
  connection.reader.discard();
  connection.state = ClientConnection::State::kDraining;
  connections_.made_progress(connection, EvictionQueue::Rank::kLeaving);
  connections_.set_deadline(connection,
                            state_.now + (state_.stopping ? kDrainDeadlineStopping : kDrainDeadline));
  drain(connection);
}

void Exchange::drain(ClientConnection& connection) {
  for (int reads = 0; connection.readable; ++reads) {
    if (reads == kReadsPerTurn) return queue_turn(connection);
    std::string_view bytes;
    const auto received = connection.receive(scratch_, bytes);
    if (received == ClientConnection::Received::kNothing) return;
    if (received != ClientConnection::Received::kBytes) return remove(connection);
    connection.drained_bytes += bytes.size();
    if (connection.drained_bytes > kDrainBytesMax) return remove(connection);
  }
}

void Exchange::wind_down(ClientConnection& connection) {
  if (connection.state == ClientConnection::State::kDraining) {
    connections_.set_deadline(connection,
                              std::min(connection.timer.due, state_.now + kDrainDeadlineStopping));
  }
  if (connection.state != ClientConnection::State::kReading) return;
  wait_for(connection, connection.timer.due);
  connection.readable = true;
  turn(connection);
}

void Exchange::watch(const ClientConnection& connection, bool for_writing) {
  parts_.poller.change(connection.fd.get(), connection.id,
                       kReadEvents | (for_writing ? std::uint32_t{EPOLLOUT} : 0u));
}

void Exchange::remove(ClientConnection& connection) {
  connections_.remove(connection);
}

}  // namespace hookspool::net

// What the loop does with one connection: read, hand over, answer, refuse, close. The loop as such is in
// loop.cpp.
//
// A function that may have removed the connection is the last thing its caller does with it.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "net/http/loop.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;

constexpr int kReadsPerTurn = 4;              // before the other connections get theirs
constexpr milliseconds kDrainDeadline{2000};  // for the client to take the last answer and close
constexpr milliseconds kDrainDeadlineStopping{250};
constexpr std::size_t kDrainBytesMax = 4u << 20;

constexpr Refusal kPlainHttp{400, "TLS is spoken on this port; use https"};
constexpr Refusal kEndedEarly{400, "the request ended early"};

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

void Loop::turn(ClientConnection& connection) {
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

void Loop::queue_turn(ClientConnection& connection) {
  if (!std::exchange(connection.turn_queued, true)) unfinished_turns_.push_back(connection.id);
}

void Loop::read_requests(ClientConnection& connection) {
  for (int reads = 0; connection.readable; ++reads) {
    if (reads == kReadsPerTurn) return queue_turn(connection);
    std::string_view bytes;
    switch (receive(connection, bytes)) {
      case ClientConnection::Received::kNothing:
        return note_handshake(connection);
      case ClientConnection::Received::kHello:
        return await_handshake(connection);
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
    reading_ = connection.id;
    const auto refusal = connection.reader.take(bytes);
    if (was_idle) {
      // Line ends alone begin nothing: the idle deadline goes on.
      if (!refusal && connection.reader.phase() == RequestReader::Phase::kIdle) continue;
      connection.request_began_at = now_;
      crowd_.move(connection.place, connection.place->rank, now_);
    }
    if (!judge(connection, refusal)) return;
  }
}

void Loop::await_writability(ClientConnection& connection) {
  connection.wants_write = true;
  watch(connection, true);
}

void Loop::note_handshake(ClientConnection& connection) {
  if (connection.tls == nullptr) return;
  // What is half there will not become a handshake any more.
  if (!connection.tls->has_begun() && connection.hung_up) return remove(connection);
  if (!connection.handshaken || connection.tls_noted) return;
  connection.tls_noted = true;
  if (connection.reader.phase() == RequestReader::Phase::kIdle)
    wait_for(connection, now_ + options_.idle_deadline);
}

// Acts on what the reader made of the bytes. True: the connection is still there and wants more bytes.
bool Loop::judge(ClientConnection& connection, const std::optional<Refusal>& refusal) {
  if (refusal) {
    refuse(connection, *refusal);
    return false;
  }
  const Clock::time_point request_due = connection.request_began_at + options_.request_deadline;
  switch (connection.reader.phase()) {
    case RequestReader::Phase::kComplete:
      hand_over(connection);
      return false;
    case RequestReader::Phase::kIdle:
      wait_for(connection, now_ + options_.idle_deadline);
      return true;
    case RequestReader::Phase::kHead:
      wait_for(connection, std::min(request_due, connection.request_began_at + options_.head_deadline));
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

void Loop::reached_end(ClientConnection& connection) {
  if (connection.reader.phase() == RequestReader::Phase::kIdle) return remove(connection);
  refuse(connection, kEndedEarly);
}

void Loop::wait_for(ClientConnection& connection, Clock::time_point due) {
  deadlines_.set(connection.id, connection.timer, std::min(due, linger_until_));
}

void Loop::hand_over(ClientConnection& connection) {
  connection.state = ClientConnection::State::kHandled;
  connection.idle_expired = false;
  crowd_.move(connection.place, Crowd::Rank::kBusy, now_);
  connection.handed_over_at = now_;
  // Of the wait for its turn, and then for the reply.
  deadlines_.set(connection.id, connection.timer, now_ + options_.worker_deadline);
  Job& job = waiting_.emplace_back();
  job.queued_at = now_;
  job.connection_id = connection.id;
  job.request = connection.reader.take_request();
  HttpRequest& request = job.request.head.request;
  request.remote_addr = client_address(connection.peer, request.headers, options_.proxies);
}

void Loop::answer(Finished&& finished) {
  ClientConnection* const found = find(finished.connection_id);
  // Its client has been told to send again later.
  if (found == nullptr || found->state != ClientConnection::State::kHandled) return;
  ClientConnection& connection = *found;
  bool close = finished.close;
  std::string bytes;
  if (!bridge_.write(std::move(finished.answer), finished.head_only, close, bytes))
    ++counters_.handler_failures;
  std::size_t sent = 0;
  if (!connection.send(bytes, sent)) return remove(connection);
  if (sent == bytes.size()) return answered(connection, close);
  reading_ = connection.id;
  if (!connection.unsent_share.resize(bytes.size() - sent)) return remove(connection);
  bytes.erase(0, std::exchange(sent, 0));
  bytes.shrink_to_fit();
  connection.state = ClientConnection::State::kWriting;
  connection.unsent = std::move(bytes);
  connection.unsent_from = sent;
  connection.close_after_answer = close;
  crowd_.move(connection.place, Crowd::Rank::kRegular, now_);
  deadlines_.set(connection.id, connection.timer, now_ + options_.answer_deadline);
  watch(connection, true);
}

void Loop::answer_late(Finished&& finished) {
  ClientConnection* const found = find(finished.connection_id);
  // Its client has been told to send again later.
  if (found == nullptr || found->state != ClientConnection::State::kHandled) return;
  ClientConnection& connection = *found;
  bool close = true;
  std::string bytes;
  std::size_t sent = 0;
  (void)bridge_.write(std::move(finished.answer), finished.head_only, close, bytes);
  (void)connection.send(bytes, sent);
  remove(connection);
}

void Loop::write_rest(ClientConnection& connection) {
  if (!connection.send(connection.unsent, connection.unsent_from)) return remove(connection);
  if (connection.unsent_from < connection.unsent.size()) return;
  connection.unsent = std::string();
  connection.unsent_share.release();
  watch(connection, false);
  answered(connection, connection.close_after_answer);
}

void Loop::answered(ClientConnection& connection, bool close) {
  if (close) return begin_draining(connection);
  crowd_.move(connection.place, Crowd::Rank::kRegular, now_);
  connection.state = ClientConnection::State::kReading;
  connection.request_began_at = now_;
  reading_ = connection.id;
  if (!judge(connection, connection.reader.advance())) return;
  read_requests(connection);
}

void Loop::refuse(ClientConnection& connection, const Refusal& refusal) {
  if (!connection.shed) ++counters_.refused;
  std::size_t sent = 0;
  RefusedMethod method = connection.reader.method();
  if (method == RefusedMethod::kNothingCame && connection.tls == nullptr)
    method = peeked_method(connection.fd.get());
  if (!connection.send(refusal_answer(refusal, method), sent)) return remove(connection);
  begin_draining(connection);
}

// Closing a socket with unread bytes sends a reset, which can destroy the answer before the client has read
// it. So: no more from us, then wait a little for the end from the client.
void Loop::begin_draining(ClientConnection& connection) {
  connection.end_sending();
  if (connection.ended) return remove(connection);
  connection.reader.discard();
  connection.state = ClientConnection::State::kDraining;
  crowd_.move(connection.place, Crowd::Rank::kLeaving, now_);
  deadlines_.set(connection.id, connection.timer,
                 now_ + (stopping_ ? kDrainDeadlineStopping : kDrainDeadline));
  drain(connection);
}

void Loop::drain(ClientConnection& connection) {
  for (int reads = 0; connection.readable; ++reads) {
    if (reads == kReadsPerTurn) return queue_turn(connection);
    std::string_view bytes;
    switch (connection.receive(scratch_, bytes)) {
      case ClientConnection::Received::kNothing:
        return;
      case ClientConnection::Received::kBytes:
        break;
      default:
        return remove(connection);
    }
    connection.drained_bytes += bytes.size();
    if (connection.drained_bytes > kDrainBytesMax) return remove(connection);
  }
}

// What becomes of a connection when the server stops: a last look for a whole request, and a moment for one
// that is on its way.
void Loop::wind_down(std::uint64_t id) {
  // One that was wound down before may have needed this one's room.
  ClientConnection* const found = find(id);
  if (found == nullptr) return;
  ClientConnection& connection = *found;
  if (connection.state == ClientConnection::State::kDraining) {
    const Clock::time_point due = std::min(connection.timer.due, now_ + kDrainDeadlineStopping);
    deadlines_.set(id, connection.timer, due);
  }
  if (connection.state != ClientConnection::State::kReading) return;
  wait_for(connection, connection.timer.due);
  connection.readable = true;
  turn(connection);
}

void Loop::watch(ClientConnection& connection, bool for_writing) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
  if (for_writing) event.events |= EPOLLOUT;
  event.data.u64 = connection.id;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
}

void Loop::remove(ClientConnection& connection) {
  deadlines_.remove(connection.id, connection.timer);
  shed_open_ -= connection.shed ? 1 : 0;
  crowd_.remove(connection.place);
  if (connection.counted) addresses_.remove(connection.peer->holder());
  if (connection.tls_counted) --handshakes_open_;
  connections_.erase(connection.id);
  counters_.connections = connections_.size();
}

}  // namespace hookspool::net

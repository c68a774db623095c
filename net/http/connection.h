// One client connection: its socket, its request in the making, its answer on the way out.
//
// Owned by the loop, whose thread alone touches it: a reply to its request comes to the loop. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/http/deadlines.h"
#include "net/http/eviction_queue.h"
#include "net/http/request_reader.h"
#include "net/http/socket.h"

namespace hookspool::net {

class TlsSession;

// A request on its way to a worker.
struct Job {
  std::uint64_t connection_id = 0;
  Clock::time_point queued_at;
  WholeRequest request;
};

// The answer to a job.
struct Finished {
  std::uint64_t connection_id = 0;
  HttpAnswer answer;
  bool head_only = false;
  bool close = false;  // after the answer
};

// Sends what the socket takes without waiting and moves `sent` along. False: the connection is broken.
// After a partial send over TLS: the rest and nothing else. tls == nullptr: plain.
bool send_some(int fd, TlsSession* tls, std::string_view bytes, std::size_t& sent);

// Of the request whose first bytes wait to be read on a plain connection; takes none of them.
RefusedMethod peeked_method(int fd);

struct ClientConnection {
  enum class State {
    kReading,   // idle, or a request is coming in
    kHandled,   // the request is with the handler, or waits for it
    kWriting,   // the socket did not take the whole answer at once
    kDraining,  // answered and shut down; what still comes in is thrown away until the client closes
  };
  enum class Received {
    kBytes,
    kNothing,     // for now
    kLater,       // there is more, but others come first
    kWantsWrite,  // TLS: the socket must take bytes before it can go on
    kHello,       // TLS: the handshake can begin
    kEnd,
    kBroken,
    kPlain,  // TLS is spoken here, but not by this client
  };

  ClientConnection(std::uint64_t id_, Fd fd_, std::optional<IpAddress> peer_, const HeadLimits& limits,
                   BodyBudget& budget);
  ~ClientConnection();

  // Reads once. After kBytes `bytes` are those read, inside `scratch`.
  Received receive(std::span<char> scratch, std::string_view& bytes);
  bool send(std::string_view bytes, std::size_t& sent);
  std::size_t held_bytes() const;  // of the budget
  // No more from us. What still comes in is not worth decrypting.
  void end_sending();

  const std::uint64_t id;
  const Fd fd;
  const std::optional<IpAddress> peer;  // nothing: by a Unix socket
  bool counted = false;                 // among the connections of its address
  std::unique_ptr<TlsSession> tls;      // nullptr: plain, or over
  State state = State::kReading;
  RequestReader reader;
  Timer timer;
  EvictionQueue::Place place;
  Clock::time_point request_began_at;  // first byte of the request that is coming in
  Clock::time_point handed_over_at;    // of the request that is with the handler
  // Edge-triggered: epoll says once that there is something, and this remembers it until a read came up
  // short.
  bool readable = false;
  bool hung_up =
      false;  // the client has closed its side: a short read is not the end, the end itself is to be read
  bool ended = false;  // that end has been read
  bool handshaken = false;
  bool awaits_handshake = false;  // its turn is among the loop's waiting ones
  bool tls_counted = false;       // among the handshakes that have begun
  bool tls_first_step = false;    // of its handshake comes next
  bool tls_noted = false;         // its deadline is that of an idle connection
  BodyShare tls_share;            // of the budget, for what OpenSSL keeps
  bool wants_write = false;
  bool turn_queued = false;
  bool idle_expired = false;  // idle for too long, but for a request in the last moment
  bool shed = false;          // over a limit, and only open to be answered so
  std::string unsent;
  BodyShare unsent_share;
  std::size_t unsent_from = 0;
  bool close_after_answer = false;
  std::size_t drained_bytes = 0;
};

}  // namespace hookspool::net

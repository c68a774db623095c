// Inside net/pg only: the libpq connection that Connection hides, and the waiting on it. Not thread-safe: of one
// thread at a time, in which libpq also calls its notice receiver.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

#include "net/pg/link/answer_limit.h"
#include "net/pg/link/connection.h"

namespace hookspool::net {

struct ConnectionCloser {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ResultCloser {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ResultCloser>;

// Waits until the socket can do one of poll(2)'s `events` or has failed. The events that came; 0: the
// deadline.
short wait_for_socket(int socket, short events, Deadline deadline);

// What libpq's notice receiver leaves for us.
struct Notices {
  bool sync_wait_cancelled = false;  // reported by a WARNING
  bool came = false;                 // any, since it was asked last
};

struct Connection::Impl {
  std::unique_ptr<PGconn, ConnectionCloser> connection;
  std::chrono::steady_clock::time_point opened_at;
  std::chrono::steady_clock::time_point answered_at;
  std::size_t largest_sent = 0;  // bytes of one statement with its parameter
  bool broken = false;
  Notices notices;    // since the statement began
  AnswerLimit limit;  // of the statement that runs

  int socket() const { return PQsocket(connection.get()); }
  // Before a statement is handed to libpq: nothing has come of its answer.
  void expect_answer();
  // Hands a statement to libpq, whose rows then come one by one.
  PgResult<void> begin(const std::string& sql, std::string_view attempt);
  // Has more come than one answer may have? Notices are no part of it, for libpq keeps none: a trigger may send many.
  bool over_limit();

  // Sends what libpq holds; takes in what arrives meanwhile, or both sides could block on full buffers.
  PgResult<void> flush(Deadline deadline, std::string_view attempt);
  // The next result of the running statement; null when there is none left.
  PgResult<ResultPtr> next_result(Deadline deadline, std::string_view attempt);
  // All of the statement that has been sent; the last one's rows.
  PgResult<PgRows> rows(Deadline deadline, std::string_view attempt);
  // Takes results up to the end of the statement, so that the connection can be used again.
  PgResult<void> drain(Deadline deadline, std::string_view attempt);

  PgError lost(std::string_view attempt);      // what libpq says of a connection that failed
  PgError late(std::string_view attempt);      // the deadline has passed
  PgError too_long(std::string_view attempt);  // more than kAnswerBytesMax
  PgError refused(const PGresult* result, std::string_view attempt);  // the server answered with an error
  PgError refused_and_drained(const PGresult* result, Deadline deadline, std::string_view attempt);
  PgError unexpected_copy(std::string_view attempt);
};

}  // namespace hookspool::net

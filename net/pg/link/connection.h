// One libpq connection, non-blocking, with our own deadline on every wait: no libpq or server time-out covers
// a server that takes bytes and never answers (FACTS: libpq 15 documentation, chapters 34.1 to 34.10). Not
// thread-safe: one owner at a time. No exceptions.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/pg/link/error.h"

namespace hookspool::net {

using Deadline = std::chrono::steady_clock::time_point;

struct LaneTables;  // net/pg/tables/mapping.h

struct PgOptions {
  std::string conninfo;  // keywords or URI; empty: libpq's environment decides
  std::string application_name = "hookspool";
  std::string schema = "hookspool";
  std::size_t first_server = 0;  // which of the servers that conninfo lists is tried first; wraps around
  std::size_t pool_size = 10;
  std::chrono::milliseconds pool_recycle{
      300'000};          // a connection older than this is replaced at checkout; 0: never
  bool pre_ping = true;  // ask before use
  // Not asked is one that answered no longer ago, and over which nothing has come since: a line that dies without a
  // sign may as well do so between the question and the statement.
  std::chrono::milliseconds ping_after{1'000};
  bool reset_on_return = true;  // ROLLBACK what a borrower left open
  std::chrono::milliseconds connect_timeout{30'000};
  std::chrono::milliseconds statement_timeout{30'000};
  std::chrono::milliseconds idle_in_transaction_session_timeout{30'000};
  std::chrono::milliseconds lock_timeout{5'000};
  // How much longer than the server's own time-outs its answer is waited for; then the connection counts as
  // broken.
  std::chrono::milliseconds answer_margin{15'000};
  std::shared_ptr<const LaneTables>
      tables{};          // lanes with a table of their own; null: all fill the events table
  std::string notify{};  // the channel that is notified of deliveries, after their COMMIT; empty: none
};

// The last moment to wait for a statement's answer: statement_timeout and answer_margin from now.
Deadline statement_deadline(const PgOptions& options);

// "15.20": of the library in use. Thread-safe.
std::string libpq_version();

// One result of a statement. Text format.
struct PgRows {
  std::string command_tag;  // "SELECT 1", "COMMIT", "ROLLBACK"
  std::vector<std::vector<std::optional<std::string>>> rows;
  // With COMMIT: it is done here, but the wait for the synchronous standby was cancelled.
  bool sync_wait_cancelled = false;
};

// libpq's buffer for what is sent grows with the largest statement and never shrinks: a connection that has more than
// this, in bytes, is not kept when it is idle.
inline constexpr std::size_t kSendBufferKept = 1u << 20;

// How a connection is encrypted. Plain values.
struct TlsLine {
  std::string protocol;  // "TLSv1.3"; empty: it is not
  std::string cipher;
  std::int64_t certificate_not_after_s = 0;  // when the server's certificate ends, since 1970; 0: not known
};

class Connection {
 public:
  // Checks conninfo without connecting; the error names the bad keyword and never quotes a value.
  static PgResult<void> check_conninfo(const std::string& conninfo);
  // Is there any hint of a PostgreSQL (conninfo, or libpq's environment)?
  static bool configured(const std::string& conninfo);
  // The same of this conninfo alone.
  static bool configured_by(const std::string& conninfo);
  // "host=db port=5432 dbname=app user=me sslmode=verify-full", as far as conninfo and libpq's environment say; never a
  // password.
  static std::string server_in(const std::string& conninfo);
  // Does a password stand in it?
  static bool holds_password(const std::string& conninfo);
  // How many servers conninfo (or libpq's environment) lists; 1 where that is unknown, as with a service.
  static std::size_t servers(const PgOptions& options);
  // The first remote server of conninfo whose certificate sslmode does not check; empty: none, or a service file says.
  static std::string unverified_server(const std::string& conninfo);
  // Only to a server that takes writes, unless target_session_attrs says otherwise.
  // Bounded by connect_timeout, all hosts together. Looking a name up is the exception: the resolver blocks
  // (see resolv.conf(5), timeout and attempts).
  static PgResult<std::unique_ptr<Connection>> connect(const PgOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Simple query protocol: one or several statements; the last statement's rows. Works through PgBouncer.
  // `attempt` begins an error's text: what this was for.
  PgResult<PgRows> query(const std::string& sql, Deadline deadline, std::string_view attempt = "query");
  // One statement with one parameter, $1, as text without NUL bytes. Nothing is prepared that would outlive it.
  PgResult<PgRows> query_with(const std::string& sql, const std::string& parameter, Deadline deadline,
                              std::string_view attempt);
  // One statement whose rows are taken one by one, so that memory holds one of them, whatever their number; each may have
  // kRowBytesMax. `each_within`: how long the next one is waited for. `take` says false: enough, the connection is broken off.
  PgResult<void> query_each(const std::string& sql, std::chrono::milliseconds each_within,
                            const std::function<bool(PgRows&&)>& take, std::string_view attempt);
  // COPY ... FROM STDIN: start, feed, end. Statements may stand before COPY; start() returns the rows of the last of them.
  // end() returns the number of rows of the "COPY n" tag.
  PgResult<PgRows> copy_start(const std::string& sql, Deadline deadline,
                              std::string_view attempt = "starting COPY");
  PgResult<void> copy_data(std::string_view bytes, Deadline deadline);
  PgResult<std::uint64_t> copy_end(Deadline deadline);

  std::string quote_literal(std::string_view text) const;

  // Can the database hold any character? (server_encoding; yes where the server does not tell.)
  bool database_is_utf8() const;

  // Has a statement been so large that libpq keeps more than kSendBufferKept for it, as long as the connection lives?
  bool swollen() const;

  bool usable() const;  // not broken, and no transaction open
  bool broken() const;  // lost, or given up after a deadline: fit for nothing but closing
  void mark_broken();
  std::chrono::steady_clock::time_point opened_at() const;
  std::chrono::steady_clock::time_point answered_at()
      const;  // the last statement that was done, or opened_at()
  // Has nothing come over the line since? A server that ends a connection says so, or its system does.
  bool silent() const;
  TlsLine tls() const;
  // The process that was named when the connection began: the server's, or a pooler's invention (pg_backend_pid() differs).
  std::int64_t announced_pid() const;
  std::string server_description() const;  // "15.20 at db:5432, TLSv1.3" for the log

 private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hookspool::net

#include "net/pg/link/connection.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <utility>

#include "net/pg/link/connection_impl.h"
#include "net/pg/link/text.h"

namespace hookspool::net {
namespace {

// A TLS record holds up to 16 KiB and libpq makes room for at least 8 KiB a read. What OpenSSL still holds
// after a read is invisible to poll(2), so that many reads are made before waiting.
constexpr int kReadsBeforeWaiting = 3;

// statement_timeout 0 means no limit on the server; we still have one.
constexpr std::chrono::minutes kStatementLimitWithoutTimeout{10};

std::string field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text != nullptr ? text : "";
}

bool is_error(ExecStatusType status) {
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR;
}

bool is_copy(ExecStatusType status) {
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

// Adds the rows of one result; what they take in memory, about.
std::uint64_t add_rows(PGresult* result, PgRows& rows) {
  std::uint64_t bytes = 0;
  const int columns = PQnfields(result);
  for (int row = 0; row < PQntuples(result); ++row) {
    auto& values = rows.rows.emplace_back();
    values.reserve(static_cast<std::size_t>(columns));
    bytes += sizeof(values) + static_cast<std::uint64_t>(columns) * sizeof(values.front());
    for (int column = 0; column < columns; ++column) {
      if (PQgetisnull(result, row, column) != 0) {
        values.emplace_back();
        continue;
      }
      const auto length = static_cast<std::size_t>(PQgetlength(result, row, column));
      values.emplace_back(std::in_place, PQgetvalue(result, row, column), length);
      bytes += length;
    }
  }
  return bytes;
}

}  // namespace

Deadline statement_deadline(const PgOptions& options) {
  const std::chrono::milliseconds limit =
      options.statement_timeout.count() > 0 ? options.statement_timeout : kStatementLimitWithoutTimeout;
  return std::chrono::steady_clock::now() + limit + options.answer_margin;
}

short wait_for_socket(int socket, short events, Deadline deadline) {
  pollfd waited{socket, events, 0};
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    const int timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, INT_MAX));
    const int ready = poll(&waited, 1, timeout_ms);
    if (ready > 0) return waited.revents;
    if (ready < 0 && errno != EINTR) return POLLERR;  // the next libpq call will say why
    if (ready == 0 && left <= INT_MAX) return 0;
  }
}

PgError Connection::Impl::lost(std::string_view attempt) {
  broken = true;
  const std::string reason = server_text(PQerrorMessage(connection.get()));
  return {
      .error_class = ErrorClass::kOutage,
      .text = std::string(attempt) + ": connection lost: " + (reason.empty() ? "no reason given" : reason),
      .connection_lost = true};
}

PgError Connection::Impl::late(std::string_view attempt) {
  broken = true;
  return {.error_class = ErrorClass::kOutage,
          .text = std::string(attempt) + ": no answer from PostgreSQL in time; the connection is given up",
          .connection_lost = true};
}

PgError Connection::Impl::too_long(std::string_view attempt) {
  broken = true;
  return {.error_class = ErrorClass::kOutage,
          .text = std::string(attempt) + ": the server's answer is longer than " +
                  std::to_string(kAnswerBytesMax >> 20) + " MiB; the connection is given up",
          .hint = "No PostgreSQL answers so to what is asked here: look which server that is.",
          .connection_lost = true};
}

void Connection::Impl::expect_answer() {
  notices = {};
  limit.begin(socket(), kAnswerBytesMax);
}

PgResult<void> Connection::Impl::begin(const std::string& sql, std::string_view attempt) {
  expect_answer();
  if (PQsendQuery(connection.get(), sql.c_str()) == 0) return fail(lost(attempt));
  (void)PQsetSingleRowMode(connection.get());
  return {};
}

bool Connection::Impl::over_limit() {
  if (notices.came) limit.begin(socket(), kAnswerBytesMax);
  notices.came = false;
  return limit.exceeded(socket());
}

PgError Connection::Impl::refused(const PGresult* result, std::string_view attempt) {
  PgError error;
  error.sqlstate = field(result, PG_DIAG_SQLSTATE);
  if (error.sqlstate.empty()) return lost(attempt);  // libpq's own complaint: the line is gone
  error.error_class = classify_sqlstate(error.sqlstate);
  error.text = std::string(attempt) + ": " + server_text(field(result, PG_DIAG_MESSAGE_PRIMARY));
  error.constraint = server_text(field(result, PG_DIAG_CONSTRAINT_NAME));
  const bool no_partition =
      is_missing_partition(error.sqlstate, error.constraint, field(result, PG_DIAG_TABLE_NAME));
  if (no_partition) error.error_class = ErrorClass::kSetup;
  error.server_hint = server_text(field(result, PG_DIAG_MESSAGE_HINT));
  if (no_partition) error.hint = "Create the partition, or a default one.";
  const std::string severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  // No trigger can raise FATAL, and what PostgreSQL itself says of a missing partition has the row in its DETAIL only.
  error.may_quote = !no_partition && severity != "FATAL" && severity != "PANIC";
  // After FATAL the server closes. A pooler between us reports its server's loss as 08P01 and may stay.
  if (severity == "FATAL" || severity == "PANIC" || error.sqlstate.starts_with("08")) {
    broken = true;
    error.connection_lost = true;
  }
  return error;
}

PgError Connection::Impl::refused_and_drained(const PGresult* result, Deadline deadline,
                                              std::string_view attempt) {
  PgError error = refused(result, attempt);
  // What is lost after it is reported by connection_lost; the server's own words say more.
  if (!broken && !drain(deadline, attempt)) broken = true;
  if (PQstatus(connection.get()) == CONNECTION_BAD) broken = true;
  error.connection_lost = error.connection_lost || broken;
  return error;
}

PgError Connection::Impl::unexpected_copy(std::string_view attempt) {
  broken = true;
  return {.error_class = ErrorClass::kSetup,
          .text = std::string(attempt) + ": the server asks for COPY data where none belongs",
          .connection_lost = true};
}

PgResult<void> Connection::Impl::flush(Deadline deadline, std::string_view attempt) {
  for (;;) {
    const int left = PQflush(connection.get());
    if (left == 0) return {};
    if (left < 0) return fail(lost(attempt));
    const short ready = wait_for_socket(PQsocket(connection.get()), POLLIN | POLLOUT, deadline);
    if (ready == 0) return fail(late(attempt));
    if ((ready & ~POLLOUT) != 0 && PQconsumeInput(connection.get()) == 0) return fail(lost(attempt));
    if (over_limit()) return fail(too_long(attempt));
  }
}

PgResult<ResultPtr> Connection::Impl::next_result(Deadline deadline, std::string_view attempt) {
  while (PQisBusy(connection.get()) != 0) {
    for (int reads = 0; reads < kReadsBeforeWaiting && PQisBusy(connection.get()) != 0; ++reads) {
      // A failed read is not the end: what the server said before it closed is still to be parsed.
      if (PQconsumeInput(connection.get()) == 0) return ResultPtr(PQgetResult(connection.get()));
      if (over_limit()) return fail(too_long(attempt));
    }
    if (PQisBusy(connection.get()) == 0) break;
    if (wait_for_socket(PQsocket(connection.get()), POLLIN, deadline) == 0) return fail(late(attempt));
  }
  return ResultPtr(PQgetResult(connection.get()));
}

PgResult<void> Connection::Impl::drain(Deadline deadline, std::string_view attempt) {
  for (;;) {
    auto result = next_result(deadline, attempt);
    if (!result) return fail(std::move(result).error());
    if (*result == nullptr) return {};
    if (is_copy(PQresultStatus(result->get()))) return fail(unexpected_copy(attempt));
  }
}

PgResult<PgRows> Connection::Impl::rows(Deadline deadline, std::string_view attempt) {
  if (auto flushed = flush(deadline, attempt); !flushed) return fail(std::move(flushed).error());
  PgRows rows;
  std::uint64_t bytes = 0;
  std::size_t done = 0;  // statements
  bool open = false;     // rows of a statement have come, and its end has not
  for (;;) {
    auto result = next_result(deadline, attempt);
    if (!result) return fail(std::move(result).error());
    if (*result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result->get());
    if (is_error(status)) {
      PgError error = refused_and_drained(result->get(), deadline, attempt);
      error.statements_done = done;
      return fail(std::move(error));
    }
    if (is_copy(status)) return fail(unexpected_copy(attempt));
    if (!open) {
      rows = {};
      bytes = 0;
    }
    open = status == PGRES_SINGLE_TUPLE;
    bytes += add_rows(result->get(), rows);
    if (bytes > kAnswerBytesMax) return fail(too_long(attempt));
    if (open) continue;
    rows.command_tag = PQcmdStatus(result->get());
    ++done;
  }
  if (PQstatus(connection.get()) == CONNECTION_BAD) return fail(lost(attempt));
  rows.sync_wait_cancelled = notices.sync_wait_cancelled;
  answered_at = std::chrono::steady_clock::now();
  return rows;
}

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;  // PQfinish does not wait: the socket is non-blocking

PgResult<PgRows> Connection::query(const std::string& sql, Deadline deadline, std::string_view attempt) {
  if (broken()) return fail(impl_->lost(attempt));
  if (auto begun = impl_->begin(sql, attempt); !begun) return fail(std::move(begun).error());
  return impl_->rows(deadline, attempt);
}

PgResult<void> Connection::query_each(const std::string& sql, std::chrono::milliseconds each_within,
                                      const std::function<bool(PgRows&&)>& take, std::string_view attempt) {
  if (broken()) return fail(impl_->lost(attempt));
  if (auto begun = impl_->begin(sql, attempt); !begun) return fail(std::move(begun).error());
  const auto deadline = [&] { return std::chrono::steady_clock::now() + each_within; };
  if (auto flushed = impl_->flush(deadline(), attempt); !flushed) return fail(std::move(flushed).error());
  for (;;) {
    impl_->limit.begin(impl_->socket(), kRowBytesMax);
    auto result = impl_->next_result(deadline(), attempt);
    if (!result) return fail(std::move(result).error());
    if (*result == nullptr) break;
    const ExecStatusType status = PQresultStatus(result->get());
    if (is_error(status)) return fail(impl_->refused_and_drained(result->get(), deadline(), attempt));
    if (is_copy(status)) return fail(impl_->unexpected_copy(attempt));
    if (status != PGRES_SINGLE_TUPLE) continue;
    PgRows row;
    add_rows(result->get(), row);
    result->reset();
    if (take(std::move(row))) continue;
    mark_broken();
    return {};
  }
  if (PQstatus(impl_->connection.get()) == CONNECTION_BAD) return fail(impl_->lost(attempt));
  impl_->answered_at = std::chrono::steady_clock::now();
  return {};
}

PgResult<PgRows> Connection::query_with(const std::string& sql, const std::string& parameter,
                                        Deadline deadline, std::string_view attempt) {
  if (broken()) return fail(impl_->lost(attempt));
  impl_->expect_answer();
  impl_->largest_sent = std::max(impl_->largest_sent, sql.size() + parameter.size());
  const char* value = parameter.c_str();
  if (PQsendQueryParams(impl_->connection.get(), sql.c_str(), 1, nullptr, &value, nullptr, nullptr, 0) == 0) {
    return fail(impl_->lost(attempt));
  }
  (void)PQsetSingleRowMode(impl_->connection.get());
  return impl_->rows(deadline, attempt);
}

bool Connection::swollen() const {
  return impl_->largest_sent > kSendBufferKept;
}

PgResult<PgRows> Connection::copy_start(const std::string& sql, Deadline deadline, std::string_view attempt) {
  if (broken()) return fail(impl_->lost(attempt));
  if (auto begun = impl_->begin(sql, attempt); !begun) return fail(std::move(begun).error());
  if (auto flushed = impl_->flush(deadline, attempt); !flushed) return fail(std::move(flushed).error());
  PgRows rows;  // of the last statement before COPY
  std::uint64_t bytes = 0;
  bool open = false;
  for (;;) {
    auto result = impl_->next_result(deadline, attempt);
    if (!result) return fail(std::move(result).error());
    const ExecStatusType status = PQresultStatus(result->get());
    if (status == PGRES_COPY_IN) return rows;
    if (is_error(status)) return fail(impl_->refused_and_drained(result->get(), deadline, attempt));
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_SINGLE_TUPLE) break;
    if (!open) {
      rows = {};
      bytes = 0;
    }
    open = status == PGRES_SINGLE_TUPLE;
    bytes += add_rows(result->get(), rows);
    if (bytes > kAnswerBytesMax) return fail(impl_->too_long(attempt));
  }
  mark_broken();
  return fail(PgError{.error_class = ErrorClass::kSetup,
                      .text = std::string(attempt) + ": the statement is not a COPY FROM STDIN",
                      .connection_lost = true});
}

PgResult<void> Connection::copy_data(std::string_view bytes, Deadline deadline) {
  constexpr std::string_view attempt = "sending rows with COPY";
  if (broken()) return fail(impl_->lost(attempt));
  for (;;) {
    const int queued = PQputCopyData(impl_->connection.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (queued < 0) return fail(impl_->lost(attempt));
    // libpq's buffer grows without a limit, so each piece is sent before the next one is taken.
    if (auto flushed = impl_->flush(deadline, attempt); !flushed || queued == 1) return flushed;
  }
}

PgResult<std::uint64_t> Connection::copy_end(Deadline deadline) {
  constexpr std::string_view attempt = "copying rows";
  if (broken()) return fail(impl_->lost(attempt));
  for (;;) {
    const int queued = PQputCopyEnd(impl_->connection.get(), nullptr);
    if (queued < 0) return fail(impl_->lost(attempt));
    if (auto flushed = impl_->flush(deadline, attempt); !flushed) return fail(std::move(flushed).error());
    if (queued == 1) break;
  }
  auto result = impl_->next_result(deadline, attempt);
  if (!result) return fail(std::move(result).error());
  if (*result == nullptr) return fail(impl_->lost(attempt));
  if (is_error(PQresultStatus(result->get()))) {
    return fail(impl_->refused_and_drained(result->get(), deadline, attempt));
  }
  const std::string_view count = PQcmdTuples(result->get());
  std::uint64_t rows = 0;
  std::from_chars(count.data(), count.data() + count.size(), rows);
  if (auto drained = impl_->drain(deadline, attempt); !drained) return fail(std::move(drained).error());
  return rows;
}

std::string Connection::quote_literal(std::string_view text) const {
  char* quoted = PQescapeLiteral(impl_->connection.get(), text.data(), text.size());
  if (quoted == nullptr) return "NULL";  // invalid UTF-8: equal to nothing, and refused by NOT NULL columns
  std::string literal = quoted;
  PQfreemem(quoted);
  return literal;
}

bool Connection::database_is_utf8() const {
  const char* encoding = PQparameterStatus(impl_->connection.get(), "server_encoding");
  return encoding == nullptr || std::string_view(encoding) == "UTF8";
}

bool Connection::usable() const {
  return !broken() && PQtransactionStatus(impl_->connection.get()) == PQTRANS_IDLE;
}

bool Connection::broken() const {
  return impl_->broken || PQstatus(impl_->connection.get()) != CONNECTION_OK;
}

void Connection::mark_broken() {
  impl_->broken = true;
}

std::chrono::steady_clock::time_point Connection::opened_at() const {
  return impl_->opened_at;
}

std::chrono::steady_clock::time_point Connection::answered_at() const {
  return impl_->answered_at;
}

bool Connection::silent() const {
  return wait_for_socket(PQsocket(impl_->connection.get()), POLLIN, std::chrono::steady_clock::now()) == 0;
}

}  // namespace hookspool::net

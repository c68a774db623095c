#include "tests/support/pg_listener.h"

#include <libpq-fe.h>

#include <stdexcept>

#include "tests/support/wait.h"

namespace hookspool::testing {

struct PgListener::Impl {
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection{nullptr, PQfinish};
};

PgListener::PgListener(const std::string& conninfo, const std::string& channel)
    : impl_(std::make_unique<Impl>()) {
  impl_->connection.reset(PQconnectdb(conninfo.c_str()));
  PGconn* connection = impl_->connection.get();
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(
      PQexec(connection, ("LISTEN " + channel).c_str()), PQclear);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) throw std::runtime_error(PQerrorMessage(connection));
}

PgListener::~PgListener() = default;

std::optional<std::string> PgListener::next(std::chrono::milliseconds limit) {
  std::optional<std::string> heard;
  wait_until(limit, [&] {
    PQconsumeInput(impl_->connection.get());
    const std::unique_ptr<PGnotify, void (*)(void*)> notification(PQnotifies(impl_->connection.get()),
                                                                  PQfreemem);
    if (notification) heard = notification->extra;
    return heard.has_value();
  });
  return heard;
}

}  // namespace hookspool::testing

#include "tests/bench/flask_service.h"

#include "tests/support/free_port.h"

namespace hookspool::bench {
namespace {

constexpr const char* kTable =
    "CREATE TABLE IF NOT EXISTS webhooks (id bigserial PRIMARY KEY, received_at timestamptz NOT NULL DEFAULT "
    "now(),"
    " source text NOT NULL, remote_addr inet, content_type text, headers jsonb, payload jsonb NOT NULL)";

}  // namespace

std::unique_ptr<Server> start_flask(const testing::PgCluster& postgres) {
  testing::pg_query(postgres.conninfo(), kTable);
  const int port = testing::free_port();
  testing::ProcessOptions options{
      .argv = {"gunicorn", "--workers", "3", "--worker-class", "gthread", "--threads", "8", "--keep-alive",
               "75", "--log-level", "warning", "--bind", "127.0.0.1:" + std::to_string(port), "--chdir",
               HOOKSPOOL_FLASK_FOLDER, "app:app"},
      .env = {{"BENCH_CONNINFO", postgres.conninfo()}, {"PYTHONDONTWRITEBYTECODE", "1"}}};
  return std::make_unique<Server>(options, port);
}

}  // namespace hookspool::bench

#include "tests/bench/bare_postgres.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace hookspool::bench {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;

}  // namespace

BarePostgres::BarePostgres(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK)
    throw std::runtime_error(PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
}

BarePostgres::Answer BarePostgres::expect(PGresult* result, ExecStatusType status,
                                          const std::string& attempted) const {
  Answer answer(result);
  if (PQresultStatus(answer.get()) == status) return answer;
  throw std::runtime_error(attempted + ": " + PQerrorMessage(connection_.get()));
}

void BarePostgres::execute(const std::string& sql) {
  const Answer answer(PQexec(connection_.get(), sql.c_str()));
  const auto status = PQresultStatus(answer.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error(sql + ": " + PQerrorMessage(connection_.get()));
}

bool BarePostgres::has_row(const std::string& sql, const std::string& parameter) {
  if (prepared_ != sql) {
    expect(PQprepare(connection_.get(), "", sql.c_str(), 1, nullptr), PGRES_COMMAND_OK, sql);
    prepared_ = sql;
  }
  const char* values[] = {parameter.c_str()};
  const Answer answer =
      expect(PQexecPrepared(connection_.get(), "", 1, values, nullptr, nullptr, 0), PGRES_TUPLES_OK, sql);
  return PQntuples(answer.get()) > 0;
}

std::uint64_t BarePostgres::finish_copy(const std::string& attempted) const {
  const Answer answer = expect(PQgetResult(connection_.get()), PGRES_COMMAND_OK, attempted);
  while (PGresult* rest = PQgetResult(connection_.get())) PQclear(rest);
  return std::strtoull(PQcmdTuples(answer.get()), nullptr, 10);
}

std::uint64_t BarePostgres::copy_out(const std::string& sql, const std::filesystem::path& file) {
  expect(PQexec(connection_.get(), sql.c_str()), PGRES_COPY_OUT, sql);
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  char* piece = nullptr;
  for (int bytes = 0; (bytes = PQgetCopyData(connection_.get(), &piece, 0)) > 0;) {
    out.write(piece, bytes);
    PQfreemem(piece);
  }
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
  return finish_copy(sql);
}

std::uint64_t BarePostgres::copy_in(const std::string& sql, const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  expect(PQexec(connection_.get(), sql.c_str()), PGRES_COPY_IN, sql);
  std::vector<char> piece(kPieceBytes);
  for (;;) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (in.gcount() == 0) break;
    if (PQputCopyData(connection_.get(), piece.data(), static_cast<int>(in.gcount())) != 1)
      throw std::runtime_error(sql + ": " + PQerrorMessage(connection_.get()));
  }
  if (PQputCopyEnd(connection_.get(), nullptr) != 1)
    throw std::runtime_error(sql + ": " + PQerrorMessage(connection_.get()));
  return finish_copy(sql);
}

}  // namespace hookspool::bench

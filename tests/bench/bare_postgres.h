// The peers of the delivery: what one libpq connection can do by itself, over the same TLS. Not thread-safe. Throws
// std::runtime_error with PostgreSQL's words.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace hookspool::bench {

class BarePostgres {
 public:
  explicit BarePostgres(const std::string& conninfo);

  void execute(const std::string& sql);
  // The first value, or nothing where no row came. `parameter` is $1; prepared once.
  bool has_row(const std::string& sql, const std::string& parameter);

  // COPY ... TO STDOUT into a file, and such a file back by COPY ... FROM STDIN, in pieces of 64 KiB; rows counted.
  std::uint64_t copy_out(const std::string& sql, const std::filesystem::path& file);
  std::uint64_t copy_in(const std::string& sql, const std::filesystem::path& file);

 private:
  struct Closer {
    void operator()(PGconn* connection) const { PQfinish(connection); }
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using Answer = std::unique_ptr<PGresult, Closer>;
  Answer expect(PGresult* result, ExecStatusType status, const std::string& attempted) const;
  std::uint64_t finish_copy(const std::string& attempted) const;

  std::unique_ptr<PGconn, Closer> connection_;
  std::string prepared_;
};

}  // namespace hookspool::bench

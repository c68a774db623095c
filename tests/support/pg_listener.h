// LISTEN on one channel, over a connection of its own. Not thread-safe. Throws std::runtime_error.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace hookspool::testing {

class PgListener {
 public:
  PgListener(const std::string& conninfo, const std::string& channel);
  ~PgListener();
  PgListener(const PgListener&) = delete;
  PgListener& operator=(const PgListener&) = delete;

  // The next notification's payload; nullopt if none comes within `limit`.
  std::optional<std::string> next(std::chrono::milliseconds limit);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hookspool::testing

// One worker of an application: takes rows by consume(), writes down each in the table `done` of the same transaction, and
// goes on until it is killed. By chance it rolls back, has an event fail, or takes long. Arguments: conninfo, seed.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

#include "net/pg/link/connection.h"

namespace {

using namespace hookspool::net;
using namespace std::chrono_literals;

constexpr auto kPoll = 10ms;

class Worker {
 public:
  Worker(Connection& connection, unsigned seed) : connection_(connection), random_(seed) {}

  // One transaction; false: the connection is of no use any more.
  bool step() {
    constexpr int kBatches[] = {1, 10, 100};
    const auto rows = ask("BEGIN; SELECT id, feed, arrival FROM hookspool.consume('torture', " +
                          std::to_string(kBatches[random_() % 3]) + ")");
    if (!rows) return recover();
    if (rows->rows.empty()) {
      if (!ask("COMMIT")) return recover();
      std::this_thread::sleep_for(kPoll);
      return true;
    }
    const std::size_t fails_at = chance(3) ? random_() % rows->rows.size() : rows->rows.size();
    if (chance(20)) std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 30));
    if (!note(rows->rows, fails_at)) return recover();
    if (chance(5)) return ask("ROLLBACK").ok() || recover();
    if (fails_at < rows->rows.size()) {
      const std::string id = *rows->rows[fails_at][0];
      if (!ask("SELECT hookspool.failed('torture', '" + id + "', 'by chance')")) return recover();
    }
    return ask("COMMIT").ok() || recover();
  }

 private:
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  PgResult<PgRows> ask(const std::string& sql) {
    return connection_.query(sql, std::chrono::steady_clock::now() + 20s);
  }
  bool note(const std::vector<std::vector<std::optional<std::string>>>& rows, std::size_t count) {
    std::string values;
    for (std::size_t i = 0; i < count; ++i) {
      values += (i == 0 ? "('" : ", ('") + *rows[i][0] + "', " + *rows[i][1] + ", " + *rows[i][2] + ")";
    }
    return count == 0 || ask("INSERT INTO public.done (id, feed, arrival) VALUES " + values).ok();
  }
  bool recover() {
    if (connection_.broken()) return false;
    return ask("ROLLBACK").ok();
  }

  Connection& connection_;
  std::mt19937 random_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  PgOptions options;
  options.conninfo = argv[1];
  options.application_name = "torture-worker";
  for (unsigned seed = static_cast<unsigned>(std::atoi(argv[2]));; ++seed) {
    auto connection = Connection::connect(options);
    if (!connection) {
      std::this_thread::sleep_for(50ms);
      continue;
    }
    Worker worker(**connection, seed);
    while (worker.step()) {
    }
  }
}

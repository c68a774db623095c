#include "tests/bench/rig.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "tests/integration/system/raw_client.h"
#include "tests/support/free_port.h"
#include "tests/support/wait.h"

namespace hookspool::bench {
namespace {

using testing::Outcome;

constexpr std::chrono::seconds kStartLimit{30};
constexpr std::chrono::seconds kEndLimit{5};

bool answers(int port) {
  testing::RawClient client(port);
  client.send(testing::get_request("/readyz"));
  return client.receive(std::chrono::seconds(2)).outcome == Outcome::kOk;
}

}  // namespace

Sizes Sizes::quick_look() {
  Sizes sizes;
  sizes.quick = true;
  sizes.rounds = 2;
  sizes.round = std::chrono::seconds(2);
  sizes.warm_up = std::chrono::seconds(1);
  sizes.sustained = std::chrono::seconds(10);
  sizes.mark = std::chrono::seconds(2);
  sizes.probe = std::chrono::seconds(4);
  sizes.drain_rounds = 1;
  sizes.drain_events = 100'000;
  sizes.waiting_events = 200'000;
  sizes.waiting_drain = std::chrono::seconds(10);
  sizes.single_events = 40;
  sizes.idle = std::chrono::seconds(8);
  sizes.starts = 1;
  return sizes;
}

Server::Server(const testing::ProcessOptions& options, int port) : port_(port), process_(options) {
  const bool ready =
      testing::wait_until(kStartLimit, [&] { return !process_.running() || answers(port_); }) &&
      process_.running();
  if (!ready)
    throw std::runtime_error(options.argv.front() + " does not answer on port " + std::to_string(port_));
}

Server::~Server() {
  process_.signal(SIGTERM);
  process_.wait(kEndLimit);
}

std::unique_ptr<Server> start_empty_handler() {
  const int port = testing::free_port();
  return std::make_unique<Server>(
      testing::ProcessOptions{.argv = {HOOKSPOOL_EMPTY_HANDLER, std::to_string(port)}}, port);
}

std::unique_ptr<testing::PgCluster> start_postgres() {
  testing::PgClusterOptions options;
  options.fsync = true;
  options.config = {"shared_buffers = '256MB'", "max_wal_size = '4GB'"};
  return std::make_unique<testing::PgCluster>(options);
}

std::string agent_binary() {
  const char* const named = std::getenv("HOOKSPOOL_AGENT");
  return named != nullptr ? named : HOOKSPOOL_BINARY;
}

testing::AgentOptions agent_options(const AgentSetup& setup) {
  testing::AgentOptions options;
  options.binary = agent_binary();
  options.conninfo = setup.conninfo;
  options.agent_id = setup.agent_id;
  options.journal = setup.journal;
  options.more_journal = "max_bytes = \"1TiB\"\nmin_free_bytes = \"64MiB\"\n" + setup.more_journal;
  return options;
}

std::map<std::string, double> processor_seconds(pid_t pid) {
  std::map<std::string, double> seconds;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    double ns = 0;
    if (std::ifstream(task.path() / "schedstat") >> ns) seconds[name] += ns / 1e9;
  }
  if (seconds.empty()) throw std::runtime_error("the kernel keeps no schedstat");
  return seconds;
}

void make_cold(const std::filesystem::path& journal) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(journal)) {
    if (!entry.is_regular_file()) continue;
    const int fd = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    ::fsync(fd);  // only what is on the disk can be dropped
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::close(fd);
  }
}

std::uint64_t status_bytes(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stoull(line.substr(field.size() + 1)) * 1024;
  }
  throw std::runtime_error("no " + field + " of process " + std::to_string(pid));
}

void say(const std::string& text) {
  std::fprintf(stderr, "bench: %s\n", text.c_str());
}

}  // namespace hookspool::bench

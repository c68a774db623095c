// The process around the journal: signalled to end twice, killed again and again, out of descriptors, with a log that
// no process reads.
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tests/integration/disk/fixture.h"

namespace hookspool::testing {
namespace {

using std::chrono::seconds;
using AgentLife = FaultyDisk;

// Until not one more byte fits.
void fill_pipe(int pipe) {
  while (write(pipe, "x", 1) == 1) {
  }
  ASSERT_EQ(errno, EAGAIN);
}

TEST_F(AgentLife, ASecondSigtermEndsItAtOnceAndLosesNothing) {
  AgentProcess& agent = start();
  Load& load = post();
  {
    // A delivery that waits keeps the first SIGTERM from coming to its end.
    const std::unique_ptr<PGconn, void (*)(PGconn*)> session(
        PQconnectdb(postgres_.superuser_conninfo().c_str()), PQfinish);
    PQclear(PQexec(session.get(), "BEGIN; LOCK TABLE hookspool.events"));
    EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
    ::kill(agent.pid(), SIGTERM);
    EXPECT_TRUE(wait_until(seconds(20), [&] { return agent.log().find("stopping") != std::string::npos; }));
    EXPECT_TRUE(agent.running());
    ::kill(agent.pid(), SIGTERM);
    const auto end = agent.wait_end(seconds(20));
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->signal, SIGTERM) << "the first one had already ended it: code " << end->code;
  }
  agent.start();
  EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  expect_all_kept();
}

// Nothing that a start waits for keeps it from ending at a signal: here a file that does not answer.
TEST_F(AgentLife, SigtermWhileItStartsEndsIt) {
  AgentProcess& agent = start();
  ASSERT_EQ(agent.terminate().code, 0);
  ASSERT_EQ(mkfifo((agent.journal() / "dedupe" / "log-999999").c_str(), 0600), 0);
  const std::string before = agent.log();
  agent.launch();
  EXPECT_TRUE(wait_until(seconds(20), [&] {
    return agent.log().find("events waiting", before.size()) != std::string::npos;
  })) << agent.log();
  const ExitStatus end = agent.terminate();
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.signal, 0);
}

// A server that takes the connection and never says a word.
TEST_F(AgentLife, SigtermWhileItConnectsToPostgresEndsIt) {
  const int silent = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(silent, reinterpret_cast<const sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(silent, 16), 0);
  ASSERT_EQ(::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &length), 0);
  AgentProcess& agent = start(nullptr, "", [&](AgentOptions& options) {
    options.conninfo =
        "host=127.0.0.1 dbname=x sslmode=disable port=" + std::to_string(ntohs(address.sin_port));
  });
  EXPECT_TRUE(wait_until(seconds(20), [&] {
    pollfd connection{silent, POLLIN, 0};
    return ::poll(&connection, 1, 0) == 1;
  })) << "it does not connect";
  EXPECT_EQ(agent.terminate().code, 0);
  ::close(silent);
}

// A reload whose files do not answer: the agent stops all the same.
TEST_F(AgentLife, SigtermWhileAReloadWaitsForItsFilesEndsIt) {
  AgentProcess& agent = start();
  Load& load = post();
  {
    const Injector fault(agent.pid(), {.thread = "reload", .faults = {"openat:delay_enter=600000000"}});
    ::kill(agent.pid(), SIGHUP);
    fault.wait_delayed();
    ::kill(agent.pid(), SIGTERM);
    EXPECT_TRUE(wait_until(seconds(30), [&] { return agent.log().find("stopped:") != std::string::npos; }))
        << agent.log();
  }  // a traced thread is reaped by its tracer, and the process ends with its last thread
  const auto end = agent.wait_end(seconds(20));
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->code, 0);
  EXPECT_EQ(end->signal, 0);
  agent.start();
  EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  expect_all_kept();
}

TEST_F(AgentLife, KilledAsSoonAsItServesItGetsOnInEveryLife) {
  AgentProcess& agent = start();
  Load& load = post();
  constexpr int kLives = 20;
  for (int life = 0; life < kLives; ++life) {
    agent.kill();
    agent.start();
    EXPECT_TRUE(load.wait_acknowledged(1)) << "no progress in life " << life;
  }
  expect_all_kept();
  // One epoch a life is remembered by PostgreSQL, and only where it took something; the journal forgets.
  const int sources = std::stoi(postgres_.value("SELECT count(DISTINCT source) FROM hookspool.events"));
  EXPECT_LE(std::stoi(postgres_.value("SELECT count(*) FROM hookspool.watermarks")), sources * (kLives + 1));
  EXPECT_TRUE(wait_until(seconds(30), [&] { return agent.health_number("/journal/segments") <= 2; }))
      << agent.health();
}

TEST_F(AgentLife, OutOfDescriptorsItLivesAndRecovers) {
  AgentProcess& agent = start(nullptr, "max_bytes = \"32MiB\"\n");  // a new segment each MiB
  Load& load = post();
  const std::string pid = std::to_string(agent.pid());
  const auto open_files = std::distance(std::filesystem::directory_iterator("/proc/" + pid + "/fd"), {});
  as_root({"prlimit", "--pid", pid, "--nofile=" + std::to_string(open_files) + ":16384"});
  postgres_.restart(StopMode::kImmediate);  // new connections are needed as well
  std::vector<RawClient> crowd;
  for (int i = 0; i < 50; ++i) crowd.emplace_back(agent.intake_port()).send(get_request("/livez"));
  // Who has to go without is not settled: the senders, PostgreSQL's line, or the index of deliveries.
  EXPECT_TRUE(wait_until(seconds(60), [&] {
    return load.counts().fail > 0 || agent.log().find("Too many open files") != std::string::npos;
  })) << "it was not noticed that there were no descriptors";
  EXPECT_TRUE(agent.running()) << agent.log();
  as_root({"prlimit", "--pid", pid, "--nofile=16384:16384"});
  crowd.clear();
  EXPECT_TRUE(wait_ready(true)) << "it does not recover without help";
  EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  expect_all_kept();
}

TEST_F(AgentLife, ALogThatNobodyReadsHoldsUpNothing) {
  const TempFolder folder("hookspool-log");
  const std::filesystem::path pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const int reader = open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  AgentProcess& agent = start(nullptr, "", [&](AgentOptions& options) {
    options.under = {"sh", "-c", "exec \"$@\" 2>" + pipe.string(), "sh"};
  });
  Load& load = post();
  fill_pipe(reader);
  for (int i = 0; i < 3; ++i) {  // an outage is several lines
    postgres_.restart(StopMode::kImmediate);
    EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
    agent.wait_mode("online");
  }
  EXPECT_EQ(load.counts().fail + load.counts().unknown, 0u);
  expect_all_kept();
  EXPECT_EQ(agent.terminate().code, 0) << "it does not end because of its log";
  close(reader);
}

TEST_F(AgentLife, ALogOnAFullDiskHoldsUpNothing) {
  AgentProcess& agent = start(nullptr, "", [](AgentOptions& options) {
    options.under = {"sh", "-c", "exec \"$@\" 2>/dev/full", "sh"};
  });
  Load& load = post();
  postgres_.restart(StopMode::kImmediate);
  EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  agent.wait_mode("online");
  EXPECT_EQ(load.counts().fail + load.counts().unknown, 0u);
  expect_all_kept();
  EXPECT_EQ(agent.terminate().code, 0);
}

}  // namespace
}  // namespace hookspool::testing

// The intake as an administrator meets it: restarts behind a socket that another process holds, certificates that
// change, thousands of idle connections.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>
#include <vector>

#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_folder.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A listening socket as systemd would hold it.
class HeldSocket {
 public:
  HeldSocket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (fd_ < 0 || ::bind(fd_, generic, size) != 0 || ::listen(fd_, 1024) != 0 ||
        ::getsockname(fd_, generic, &size) != 0)
      throw std::runtime_error("no listening socket");
    port_ = ntohs(address.sin_port);
  }
  HeldSocket(const HeldSocket&) = delete;
  HeldSocket& operator=(const HeldSocket&) = delete;
  ~HeldSocket() { ::close(fd_); }
  int port() const { return port_; }
  int fd() const { return fd_; }

 private:
  int fd_;
  int port_ = 0;
};

AgentOptions held_by(const HeldSocket& socket) {
  AgentOptions options = agent_options("");
  options.intake_port = socket.port();
  options.passed_fd = socket.fd();
  // The shell becomes the agent, so its own number is the one that the agent looks for.
  options.under = {"sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=intake exec \"$@\"", "sh"};
  return options;
}

TEST(Intake, IsRestartedUnderLoadWithoutARefusedConnection) {
  const HeldSocket socket;
  AgentProcess agent(held_by(socket));
  agent.start();
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> ok{0}, fail{0}, unknown{0};
  std::vector<std::jthread> senders;
  for (int i = 0; i < 8; ++i) {
    senders.emplace_back([&] {
      while (!stop) {
        RawClient client(socket.port());  // a new connection for each
        const Answer answer = client.exchange(post_request("/hooks/restart", "Connection: close\r\n", "{}"));
        (answer.outcome == Outcome::kOk ? ok : answer.outcome == Outcome::kFail ? fail : unknown) += 1;
      }
    });
  }
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t goal = ok + 100;
    ASSERT_TRUE(wait_until(seconds(60), [&] { return ok >= goal; })) << agent.log();
    EXPECT_EQ(agent.terminate(), (ExitStatus{0, 0}));
    agent.start();
  }
  const std::uint64_t goal = ok + 100;
  EXPECT_TRUE(wait_until(seconds(60), [&] { return ok >= goal; }));
  stop = true;
  senders.clear();
  std::cout << ok << " answered 200, " << fail << " refused, " << unknown << " without an answer\n";
  EXPECT_EQ(fail, 0u);
  EXPECT_EQ(unknown, 0u);
  EXPECT_EQ(agent.health_number("/journal/pending"), static_cast<long long>(ok));
}

TEST(Intake, RefusesAPassedSocketThatIsNobodys) {
  const HeldSocket socket;
  auto options = held_by(socket);
  options.intake_port = 0;
  AgentProcess agent(options);
  agent.launch();
  EXPECT_EQ(agent.wait_end(seconds(30)), (ExitStatus{78, 0}));
  EXPECT_NE(agent.log().find("127.0.0.1:" + std::to_string(socket.port())), std::string::npos) << agent.log();
  EXPECT_NE(agent.log().find("ListenStream="), std::string::npos);
}

std::string served_subject(int port) {
  const Captured captured =
      run_and_capture({.argv = {"sh", "-c",
                                "openssl s_client -connect 127.0.0.1:" + std::to_string(port) +
                                    " </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName"}});
  return captured.output;
}

TEST(Intake, TakesANewCertificateWithSighupAndKeepsTheOldOneIfItIsBad) {
  TempFolder folder("hookspool-tls");
  const auto authority = make_authority(folder.path());
  const auto first = make_certificate(authority, folder.path(), "first", "DNS:first.example");
  const auto second = make_certificate(authority, folder.path(), "second", "DNS:second.example");
  const auto certificate = folder.path() / "served.crt";
  const auto key = folder.path() / "served.key";
  const auto serve = [&](const CertificateFiles& files) {
    const auto over = std::filesystem::copy_options::overwrite_existing;
    std::filesystem::copy_file(files.certificate, certificate, over);
    std::filesystem::copy_file(files.key, key, over);
    std::filesystem::permissions(key,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  };
  serve(first);
  auto options = agent_options("");
  options.intake_tls = true;
  options.more_intake =
      "certificate_file = \"" + certificate.string() + "\"\nkey_file = \"" + key.string() + "\"";
  AgentProcess agent(options);
  agent.start();
  EXPECT_NE(served_subject(agent.intake_port()).find("first.example"), std::string::npos);
  serve(second);
  ::kill(agent.pid(), SIGHUP);
  EXPECT_TRUE(wait_until(seconds(30), [&] {
    return served_subject(agent.intake_port()).find("second.example") != std::string::npos;
  })) << agent.log();
  std::filesystem::resize_file(certificate, 100);
  ::kill(agent.pid(), SIGHUP);
  EXPECT_TRUE(wait_until(seconds(30), [&] {
    return agent.log().find("reload: refused") != std::string::npos &&
           agent.log().find("intake.certificate_file: " + certificate.string()) != std::string::npos;
  })) << agent.log();
  EXPECT_NE(served_subject(agent.intake_port()).find("second.example"), std::string::npos);
  const Captured sent = run_and_capture({.argv = {"sh", "-c",
                                                  "echo '{}' | '" + agent_binary() + "' send --config '" +
                                                      agent.config_file().string() + "' -"}});
  EXPECT_EQ(sent.status.code, 78) << "the configuration names a certificate that is none: " << sent.output;
  serve(second);
  const Captured again = run_and_capture({.argv = {"sh", "-c",
                                                   "echo '{}' | '" + agent_binary() + "' send --config '" +
                                                       agent.config_file().string() + "' -"}});
  EXPECT_EQ(again.status.code, 0) << again.output;
  EXPECT_NE(again.output.find("\"id\""), std::string::npos);
}

// What 4,000 connections that do nothing useful may cost in all, here and in the handlers' threads.
constexpr std::size_t kUselessGrowthBytesMax = 24u << 20;
constexpr int kUseless = 4000;
constexpr int kUselessLeast = 1000;
constexpr int kGoodClients = 16;
constexpr int kRequestsEach = 100;

TEST(Intake, ServesAllWhoBehaveWhileThousandsDoNot) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  AgentProcess agent(agent_options(""));
  agent.start();
  {
    RawClient warm_up(agent.intake_port());
    for (int i = 0; i < 100; ++i)
      ASSERT_EQ(warm_up.exchange(post_request("/hooks/good", "", "{}")).status, 200);
  }
  const std::size_t before = agent.resident_bytes();
  const int count = std::min(kUseless, static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 100'000)) - 200);
  ASSERT_GE(count, kUselessLeast);
  // Half say nothing, half drip a head; both stay until they are thrown out.
  std::vector<RawClient> useless;
  for (int i = 0; i < count; ++i) {
    useless.emplace_back(agent.intake_port());
    ASSERT_TRUE(useless.back().connect_only());
    if (i % 2 == 0) useless.back().write_only("POST /hooks/useless HTTP/1.1\r\nHost: a\r\nX: ");
  }
  std::atomic<int> served{0};
  std::vector<std::jthread> good;
  for (int i = 0; i < kGoodClients; ++i) {
    good.emplace_back([&] {
      RawClient client(agent.intake_port());
      for (int n = 0; n < kRequestsEach; ++n)
        served += client.exchange(post_request("/hooks/good", "", "{}")).status == 200 ? 1 : 0;
    });
  }
  for (std::size_t i = 0; i < useless.size(); i += 2) useless[i].write_only("x");
  const std::size_t during = agent.resident_bytes();
  good.clear();
  std::cout << count << " useless connections, " << served << " of " << kGoodClients * kRequestsEach
            << " requests served; resident " << before / 1024 << " KiB before, " << during / 1024
            << " KiB during\n";
  EXPECT_EQ(served, kGoodClients * kRequestsEach);
  EXPECT_LT(during, before + kUselessGrowthBytesMax);
  EXPECT_EQ(agent.health_number("/intake/connections_refused"), 0);
}

}  // namespace
}  // namespace hookspool::testing

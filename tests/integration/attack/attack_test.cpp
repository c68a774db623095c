// The running agent attacked through its intake: the right status, the connection closed, no row, memory flat,
// the others served, nothing of the attacker's in an answer or in the log.
//
// A11, A13 and A14 are in delivery_attacks_test.cpp; catalogue_test.cpp says that none is missing.
#include <sys/resource.h>

#include <algorithm>
#include <system_error>
#include <thread>

#include "tests/integration/attack/attacks.h"
#include "tests/integration/attack/hostile_client.h"
#include "tests/integration/system/fixture.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kConnectionsMax = 1000;
constexpr int kFlood = 5000;
// Arenas and buffers that fill up once. The largest attacks send 64 MiB, 5,000 connections or endless chunks.
constexpr std::size_t kGrowthBytesMax = 32u << 20;

std::string post_to(const std::string& name, const std::string& lines = {}, const std::string& body = "{}") {
  return "POST /hooks/" + name + " HTTP/1.1\r\nHost: localhost\r\n" + lines +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string hex(const std::string& bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) / 16];
    text += kDigits[static_cast<unsigned char>(c) % 16];
  }
  return text;
}

class Attacks : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    postgres_ = std::make_unique<PgCluster>();
    auto options = agent_options(postgres_->conninfo());
    options.more_intake = "request_deadline = \"1s\"\nmax_connections = " + std::to_string(kConnectionsMax);
    agent_ = std::make_unique<AgentProcess>(std::move(options));
    agent_->start();
    for (int i = 0; i < 200; ++i) expect_served();
    resident_at_first_ = agent_->resident_bytes();
  }

  // Nothing an attacker did may be seen by a client that behaves.
  static void TearDownTestSuite() {
    expect_served();
    agent_->wait_caught_up();
    const auto rows = [](const std::string& where) {
      return std::stoul(postgres_->value("SELECT count(*) FROM hookspool.events WHERE " + where));
    };
    EXPECT_EQ(rows("source = 'good'"), served_);
    EXPECT_EQ(rows("source = 'attack'"), taken_);
    EXPECT_EQ(rows("source NOT IN ('good', 'attack', 'gone')"), 0u) << "a smuggled request has a row";
    EXPECT_EQ(rows("host(remote_addr) <> '127.0.0.1'"), 0u);
    const std::size_t resident = agent_->resident_bytes();
    std::cout << checked_ << " attacks; resident " << resident_at_first_ / 1024 << " KiB at first, "
              << resident / 1024 << " KiB after all\n";
    if (!agent_may_be_sanitized()) {
      EXPECT_LT(resident, resident_at_first_ + kGrowthBytesMax);
    }
    EXPECT_GT(checked_, 0u);
    const std::string log = agent_->log();
    EXPECT_TRUE(std::all_of(log.begin(), log.end(), [](char c) {
      return c == '\n' || (c >= ' ' && c < 0x7f);
    })) << "the log holds a control character or raw bytes";
    EXPECT_EQ(log.find("smuggled"), std::string::npos);
    EXPECT_EQ(agent_->terminate(), (ExitStatus{0, 0}));
    agent_.reset();
    postgres_.reset();
  }

  static int port() { return agent_->intake_port(); }
  static long long connections() { return agent_->health_number("/intake/connections"); }

  static void expect_served() {
    HostileClient client(port());
    client.send(post_to("good"));
    const auto reply = client.read_reply();
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->status, 200) << reply->body;
    ++served_;
  }

  static void expect_refused(const Attack& attack) {
    SCOPED_TRACE(attack.name);
    HostileClient client(port());
    client.send(attack.bytes);  // the agent need not read all of it
    const auto reply = client.read_reply();
    ASSERT_TRUE(reply) << "no answer";
    EXPECT_EQ(reply->status, attack.status) << reply->body;
    EXPECT_NE(reply->head.find("\r\nConnection: close"), std::string::npos) << reply->head;
    EXPECT_EQ(reply->head.find("EXCEPTION_WHAT"), std::string::npos);
    if (!attack.then.empty()) client.send(attack.then);
    EXPECT_TRUE(client.sees_end()) << "not closed, or answered twice";
    ++checked_;
  }

  static void expect_all_refused(const std::vector<Attack>& attacks) {
    ASSERT_FALSE(attacks.empty());
    for (const Attack& attack : attacks) expect_refused(attack);
    expect_served();
    std::cout << attacks.size() << " refused\n";
  }

  // Drips `bytes` over `count` connections until each has been answered.
  static void expect_cut_off(const std::string& start, int count) {
    std::vector<HostileClient> clients;
    for (int i = 0; i < count; ++i) {
      clients.emplace_back(port());
      clients.back().send(start);
    }
    for (int round = 0; round < 30; ++round) {
      for (HostileClient& client : clients) client.send("x");
      expect_served();
      std::this_thread::sleep_for(milliseconds(50));  // the pace of the attack, not a wait for something
    }
    for (HostileClient& client : clients) {
      const auto reply = client.read_reply();
      ASSERT_TRUE(reply);
      EXPECT_EQ(reply->status, 408);
      EXPECT_TRUE(client.sees_end());
    }
    ++checked_;
  }

  static inline std::unique_ptr<PgCluster> postgres_;
  static inline std::unique_ptr<AgentProcess> agent_;
  static inline std::size_t resident_at_first_ = 0;
  static inline std::size_t served_ = 0;   // rows of source good
  static inline std::size_t taken_ = 0;    // rows of source attack
  static inline std::size_t checked_ = 0;  // attacks
};

TEST_F(Attacks, A8_Malformed) {
  ASSERT_GE(malformed_attacks().size(), 60u);
  expect_all_refused(malformed_attacks());
}

TEST_F(Attacks, A9_Smuggling) {
  expect_all_refused(smuggling_attacks());
}

TEST_F(Attacks, A5_A6_A7_A10_A20_Limits) {
  expect_all_refused(limit_attacks());
}

TEST_F(Attacks, PublishedFaultsOfTheLibrary) {
  expect_all_refused(published_attacks());
}

TEST_F(Attacks, A12_A19_OddRequestsAreStoredAsTheyCame) {
  std::vector<std::string> bodies;
  for (const Attack& odd : odd_requests()) {
    SCOPED_TRACE(odd.name);
    HostileClient client(port());
    client.send(odd.bytes);
    const auto reply = client.read_reply();
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->status, odd.status) << reply->body;
    ++taken_;
    ++checked_;
    for (const char* trace : {"evil", "Evil", "Set-Cookie", "X-Injected", "203.0.113.66", "EXCEPTION_WHAT"})
      EXPECT_EQ((reply->head + reply->body).find(trace), std::string::npos) << trace;
    const bool raw = odd.name.starts_with("A12") || odd.name.starts_with("A19");
    const std::string body = odd.bytes.substr(odd.bytes.find("\r\n\r\n") + 4);
    if (raw && !body.empty()) bodies.push_back(body);
  }
  agent_->wait_caught_up();
  for (const std::string& body : bodies) {
    EXPECT_NE(postgres_->value("SELECT count(*) FROM hookspool.events WHERE source = 'attack' AND body = "
                               "decode('" +
                               hex(body) + "', 'hex')"),
              "0")
        << body.substr(0, 100);
  }
}

TEST_F(Attacks, A1_SlowHeads) {
  expect_cut_off("POST /hooks/attack HTTP/1.1\r\nX: ", 200);
}

TEST_F(Attacks, A2_SlowBodies) {
  expect_cut_off("POST /hooks/attack HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", 200);
  expect_cut_off(
      "POST /hooks/attack HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n", 200);
}

TEST_F(Attacks, A3_SilentConnections) {
  std::vector<HostileClient> silent;
  for (int i = 0; i < 500; ++i) silent.emplace_back(port());
  for (int i = 0; i < 20; ++i) expect_served();
  // The last answer may be read a moment before its handler has ended.
  EXPECT_TRUE(wait_until(seconds(60), [] { return agent_->health_number("/intake/in_handler") == 0; }));
  ++checked_;
}

// Gone silently: the answer is written, the client never closes. Their descriptors come back all the same.
TEST_F(Attacks, A4_HalfOpenConnections) {
  std::vector<HostileClient> gone;
  for (int i = 0; i < 100; ++i) {
    gone.emplace_back(port());
    gone.back().send(post_to("attack", "Connection: close\r\n"));
  }
  taken_ += gone.size();
  EXPECT_TRUE(wait_until(seconds(60), [] { return connections() <= 1; })) << connections();
  ++checked_;
}

// Far more connections than there are places: no client that behaves is kept out, and it is over when it is over.
TEST_F(Attacks, A15_ConnectionFlood) {
  std::vector<HostileClient> flood;
  for (int i = 0; i < kFlood; ++i) {
    try {
      flood.emplace_back(port());
    } catch (const std::system_error&) {
      break;  // this test's own limit of descriptors
    }
    if (i % 2 == 0) flood.back().send("POST /hooks/attack HT");
  }
  std::cout << flood.size() << " connections over " << kConnectionsMax << " places\n";
  ASSERT_GT(flood.size(), kConnectionsMax);
  // One may be answered 503 while all connections are new.
  EXPECT_TRUE(wait_until(seconds(30), [] {
    HostileClient client(port());
    client.send(post_to("good"));
    const auto reply = client.read_reply();
    served_ += reply && reply->status == 200 ? 1u : 0u;
    return reply && reply->status == 200;
  }));
  EXPECT_LE(connections(), static_cast<long long>(kConnectionsMax) + 100);
  EXPECT_TRUE(agent_->running());
  flood.clear();
  EXPECT_TRUE(wait_until(seconds(60), [] { return connections() <= 1; })) << connections();
  for (int i = 0; i < 20; ++i) expect_served();
  ++checked_;
}

// What was sent may be stored or not: once at most.
TEST_F(Attacks, A16_GoneBeforeTheAnswer) {
  for (int i = 0; i < 50; ++i) {
    HostileClient client(port());
    client.send(post_to("gone"));
    client.reset();
  }
  expect_served();
  agent_->wait_caught_up();
  EXPECT_LE(std::stoul(postgres_->value("SELECT count(*) FROM hookspool.events WHERE source = 'gone'")), 50u);
  ++checked_;
}

TEST_F(Attacks, A17_HalfClosedClientsAreAnswered) {
  HostileClient client(port());
  client.send(post_to("attack"));
  client.end_sending();
  const auto reply = client.read_reply();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  ++taken_;
  EXPECT_TRUE(client.sees_end());
  ++checked_;
}

TEST_F(Attacks, A18_PipelinedRequestsAreAllAnsweredInOrder) {
  HostileClient client(port());
  client.send(post_to("attack") + "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" + post_to("attack") +
              "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n");
  for (const int status : {200, 200, 200, 404}) {
    const auto reply = client.read_reply();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, status);
  }
  taken_ += 2;
  ++checked_;
}

// accept() finds no descriptor: who is there is served, who comes is answered 503, and it goes on after.
TEST_F(Attacks, A21_NoDescriptorForAConnection) {
  HostileClient there(port());
  there.send(post_to("good"));
  ASSERT_TRUE(there.read_reply());
  ++served_;
  rlimit old{};
  ASSERT_EQ(::prlimit(agent_->pid(), RLIMIT_NOFILE, nullptr, &old), 0);
  const rlimit low{1, old.rlim_max};
  ASSERT_EQ(::prlimit(agent_->pid(), RLIMIT_NOFILE, &low, nullptr), 0);
  std::vector<HostileClient> late;
  for (int i = 0; i < 20; ++i) late.emplace_back(port());
  ASSERT_EQ(::prlimit(agent_->pid(), RLIMIT_NOFILE, &old, nullptr), 0);
  late.clear();
  EXPECT_TRUE(wait_until(seconds(30), [] {
    HostileClient client(port());
    client.send(post_to("good"));
    const auto reply = client.read_reply();
    served_ += reply && reply->status == 200 ? 1u : 0u;
    return reply && reply->status == 200;
  }));
  ++checked_;
}

}  // namespace
}  // namespace hookspool::testing

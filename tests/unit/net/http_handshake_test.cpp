// What a TLS handshake may cost: nothing before it is whole, a budget of time afterwards, and its memory counts.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/socket.h>

#include <atomic>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "net/http/handshakes.h"
#include "net/http/server.h"
#include "net/http/tls_hello.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_folder.h"
#include "tests/support/wait.h"
#include "tests/unit/net/http_fixture.h"
#include "tests/unit/net/http_raw_client.h"
#include "tests/unit/net/tls_client.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::client_hello;
using testing::post;
using testing::RawClient;
using testing::serve;
using testing::TlsClient;
using testing::wait_until;

std::string record(const std::string& content, char type = 22) {
  return std::string{type, 3, 1, static_cast<char>(content.size() >> 8), static_cast<char>(content.size())} +
         content;
}

std::string message(char type, std::size_t announced, std::size_t bytes) {
  return std::string{type, static_cast<char>(announced >> 16), static_cast<char>(announced >> 8),
                     static_cast<char>(announced)} +
         std::string(bytes, 'x');
}

TEST(TlsHello, IsWholeOrNotYetOrNone) {
  const std::string hello = client_hello();
  EXPECT_EQ(judge_hello(hello), Hello::kWhole);
  EXPECT_EQ(judge_hello(hello + "more"), Hello::kWhole);
  for (std::size_t cut = 0; cut < hello.size(); ++cut)
    ASSERT_EQ(judge_hello(hello.substr(0, cut)), Hello::kMore) << cut;
  // In several records.
  EXPECT_EQ(judge_hello(record(message(1, 300, 100)) + record(std::string(200, 'x'))), Hello::kWhole);
  EXPECT_EQ(judge_hello(record(message(1, 300, 100)) + record(std::string(199, 'x'))), Hello::kMore);
  EXPECT_EQ(judge_hello(record(message(1, kHelloBytesMax, 100))), Hello::kMore);
  EXPECT_EQ(judge_hello("POST / HTTP/1.1"), Hello::kPlain);
  using std::string_literals::operator""s;
  for (const std::string& bytes :
       {"\x16\x03\x01\x00\x04\x01\x02\x01\x44"s, record(message(1, kHelloBytesMax + 1, 0)),
        record(message(2, 10, 10)), record(message(1, 300, 100)) + record("x", 23),
        "\x16\x03\x01\x00\x02\x01"s, "\x16\x03\x01\xff\xff"s, "\x80\x2e"s, "\x16\x05"s, std::string(10, '\0'),
        "junk"s})
    EXPECT_EQ(judge_hello(bytes), Hello::kBad) << bytes.size();
}

// After a HelloRetryRequest the second ClientHello goes straight to OpenSSL.
TEST(TlsHello, ASecondOneIsWatched) {
  for (const std::string& between : {std::string(), record("\x01", 20)}) {
    RecordWatch watch;
    EXPECT_TRUE(watch.take(record(message(1, 300, 300)) + between));
    EXPECT_FALSE(watch.in_record());
    EXPECT_FALSE(watch.take(record(message(1, 128 * 1024, 100))));
  }
  // In TLS 1.2 a ClientKeyExchange comes second, and what comes then is encrypted: it means nothing here.
  RecordWatch watch;
  EXPECT_TRUE(watch.take(record(message(1, 300, 300)) + record(message(16, 33, 33)) + record("\x01", 20)));
  EXPECT_TRUE(watch.take(record(message(1, 128 * 1024, 100))));
  EXPECT_TRUE(watch.take(record(std::string(100, 'x'), 23).substr(0, 50)));
  EXPECT_TRUE(watch.in_record());
}

TEST(HandshakeBudget, OneAddressWaitsAndTheOthersDoNot) {
  HandshakeBudget budget;
  const auto greedy = IpAddress::parse("192.0.2.1");
  const auto other = IpAddress::parse("192.0.2.2");
  const Clock::time_point now{seconds(1000)};
  int at_once = 0, later = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto turn = budget.reserve(greedy, now, seconds(5));
    if (!turn) break;
    (*turn == now ? at_once : later) += 1;
    EXPECT_LE(*turn, now + seconds(5));
  }
  // Of 1 ms each: the burst, and five seconds of its share.
  EXPECT_NEAR(at_once, 200, 2);
  EXPECT_NEAR(later, 500, 2);
  EXPECT_EQ(budget.reserve(other, now, seconds(5)), now);
  EXPECT_EQ(budget.reserve(std::nullopt, now, seconds(5)), now);
  EXPECT_EQ(budget.reserve(greedy, now + seconds(60), seconds(5)), now + seconds(60)) << "earned again";
}

TEST(HandshakeBudget, AllOfThemHaveOneToo) {
  HandshakeBudget budget;
  const Clock::time_point now{seconds(1000)};
  EXPECT_LE(budget.next(), now);
  for (int i = 0; i < 20; ++i) budget.charge(std::nullopt, now, milliseconds(50), true);
  EXPECT_GT(budget.next(), now);
  EXPECT_LE(budget.next(), now + seconds(1))
      << "a second of work, half of it beyond the burst, at half of the time";
}

TEST(HandshakeBudget, RemembersNoAddressForEver) {
  HandshakeBudget budget;
  Clock::time_point now{seconds(1000)};
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    EXPECT_TRUE(budget.reserve(IpAddress::parse(text), now, seconds(5)));
    now += milliseconds(5);
  }
  EXPECT_LE(budget.addresses(), 2048u);
}

class HttpHandshake : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto authority = testing::make_authority(folder_.path());
    const auto files = testing::make_certificate(authority, folder_.path(), "server", "DNS:localhost");
    options_.tls = {files.certificate.string(), files.key.string()};
    options_.without_address_limit = Networks();
  }
  testing::TempFolder folder_{"hookspool-http-handshake"};
  HttpOptions options_;
};

// Nine bytes that announce 128 KiB, and a ClientHello that never ends: neither costs more than a connection does.
TEST_F(HttpHandshake, WhatIsAnnouncedTakesNoMemory) {
  constexpr int kClients = 300;
  constexpr std::size_t kBytesEach = 4 * 1024;
  options_.handshake_deadline = seconds(600);
  auto server = serve(testing::echo, options_);
  RawClient nine(server->port());
  nine.send(std::string("\x16\x03\x01\x00\x04\x01\x02\x01\x44", 9));
  EXPECT_TRUE(nine.sees_end());
  const auto in_use = [] { return ::mallinfo2().uordblks + ::mallinfo2().hblkhd; };
  const std::size_t before = in_use();
  std::vector<RawClient> clients;
  for (int i = 0; i < kClients; ++i)
    clients.emplace_back(server->port()).send(record(message(1, kHelloBytesMax, 16'380)));
  ASSERT_TRUE(wait_until(seconds(20), [&] { return server->stats().connections >= kClients; }));
  TlsClient good(server->port());
  ASSERT_TRUE(good.handshake());  // after them, so all of theirs was looked at
  EXPECT_LT(in_use() - before, kClients * kBytesEach);
}

// A handshake that has begun, and stands still: within what is counted for it.
TEST_F(HttpHandshake, CostsNoMoreThanIsCounted) {
  constexpr std::size_t kClients = 200;
  constexpr std::size_t kCounted = 64 * 1024;
  options_.handshake_deadline = seconds(600);
  auto server = serve(testing::echo, options_);
  const std::string hello = client_hello();
  const auto in_use = [] { return ::mallinfo2().uordblks + ::mallinfo2().hblkhd; };
  const std::size_t before = in_use();
  std::vector<RawClient> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.emplace_back(server->port()).send(hello);
    char first = 0;
    ASSERT_EQ(::recv(clients.back().fd(), &first, 1, MSG_PEEK), 1) << "the server's answer";
  }
  const std::size_t each = (in_use() - before) / kClients;
  std::cout << "a handshake that has begun: " << each << " bytes\n";
  EXPECT_LT(each, kCounted);
}

// A recorded ClientHello costs its sender nothing to repeat. The others are served meanwhile.
TEST_F(HttpHandshake, RepliesToReplayedHellosHaveABudget) {
  auto server = serve(testing::echo, options_);
  std::atomic<bool> stop{false};
  std::vector<std::jthread> attackers;
  for (int i = 0; i < 4; ++i) {
    attackers.emplace_back([&] {
      const std::string hello = client_hello();
      while (!stop) RawClient(server->port()).send(hello);  // does not wait for the answer
    });
  }
  // More than its share can be worth waiting for: the rest is turned away.
  EXPECT_TRUE(wait_until(seconds(60), [&] { return server->stats().connections_refused > 100; }));
  for (int i = 0; i < 20; ++i) {
    TlsClient genuine(server->port(), {.source = "127.0.0.2"});
    ASSERT_TRUE(genuine.handshake()) << i;
    ASSERT_TRUE(genuine.send(post("x")));
    ASSERT_TRUE(genuine.read_answer().ends_with("x"));
  }
  stop = true;
}

// Stalled handshakes have their number, and the one that stands still for longest goes.
TEST_F(HttpHandshake, StalledOnesLeaveForOthers) {
  options_.handshake_deadline = seconds(600);
  options_.bytes_in_flight_max = 2u << 20;  // 32 of 64 KiB
  options_.without_address_limit = Networks::loopback();
  auto server = serve(testing::echo, options_);
  const std::string hello = client_hello();
  std::vector<RawClient> stalled;
  for (int i = 0; i < 30; ++i) stalled.emplace_back(server->port()).send(hello);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(wait_until(seconds(20), [&] {
      TlsClient genuine(server->port());
      return genuine.handshake() && genuine.send(post("x")) && genuine.read_answer().ends_with("x");
    }));
    stalled.emplace_back(server->port()).send(hello);
  }
  EXPECT_GT(server->stats().connections_evicted, 0u);
}

}  // namespace
}  // namespace hookspool::net

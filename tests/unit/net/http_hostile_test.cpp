// The server under clients that are slow, silent, greedy, broken or malicious.
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "net/http/server.h"
#include "tests/support/wait.h"
#include "tests/unit/net/http_fixture.h"
#include "tests/unit/net/http_raw_client.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::echo;
using testing::post;
using testing::RawAnswer;
using testing::RawClient;
using testing::serve;
using testing::wait_until;

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* const folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

// Sends the bytes; the server must refuse with `status`, say so in one line of JSON, and close.
void expect_refusal(const HttpServer& server, const std::string& bytes, int status) {
  const auto before = server.stats();
  RawClient client(server.port());
  client.send(bytes);
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer) << status;
  EXPECT_EQ(answer->status, status);
  EXPECT_TRUE(answer->has("Connection: close"));
  EXPECT_TRUE(answer->has("Content-Type: application/json"));
  EXPECT_TRUE(answer->body.starts_with("{\"error\":\"")) << answer->body;
  EXPECT_TRUE(client.sees_end()) << status;
  EXPECT_EQ(server.stats().refused, before.refused + 1);
  EXPECT_EQ(server.stats().requests, before.requests);
}

TEST(HttpRefusal, IsAnsweredAndCloses) {
  HttpOptions options;
  options.head_deadline = milliseconds(300);
  options.request_deadline = milliseconds(600);
  auto server = serve(echo, options);
  const std::string host = "Host: a\r\n";
  expect_refusal(*server, "GET /\r\n\r\n", 400);
  expect_refusal(*server, "\x16\x03\x01\x02", 400);
  expect_refusal(*server, "PUT / HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc", 405);
  expect_refusal(*server, "POST / HTTP/1.1\r\n" + host + "\r\nabc", 411);
  expect_refusal(*server, "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501);
  expect_refusal(*server, "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n-2\r\nabc\r\n",
                 400);
  expect_refusal(*server, "POST / HTTP/1.1\r\n" + host + "Content-Length: 10000000000\r\n\r\n", 413);
  expect_refusal(*server, "GET /" + std::string(2000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414);
  expect_refusal(*server, post("abc", "Content-Encoding: gzip\r\n"), 415);
  expect_refusal(*server, post("abc", "Expect: miracles\r\n"), 417);
  expect_refusal(*server, "GET / HTTP/1.1\r\n" + std::string(40000, 'a'), 431);
  expect_refusal(*server, "GET / HTTP/3.0\r\n\r\n", 505);
  // 408: a head that does not end, a body that does not come.
  expect_refusal(*server, "GET / HTTP/1.1\r\n", 408);
  expect_refusal(*server, post("abc").substr(0, post("abc").size() - 1), 408);
}

TEST(HttpRefusal, NeverLetsASmuggledRequestThrough) {
  std::atomic<int> smuggled{0};
  auto server = serve([&](HttpRequest&& request) {
    if (request.path == "/smuggled") ++smuggled;
    return echo(std::move(request));
  });
  const std::string inner = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string length = "Content-Length: " + std::to_string(inner.size()) + "\r\n";
  const std::vector<std::string> heads{
      "POST / HTTP/1.1\r\nHost: a\r\n" + length + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\n" + length + "Content-Length: 0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: abc\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n" + length + "\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n" + length + "\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
  };
  for (const std::string& head : heads) {
    RawClient client(server->port());
    client.send(head);
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << head;
    EXPECT_GE(answer->status, 400);
    client.send(inner);  // after the refusal has been seen, as a proxy's next request would come
    EXPECT_EQ(client.read_all(), "") << head;
  }
  // Without a length there is no body: the bytes behind it are neither one nor a request.
  RawClient lengthless(server->port());
  lengthless.send("POST / HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto empty = lengthless.read_answer();
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->status, 200);
  EXPECT_EQ(empty->body, "");
  EXPECT_TRUE(empty->has("Connection: close"));
  lengthless.send(inner);
  EXPECT_EQ(lengthless.read_all(), "");
  RawClient at_once(server->port());
  at_once.send("POST / HTTP/1.1\r\nHost: a\r\n\r\n" + inner);
  EXPECT_EQ(at_once.read_answer().value().status, 411);
  EXPECT_EQ(at_once.read_all(), "");
  // As the body of a proper request it is nothing but a body.
  RawClient client(server->port());
  client.send(post(inner));
  EXPECT_EQ(client.read_answer().value().body, inner);
  EXPECT_EQ(smuggled, 0);
}

TEST(HttpRefusal, ReachesAClientThatSendsItsWholeBodyFirst) {
  auto server = serve(echo);
  RawClient client(server->port());
  EXPECT_TRUE(client.send(post(std::string(3'000'000, 'x'))));
  EXPECT_EQ(client.read_answer().value().status, 413);
}

TEST(HttpRefusal, DoesNotReadForEver) {
  auto server = serve(echo);
  RawClient client(server->port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\n");
  const std::string block(1 << 20, 'x');
  int blocks = 0;
  while (blocks < 1000 && client.send(block)) ++blocks;
  EXPECT_LT(blocks, 100);
  EXPECT_TRUE(wait_until(milliseconds(5000), [&] { return server->stats().connections == 0; }));
}

TEST(HttpSlowClients, DoNotKeepOthersWaiting) {
  HttpOptions options;
  options.workers = 4;
  auto server = serve(echo, options);
  std::vector<RawClient> silent;
  silent.reserve(500);
  for (int i = 0; i < 500; ++i) silent.emplace_back(server->port());
  std::vector<RawClient> dripping;
  dripping.reserve(100);
  for (int i = 0; i < 100; ++i) dripping.emplace_back(server->port());
  const std::string slow = post(std::string(100, 'x'));
  std::vector<milliseconds> waits;
  RawClient good(server->port());
  for (std::size_t byte = 0; byte < 60; ++byte) {
    for (RawClient& client : dripping) ASSERT_TRUE(client.send(slow.substr(byte, 1)));
    const auto before = steady_clock::now();
    ASSERT_TRUE(good.send(post("quick")));
    const auto answer = good.read_answer();
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->body, "quick");
    waits.push_back(std::chrono::duration_cast<milliseconds>(steady_clock::now() - before));
  }
  std::sort(waits.begin(), waits.end());
  EXPECT_LT(waits[waits.size() / 2], milliseconds(100));
  EXPECT_EQ(server->stats().connections, 601u);
}

TEST(HttpSlowClients, AreCutOffByTheDeadlines) {
  HttpOptions options;
  options.head_deadline = milliseconds(200);
  options.request_deadline = milliseconds(500);
  options.idle_deadline = milliseconds(400);
  auto server = serve(echo, options);
  const auto before = steady_clock::now();
  RawClient silent(server->port());
  RawClient idle(server->port());
  RawClient drips(server->port());
  idle.send(post("x"));
  EXPECT_TRUE(idle.read_answer());
  // A byte now and then does not move the deadline of the request.
  std::optional<RawAnswer> answer;
  std::thread reader([&] { answer = drips.read_answer(); });
  const std::string request = post(std::string(1000, 'x'));
  drips.send(request.substr(0, request.size() - 900));
  for (std::size_t i = 0; i < 900 && drips.send("x"); ++i) {
    if (wait_until(milliseconds(20), [&] { return server->stats().refused > 0; })) break;
  }
  reader.join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408);
  EXPECT_GE(steady_clock::now() - before, milliseconds(500));
  EXPECT_TRUE(silent.sees_end());
  EXPECT_TRUE(idle.sees_end());
}

HttpAnswer large_answer(HttpRequest&& request) {
  HttpAnswer answer;
  answer.body = request.path == "/large" ? std::string(5u << 20, 'z') : "small";
  return answer;
}

TEST(HttpSlowClients, ReadLargeAnswersWithoutHoldingAWorker) {
  HttpOptions options;
  options.workers = 1;
  options.answer_deadline =
      milliseconds(60'000);  // 20 MiB in all through windows of 4 KiB, under a sanitizer too
  auto server = serve(large_answer, options);
  std::vector<RawClient> slow;
  for (int i = 0; i < 4; ++i) {
    slow.emplace_back(server->port(), 4096).send(post("x", "", "/large"));
  }
  ASSERT_TRUE(wait_until(milliseconds(10000), [&] { return server->stats().requests == 4; }));
  RawClient good(server->port());
  good.send(post("x"));
  EXPECT_EQ(good.read_answer().value().body, "small");
  for (RawClient& client : slow) {
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body.size(), 5u << 20);
    EXPECT_EQ(answer->body.find_first_not_of('z'), std::string::npos);
    client.send(post("x"));
    EXPECT_EQ(client.read_answer().value().body, "small");
  }
}

TEST(HttpSlowClients, ThatNeverReadAreDropped) {
  HttpOptions options;
  options.answer_deadline = milliseconds(200);
  auto server = serve(large_answer, options);
  RawClient client(server->port(), 4096);
  client.send(post("x", "", "/large"));
  EXPECT_TRUE(wait_until(milliseconds(10000),
                         [&] { return server->stats().requests == 1 && server->stats().connections == 0; }));
}

TEST(HttpLimits, ConnectionsBeyondTheLimitAreToldSo) {
  HttpOptions options;
  options.connections_max = 3;
  std::latch go(1);
  std::atomic<int> inside{0};
  auto server = serve(
      [&](HttpRequest&& request) {
        ++inside;
        go.wait();
        return echo(std::move(request));
      },
      options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) clients.emplace_back(server->port()).send(post("x"));
  ASSERT_TRUE(wait_until(milliseconds(5000), [&] { return inside == 3; }));
  RawClient shed(server->port());
  const auto answer = shed.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_TRUE(answer->has("Retry-After: 1"));
  EXPECT_TRUE(shed.sees_end());
  EXPECT_EQ(server->stats().connections_refused, 1u);
  EXPECT_EQ(server->stats().connections_evicted, 0u);
  go.count_down();
  for (RawClient& client : clients) EXPECT_EQ(client.read_answer().value().status, 200);
  clients.pop_back();
  ASSERT_TRUE(wait_until(milliseconds(5000), [&] {
    RawClient again(server->port());
    again.send(post("y"));
    const auto served = again.read_answer();
    return served && served->status == 200;
  }));
}

TEST(HttpLimits, SurvivesAFloodBeyondTheLimit) {
  HttpOptions options;
  options.connections_max = 50;
  options.idle_deadline = milliseconds(500);
  auto server = serve(echo, options);
  {
    std::vector<RawClient> flood;
    flood.reserve(1000);
    for (int i = 0; i < 1000; ++i) flood.emplace_back(server->port());
  }
  EXPECT_TRUE(wait_until(milliseconds(10000), [&] { return server->stats().connections == 0; }));
  RawClient good(server->port());
  good.send(post("x"));
  EXPECT_EQ(good.read_answer().value().status, 200);
}

TEST(HttpLimits, BodiesInFlightHaveABudget) {
  HttpOptions options;
  options.body_bytes_max = 1000;
  options.bytes_in_flight_max = 5000;  // two of them, with their heads
  std::latch go(1);
  std::atomic<int> inside{0};
  auto server = serve(
      [&](HttpRequest&& request) {
        ++inside;
        go.wait();
        return echo(std::move(request));
      },
      options);
  RawClient first(server->port());
  RawClient second(server->port());
  first.send(post(std::string(1000, 'x')));
  second.send(post(std::string(1000, 'x')));
  ASSERT_TRUE(wait_until(milliseconds(5000), [&] { return inside == 2; }));
  RawClient third(server->port());
  third.send(post(std::string(1000, 'x')));
  const auto answer = third.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_TRUE(answer->has("Retry-After: 1"));
  go.count_down();
  EXPECT_EQ(first.read_answer().value().status, 200);
  EXPECT_EQ(second.read_answer().value().status, 200);
  RawClient fourth(server->port());
  fourth.send(post(std::string(1000, 'x')));
  EXPECT_EQ(fourth.read_answer().value().status, 200);
}

// A few clients that let large bodies drip in could else hold all of the budget for as long as a request may take.
TEST(HttpLimits, BodiesThatDripInMakeRoomForOthers) {
  HttpOptions options;
  options.body_bytes_max = 1000;
  options.bytes_in_flight_max = 9500;  // four of them, with their heads
  options.request_deadline = milliseconds(60'000);
  auto server = serve(echo, options);
  const std::string all_but_one =
      post(std::string(1000, 'x')).substr(0, post(std::string(1000, 'x')).size() - 1);
  std::vector<RawClient> slow;
  for (int i = 0; i < 4; ++i) {
    slow.emplace_back(server->port());
    slow.back().send(all_but_one);
  }
  // No room for a fifth: it is taken at first by clients that may just be about to go on.
  EXPECT_TRUE(wait_until(milliseconds(10'000), [&] {
    RawClient good(server->port());
    good.send(post(std::string(1000, 'x')));
    const auto answer = good.read_answer();
    return answer && answer->status == 200;
  }));
  EXPECT_TRUE(slow.front().sees_end()) << "the one that has been at it for longest leaves";
  EXPECT_EQ(server->stats().connections_evicted, 1u);
  slow.back().send("x");
  EXPECT_EQ(slow.back().read_answer().value().status, 200) << "none is evicted without need";
  // Chunked bodies announce nothing: what comes is what counts.
  RawClient chunked(server->port());
  chunked.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" +
               std::string(1000, 'x'));
  chunked.send("\r\n0\r\n\r\n");
  EXPECT_EQ(chunked.read_answer().value().status, 200);
}

TEST(HttpLimits, OutlivesAWantOfDescriptors) {
  auto server = serve(echo);
  RawClient before(server->port());
  before.send(post("x"));
  ASSERT_TRUE(before.read_answer());
  const rlimit old = [] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit;
  }();
  // One descriptor is left: the client takes it, the server finds none for its side until the limit is
  // lifted.
  const int next_free = ::dup(0);
  ::close(next_free);
  const rlimit low{static_cast<rlim_t>(next_free) + 1, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  RawClient starved(server->port());
  starved.send(post("patient"));
  // It is answered 503. Meanwhile the others are served, and the loop does not spin.
  EXPECT_EQ(starved.read_answer().value().status, 503);
  EXPECT_TRUE(starved.sees_end());
  std::optional<RawAnswer> answer;
  const std::clock_t cpu_before = std::clock();
  const auto until = steady_clock::now() + milliseconds(600);
  while (steady_clock::now() < until) {
    before.send(post("still here"));
    answer = before.read_answer();
    if (!answer || wait_until(milliseconds(50), [] { return false; })) break;
  }
  const double cpu_ms = 1000.0 * static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC;
  const std::uint64_t connections = server->stats().connections;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "still here");
  EXPECT_EQ(connections, 1u);
  EXPECT_LT(cpu_ms, 100.0);
  RawClient after(server->port());
  after.send(post("patient"));
  EXPECT_EQ(after.read_answer().value().body, "patient");
}

// With an idle connection to evict, the new one gets its descriptor instead of a refusal.
TEST(HttpLimits, TakesADescriptorFromTheIdle) {
  auto server = serve(echo);
  RawClient idle(server->port());
  ASSERT_TRUE(wait_until(milliseconds(5000), [&] { return server->stats().connections == 1; }));
  EXPECT_FALSE(wait_until(milliseconds(300), [] { return false; }));  // until it counts as unproductive
  rlimit old{};
  ::getrlimit(RLIMIT_NOFILE, &old);
  const int next_free = ::dup(0);
  ::close(next_free);
  const rlimit low{static_cast<rlim_t>(next_free) + 1, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  RawClient good(server->port());
  good.send(post("x"));
  const auto answer = good.read_answer();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &old), 0);
  EXPECT_EQ(answer.value().status, 200);
  EXPECT_TRUE(idle.sees_end());
  EXPECT_EQ(server->stats().connections_evicted, 1u);
}

TEST(HttpBrokenClients, LeaveNothingBehind) {
  HttpOptions options;
  options.workers = 4;
  auto server = serve(
      [](HttpRequest&& request) {
        HttpAnswer answer;
        answer.body = request.path == "/large" ? std::string(1u << 20, 'z') : request.body;
        return answer;
      },
      options);
  const std::size_t base = open_descriptors();
  const std::string request = post("body", "", "/large");
  for (std::size_t cut = 0; cut <= request.size(); ++cut) {
    for (const bool reset : {false, true}) {
      RawClient client(server->port());
      client.send(request.substr(0, cut));
      if (reset) client.reset();
    }
  }
  EXPECT_TRUE(wait_until(milliseconds(10000), [&] { return server->stats().connections == 0; }))
      << server->stats().connections;
  EXPECT_TRUE(wait_until(milliseconds(5000), [&] { return open_descriptors() == base; }));
  RawClient good(server->port());
  good.send(post("x"));
  EXPECT_EQ(good.read_answer().value().body, "x");
}

TEST(HttpBrokenClients, ThatEndEarlyAreToldSo) {
  auto server = serve(echo);
  const std::string request = post("body");
  for (const std::size_t cut : {std::size_t{1}, std::size_t{20}, request.size() - 1}) {
    RawClient client(server->port());
    client.send(request.substr(0, cut));
    client.end_sending();
    EXPECT_EQ(client.read_answer().value().status, 400) << cut;
    EXPECT_TRUE(client.sees_end());
  }
  RawClient nothing(server->port());
  nothing.end_sending();
  EXPECT_TRUE(nothing.sees_end());
  EXPECT_EQ(server->stats().requests, 0u);
}

TEST(HttpBrokenClients, ManyAtOnceWithStopInTheMiddle) {
  for (int round = 0; round < 5; ++round) {
    HttpOptions options;
    options.workers = 4;
    auto server = serve(echo, options);
    const std::uint16_t port = server->port();
    std::atomic<int> answered{0};
    std::vector<std::thread> threads;
    threads.reserve(6);
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&, t] {
        try {
          for (int i = 0; i < 100000; ++i) {
            RawClient client(port);
            client.send(post("x") + post("y"));
            if (t % 2 == 0) {
              client.reset();
            } else if (!client.read_answer() || !client.read_answer()) {
              return;
            } else {
              ++answered;
            }
          }
        } catch (const std::system_error&) {
          // The listener is gone: what the stop is for.
        }
      });
    }
    EXPECT_TRUE(wait_until(milliseconds(10000), [&] { return answered >= 20; }));
    server->stop(milliseconds(5000));
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(server->stats().connections, 0u);
  }
}

}  // namespace
}  // namespace hookspool::net

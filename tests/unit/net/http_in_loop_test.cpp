// Requests that the loop serves itself (in_loop.h): which, for how long, and that none of them delays the others.
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "net/http/in_loop.h"
#include "tests/support/wait.h"
#include "tests/unit/net/http_fixture.h"
#include "tests/unit/net/http_raw_client.h"

namespace hookspool::net {
namespace {

using std::chrono::seconds;
using testing::post;
using testing::RawAnswer;
using testing::RawClient;
using testing::text;
using testing::wait_until;

// A machine that is slow for a moment gives nothing to the workers.
constexpr std::chrono::hours kAnyTime{1};

std::unique_ptr<HttpServer> serve(HttpLaterHandler handler, HttpInLoop in_loop, HttpOptions options = {}) {
  options.listen = "127.0.0.1:0";
  auto server = start_in_loop(options, std::move(handler), std::move(in_loop));
  if (!server) throw std::runtime_error(server.error().text);
  return std::move(server).value();
}

// Takes what is posted to /short.
bool echo_short(HttpRequest& request, const HttpReply& reply) {
  if (request.path != "/short") return false;
  reply(text("loop:" + request.body));
  return true;
}

void echo_by_worker(HttpRequest&& request, const HttpReply& reply) {
  reply(text("worker:" + request.body));
}

std::string body_of(const std::optional<RawAnswer>& answer) {
  return answer ? answer->body : "no answer";
}

TEST(HttpInLoop, WhatTheLoopDoesNotTakeIsAWorkersUnchanged) {
  constexpr std::size_t kBody = 200'000;
  HttpOptions options;
  options.bytes_in_flight_max = 3 * kBody;  // a share that is not given back is missed soon
  auto server = serve(echo_by_worker, {echo_short, kAnyTime}, options);
  RawClient client(server->port());
  for (int i = 0; i < 10; ++i) {
    const std::string body = std::to_string(i) + std::string(kBody, 'x');
    ASSERT_TRUE(client.send(post(body, "X-A: b\r\n", "/short")));
    EXPECT_EQ(body_of(client.read_answer()), "loop:" + body);
    ASSERT_TRUE(client.send(post(body, "X-A: b\r\n", "/long")));
    EXPECT_EQ(body_of(client.read_answer()), "worker:" + body);
  }
  const HttpStats stats = server->stats();
  EXPECT_EQ(stats.requests, 20u) << "each is counted once";
  EXPECT_EQ(stats.in_handler, 0u);
  EXPECT_EQ(stats.handler_failures, 0u);
}

TEST(HttpInLoop, ALongOneDelaysNoOther) {
  std::latch answered(1);
  const auto wait = [&](HttpRequest&& request, const HttpReply& reply) {
    answered.wait();
    reply(text("worker:" + request.body));
  };
  auto server = serve(wait, {echo_short, kAnyTime});
  RawClient slow(server->port()), quick(server->port());
  ASSERT_TRUE(slow.send(post("a", "", "/long")));
  ASSERT_TRUE(wait_until(seconds(20), [&] { return server->stats().in_handler == 1; }));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(quick.send(post("b", "", "/short")));
    EXPECT_EQ(body_of(quick.read_answer()), "loop:b") << "while the other one is at work";
  }
  answered.count_down();
  EXPECT_EQ(body_of(slow.read_answer()), "worker:a");
}

// Many that are ready at once, each of which takes longer than a turn may: the loop does one of them.
TEST(HttpInLoop, WhatIsReadyBeyondTheTimeOfATurnIsTheWorkers) {
  constexpr std::size_t kClients = 8;
  std::latch begun(1), all_sent(1);
  std::atomic<bool> is_first{true};
  std::atomic<int> in_loop{0}, by_workers{0};
  HttpInLoop here;
  here.time_max = std::chrono::microseconds(1);
  here.try_handle = [&](HttpRequest&, const HttpReply& reply) {
    if (is_first.exchange(false)) {
      begun.count_down();
      all_sent.wait();
    }
    const auto entered = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() < entered + here.time_max) std::this_thread::yield();
    ++in_loop;
    reply(text(""));
    return true;
  };
  const auto by_worker = [&](HttpRequest&&, const HttpReply& reply) {
    ++by_workers;
    reply(text(""));
  };
  auto server = serve(by_worker, here);
  RawClient first(server->port());
  std::vector<RawClient> others;
  for (std::size_t i = 0; i < kClients; ++i) others.emplace_back(server->port());
  ASSERT_TRUE(wait_until(seconds(20), [&] { return server->stats().connections == kClients + 1; }));
  ASSERT_TRUE(first.send(post("")));
  begun.wait();
  for (RawClient& client : others) ASSERT_TRUE(client.send(post("")));
  all_sent.count_down();
  for (RawClient& client : others) EXPECT_TRUE(client.read_answer());
  EXPECT_TRUE(first.read_answer());
  EXPECT_EQ(in_loop + by_workers, static_cast<int>(kClients) + 1);
  EXPECT_GE(by_workers, static_cast<int>(kClients) - 1) << "they were ready in one turn";
}

TEST(HttpInLoop, WithoutTimeAllOfThemAreTheWorkers) {
  HttpInLoop in_loop{echo_short, std::chrono::microseconds(0)};
  auto server = serve(echo_by_worker, in_loop);
  RawClient client(server->port());
  ASSERT_TRUE(client.send(post("a", "", "/short")));
  EXPECT_EQ(body_of(client.read_answer()), "worker:a");
}

TEST(HttpInLoop, PipelinedOnesAreAnsweredInOrder) {
  auto server = serve(echo_by_worker, {echo_short, kAnyTime});
  RawClient client(server->port());
  std::string all;
  for (int i = 0; i < 50; ++i) all += post(std::to_string(i), "", i % 7 == 0 ? "/long" : "/short");
  ASSERT_TRUE(client.send(all));
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(body_of(client.read_answer()), (i % 7 == 0 ? "worker:" : "loop:") + std::to_string(i));
}

TEST(HttpInLoop, AnExceptionAndADroppedReplyAre500) {
  HttpInLoop in_loop{{}, kAnyTime};
  in_loop.try_handle = [](HttpRequest& request, const HttpReply& reply) {
    if (request.path == "/throws") throw std::runtime_error("no");
    return request.path == "/drops" || echo_short(request, reply);
  };
  auto server = serve(echo_by_worker, in_loop);
  RawClient client(server->port());
  for (const char* path : {"/throws", "/drops"}) {
    ASSERT_TRUE(client.send(post("a", "", path)));
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << path;
    EXPECT_EQ(answer->status, 500) << path;
  }
  EXPECT_EQ(server->stats().handler_failures, 2u);
  ASSERT_TRUE(client.send(post("a", "", "/short")));
  EXPECT_EQ(body_of(client.read_answer()), "loop:a") << "the loop goes on";
}

// As the journal's writer does it: the replies are kept, and another thread gives all of them one after the other.
TEST(HttpInLoop, AGroupsRepliesFromAnotherThreadReachAllOfIt) {
  constexpr std::size_t kClients = 40;
  std::mutex mutex;
  std::vector<HttpReply> group;
  HttpInLoop in_loop{{}, kAnyTime};
  in_loop.try_handle = [&](HttpRequest&, const HttpReply& reply) {
    const std::lock_guard lock(mutex);
    group.push_back(reply);
    return true;
  };
  HttpOptions options;
  options.in_handler_max = kClients / 2;  // the others wait for their turn
  auto server = serve(echo_by_worker, in_loop, options);
  std::vector<RawClient> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.emplace_back(server->port());
    ASSERT_TRUE(clients.back().send(post("")));
  }
  for (std::size_t given = 0; given < kClients; given += options.in_handler_max) {
    std::vector<HttpReply> ready;
    ASSERT_TRUE(wait_until(seconds(20), [&] {
      const std::lock_guard lock(mutex);
      EXPECT_LE(group.size(), options.in_handler_max) << "no more may be out";
      if (group.size() < options.in_handler_max) return false;
      ready.swap(group);
      return true;
    }));
    std::thread([&] {
      for (const HttpReply& reply : ready) reply(text("done"));
    }).join();
  }
  for (RawClient& client : clients) EXPECT_EQ(body_of(client.read_answer()), "done");
}

TEST(HttpInLoop, WhatItHasAnsweredWhenTheServerStopsIsSent) {
  std::latch begun(1), stopping(1);
  HttpInLoop in_loop{{}, kAnyTime};
  in_loop.try_handle = [&](HttpRequest& request, const HttpReply& reply) {
    begun.count_down();
    stopping.wait();
    return echo_short(request, reply);
  };
  auto server = serve(echo_by_worker, in_loop);
  RawClient client(server->port());
  ASSERT_TRUE(client.send(post("a", "", "/short")));
  begun.wait();
  std::thread stopper([&] { EXPECT_TRUE(server->stop(seconds(20))); });
  stopping.count_down();
  EXPECT_EQ(body_of(client.read_answer()), "loop:a");
  client.close();
  stopper.join();
}

}  // namespace
}  // namespace hookspool::net

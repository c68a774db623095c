// Many connections and too few places: which are evicted, which are served, what an idle one costs.
#include <gtest/gtest.h>

#include <atomic>
#include <iostream>
#include <latch>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/http/connection.h"
#include "net/http/eviction_queue.h"
#include "net/http/server.h"
#include "tests/support/wait.h"
#include "tests/unit/net/http_fixture.h"
#include "tests/unit/net/http_raw_client.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::echo;
using testing::post;
using testing::RawClient;
using testing::serve;
using testing::wait_until;

// What the listener itself keeps for an idle connection; the kernel's socket comes on top.
constexpr std::size_t kIdleConnectionBytesMax = 768;

TEST(EvictionQueue, SendsTheUselessAway) {
  EvictionQueue crowd;
  const Clock::time_point start{};
  const auto leaves = [&](int at, int least = 0) {
    return crowd.next_to_evict(start + seconds(at), seconds(least)).value_or(0);
  };
  EXPECT_EQ(leaves(0), 0u);
  const auto one = crowd.add(1, start);
  const auto two = crowd.add(2, start + seconds(1));
  EXPECT_EQ(leaves(2), 1u);
  EXPECT_EQ(leaves(2, 2), 1u);
  EXPECT_EQ(leaves(2, 3), 0u) << "none has been there for three seconds";
  crowd.move(one, EvictionQueue::Rank::kRegular, start + seconds(2));
  EXPECT_EQ(leaves(3), 2u) << "a newcomer goes before a regular";
  crowd.move(two, EvictionQueue::Rank::kBusy, start + seconds(3));
  EXPECT_EQ(leaves(4), 1u);
  crowd.move(one, EvictionQueue::Rank::kBusy, start + seconds(4));
  EXPECT_EQ(leaves(5), 0u) << "one that is with a worker never goes";
  crowd.move(two, EvictionQueue::Rank::kRegular, start + seconds(5));
  crowd.move(one, EvictionQueue::Rank::kLeaving, start + seconds(6));
  EXPECT_EQ(leaves(7), 1u);
  crowd.remove(one);
  EXPECT_EQ(leaves(7), 2u);
  crowd.remove(two);
  EXPECT_EQ(leaves(7), 0u);
}

TEST(AddressCounts, CountAndForget) {
  AddressCounts counts;
  const auto a = IpAddress::parse("192.0.2.1").value();
  const auto b = IpAddress::parse("192.0.2.2").value();
  EXPECT_TRUE(counts.try_add(a, 2));
  EXPECT_TRUE(counts.try_add(a, 2));
  EXPECT_FALSE(counts.try_add(a, 2));
  EXPECT_TRUE(counts.try_add(b, 2));
  counts.remove(a);
  EXPECT_TRUE(counts.try_add(a, 2));
  EXPECT_TRUE(counts.try_add(a, 0));
}

TEST(HttpEvictionQueue, AnIdleConnectionIsSmall) {
  std::cout << "an idle connection: " << sizeof(ClientConnection) << " bytes, its place "
            << sizeof(EvictionQueue::Entry) + 2 * sizeof(void*) << ", its deadline about 64\n";
  EXPECT_LE(sizeof(ClientConnection), kIdleConnectionBytesMax);
}

// Silent and dripping clients hold every place there is; a client that sends a request is served at once.
TEST(HttpEvictionQueue, CannotCloseTheDoor) {
  HttpOptions options;
  options.connections_max = 40;
  options.idle_deadline = seconds(600);
  options.head_deadline = options.request_deadline = seconds(600);
  auto server = serve(echo, options);
  std::vector<RawClient> useless;
  for (int i = 0; i < 40; ++i) {
    useless.emplace_back(server->port());
    if (i % 2 == 0) useless.back().send("POST /p HT");
  }
  ASSERT_TRUE(wait_until(seconds(5), [&] { return server->stats().connections == 40; }));
  std::vector<RawClient> good;
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(wait_until(seconds(10), [&] {
      RawClient client(server->port());
      client.send(post("x"));
      const auto answer = client.read_answer();
      const bool served = answer && answer->status == 200;
      if (served) good.push_back(std::move(client));
      return served;
    })) << i;
  }
  EXPECT_GE(server->stats().connections_evicted, 30u);
  // The regulars keep their places as long as there is one less productive.
  for (RawClient& client : good) {
    client.send(post("y"));
    EXPECT_EQ(client.read_answer().value().body, "y");
  }
}

TEST(HttpEvictionQueue, EachAddressHasItsShare) {
  HttpOptions options;
  options.connections_per_address_max = 2;
  options.without_address_limit = Networks();
  auto server = serve(echo, options);
  RawClient one(server->port());
  RawClient two(server->port());
  one.send(post("x"));
  two.send(post("x"));
  EXPECT_EQ(one.read_answer().value().status, 200);
  EXPECT_EQ(two.read_answer().value().status, 200);
  RawClient three(server->port());
  EXPECT_EQ(three.read_answer().value().status, 503);
  EXPECT_TRUE(three.sees_end());
  one.send(post("y"));
  EXPECT_EQ(one.read_answer().value().body, "y") << "those that are there are left alone";
  two.close();
  EXPECT_TRUE(wait_until(seconds(5), [&] {
    RawClient again(server->port());
    again.send(post("x"));
    const auto answer = again.read_answer();
    return answer && answer->status == 200;
  }));
}

TEST(HttpEvictionQueue, LoopbackAndProxiesHaveNoAddressLimit) {
  for (const bool proxy : {false, true}) {
    HttpOptions options;
    options.connections_per_address_max = 1;
    if (proxy) {
      options.without_address_limit = Networks();
      ASSERT_TRUE(options.proxies.networks.add("127.0.0.1"));
    }
    auto server = serve(echo, options);
    RawClient one(server->port());
    RawClient two(server->port());
    for (RawClient* client : {&one, &two}) {
      client->send(post("x"));
      EXPECT_EQ(client->read_answer().value().status, 200);
    }
  }
}

// All workers are stuck: waiting requests get 503, and those with a worker get a late answer.
TEST(HttpEvictionQueue, IsShedWhenNoWorkerComesFree) {
  HttpOptions options;
  options.workers = 1;
  options.worker_deadline = milliseconds(300);
  std::latch go(1);
  auto server = serve(
      [&](HttpRequest&& request) {
        go.wait();
        return echo(std::move(request));
      },
      options);
  RawClient first(server->port());
  first.send(post("first"));
  ASSERT_TRUE(wait_until(seconds(5), [&] { return server->stats().in_handler == 1; }));
  std::vector<RawClient> waiting;
  for (int i = 0; i < 5; ++i) waiting.emplace_back(server->port()).send(post("x"));
  for (RawClient& client : waiting) {
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_TRUE(answer->has("Retry-After: "));
    EXPECT_TRUE(client.sees_end());
  }
  EXPECT_EQ(server->stats().requests_shed, 5u);
  EXPECT_EQ(server->stats().requests, 1u);
  go.count_down();
  EXPECT_EQ(first.read_answer().value().body, "first");
  first.send(post("again"));
  EXPECT_EQ(first.read_answer().value().body, "again");
}

// A handler that answers later holds no worker, but a place; who finds none is answered 503.
TEST(HttpEvictionQueue, RepliesMayComeLaterFromAnotherThread) {
  HttpOptions options;
  options.workers = 1;
  options.in_handler_max = 3;
  options.worker_deadline = milliseconds(300);
  std::mutex mutex;
  std::vector<std::pair<std::string, HttpReply>> replies;  // guarded by mutex
  auto server = serve(HttpLaterHandler([&](HttpRequest&& request, const HttpReply& reply) {
                        const std::lock_guard lock(mutex);
                        replies.emplace_back(std::move(request.body), reply);
                      }),
                      options);
  std::vector<RawClient> served;
  for (int i = 0; i < 3; ++i) served.emplace_back(server->port()).send(post(std::to_string(i)));
  ASSERT_TRUE(wait_until(seconds(5), [&] { return server->stats().in_handler == 3; }));
  RawClient fourth(server->port());
  fourth.send(post("x"));
  EXPECT_EQ(fourth.read_answer().value().status, 503);
  EXPECT_EQ(server->stats().requests_shed, 1u);
  EXPECT_EQ(server->stats().requests, 3u);
  for (std::size_t i = 3; i-- > 0;) {  // the last one first
    std::pair<std::string, HttpReply> one = [&] {
      const std::lock_guard lock(mutex);
      return replies[i];
    }();
    one.second(testing::text(one.first));
    one.second(testing::text("the second answer to the same request"));
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(served[static_cast<std::size_t>(i)].read_answer().value().body, std::to_string(i));
  }
  EXPECT_EQ(server->stats().in_handler, 0u);
  replies.clear();
  served[0].send(post("again"));  // the places are free again
  ASSERT_TRUE(wait_until(seconds(5), [&] {
    const std::lock_guard lock(mutex);
    return replies.size() == 1;
  }));
  replies.clear();  // and an answer that is never given is a 500
  EXPECT_EQ(served[0].read_answer().value().status, 500);
  EXPECT_EQ(server->stats().handler_failures, 1u);
}

TEST(HttpEvictionQueue, AReplyMayOutliveItsServer) {
  std::mutex mutex;
  std::optional<HttpReply> kept;  // guarded by mutex
  auto server = serve(HttpLaterHandler([&](HttpRequest&&, const HttpReply& reply) {
    const std::lock_guard lock(mutex);
    kept = reply;
  }));
  RawClient client(server->port());
  client.send(post("x"));
  ASSERT_TRUE(wait_until(seconds(5), [&] {
    const std::lock_guard lock(mutex);
    return kept.has_value();
  }));
  EXPECT_FALSE(server->stop(milliseconds(10)));
  server.reset();
  (*kept)(testing::text("late"));
  EXPECT_EQ(client.read_answer().value().body, "late");
  EXPECT_TRUE(client.sees_end());
}

// What is on its way when the server stops is answered if it comes within a moment.
TEST(HttpEvictionQueue, StopWaitsAMomentForWhatIsOnItsWay) {
  auto server = serve(echo);
  RawClient kept(server->port());
  kept.send(post("x"));
  ASSERT_TRUE(kept.read_answer());
  RawClient begun(server->port());
  begun.send(post("abc").substr(0, 30));
  ASSERT_TRUE(wait_until(seconds(5), [&] { return server->stats().connections == 2; }));
  std::atomic<bool> stopped{false};
  std::thread stopper([&] { stopped = server->stop(seconds(20)); });
  ASSERT_TRUE(wait_until(seconds(5), [&] {
    try {
      RawClient refused(server->port());
      return false;
    } catch (const std::system_error&) {
      return true;
    }
  }));
  begun.send(post("abc").substr(30));
  kept.send(post("last"));
  for (RawClient* client : {&begun, &kept}) {
    const auto answer = client->read_answer();
    if (!answer) continue;  // on a machine that took longer than the moment
    EXPECT_TRUE(answer->status == 200 || answer->status == 503) << answer->status;
    EXPECT_TRUE(answer->has("Connection: close"));
  }
  stopper.join();
  EXPECT_TRUE(stopped);
}

}  // namespace
}  // namespace hookspool::net

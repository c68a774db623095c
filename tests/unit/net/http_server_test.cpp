// The server as a well-behaved client sees it, on real sockets.
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

#include "net/http/server.h"
#include "tests/support/wait.h"
#include "tests/unit/net/http_fixture.h"
#include "tests/unit/net/http_raw_client.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;
using testing::echo;
using testing::post;
using testing::RawClient;
using testing::serve;
using testing::text;
using testing::wait_until;

TEST(HttpServer, GivesTheHandlerWhatWasSent) {
  HttpRequest seen;
  auto server = serve([&](HttpRequest&& request) {
    seen = std::move(request);
    return text("ok");
  });
  std::string body(3000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7);
  RawClient client(server->port());
  client.send(post(
      body, "X-Sig: a%25b %0d%0a 100%\r\nX-Latin: caf\xe9\r\nREMOTE_ADDR: 6.6.6.6\r\nRange: bytes=0-1\r\n",
      "/hooks/%41%2f?a=%20&b?c"));
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "ok");
  EXPECT_TRUE(answer->has("Content-Type: text/plain"));
  EXPECT_TRUE(answer->has("Keep-Alive: timeout=70")) << answer->head;
  EXPECT_FALSE(answer->has("Connection: close"));
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/hooks/%41%2f");
  EXPECT_EQ(seen.query, "a=%20&b?c");
  EXPECT_EQ(seen.remote_addr, "127.0.0.1");
  EXPECT_EQ(seen.body, body);
  EXPECT_EQ(*seen.header("x-sig"), "a%25b %0d%0a 100%");
  EXPECT_EQ(*seen.header("x-latin"), "caf\xe9");
  EXPECT_EQ(*seen.header("remote_addr"), "6.6.6.6");
  ASSERT_EQ(seen.headers.size(), 6u);
  EXPECT_EQ(seen.headers[2].first, "x-sig");
}

TEST(HttpServer, SendsHeadersAndStatusOfTheAnswer) {
  auto server = serve([](HttpRequest&& request) {
    HttpAnswer answer = text("{}", request.path == "/none" ? 204 : 503);
    answer.headers = {{"Retry-After", "7"}};
    return answer;
  });
  RawClient client(server->port());
  client.send(post("x"));
  auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_TRUE(answer->has("Retry-After: 7"));
  client.send(post("x", "", "/none"));
  answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 204);
  EXPECT_FALSE(answer->has("Content-Length"));
  client.send(post("x"));
  EXPECT_TRUE(client.read_answer());
}

TEST(HttpServer, ServesManyRequestsOnOneConnection) {
  auto server = serve(echo);
  RawClient client(server->port());
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(client.send(post(std::to_string(i))));
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << i;
    ASSERT_EQ(answer->body, std::to_string(i));
  }
  EXPECT_EQ(server->stats().requests, 500u);
  EXPECT_EQ(server->stats().connections, 1u);
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  auto server = serve(echo);
  RawClient client(server->port());
  client.send(post("first") + post("second"));
  EXPECT_EQ(client.read_answer().value().body, "first");
  EXPECT_EQ(client.read_answer().value().body, "second");
  std::string many;
  for (int i = 0; i < 3000; ++i) many += post(std::to_string(i));
  std::thread sender([&] { client.send(many); });
  for (int i = 0; i < 3000; ++i) {
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << i;
    ASSERT_EQ(answer->body, std::to_string(i));
  }
  sender.join();
}

TEST(HttpServer, TakesARequestWhereverItIsSplit) {
  auto server = serve(echo);
  const std::string request = post("body\r\n\r\n", "X: y\r\n");
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    RawClient client(server->port());
    client.send(request.substr(0, cut));
    // The first part has left before the second is sent, so they are two packets.
    ASSERT_TRUE(wait_until(milliseconds(5000), [&] {
      int unacknowledged_bytes = -1;
      return ::ioctl(client.fd(), SIOCOUTQ, &unacknowledged_bytes) == 0 && unacknowledged_bytes == 0;
    }));
    client.send(request.substr(cut));
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << cut;
    ASSERT_EQ(answer->body, "body\r\n\r\n") << cut;
  }
}

TEST(HttpServer, AnswersHeadLikeGetWithoutTheBody) {
  auto server = serve([](HttpRequest&& request) {
    EXPECT_EQ(request.method, "HEAD");
    return text("twelve bytes");
  });
  RawClient client(server->port());
  for (int i = 0; i < 2; ++i) {
    client.send("HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto answer = client.read_answer(true);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_TRUE(answer->has("Content-Length: 12"));
    EXPECT_FALSE(answer->has("Accept-Ranges")) << answer->head;
  }
}

TEST(HttpServer, LeavesOtherMethodsToTheHandler) {
  auto server = serve([](HttpRequest&& request) { return text(request.method, 405); });
  RawClient client(server->port());
  for (const std::string method : {"PUT", "DELETE", "PROPFIND", "get"}) {
    client.send(method + " / HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer) << method;
    EXPECT_EQ(answer->status, 405);
    EXPECT_EQ(answer->body, method);
  }
}

TEST(HttpServer, NeitherCompressesNorCutsTheAnswer) {
  auto server = serve([](HttpRequest&&) { return text(std::string(1000, 'a')); });
  RawClient client(server->port());
  client.send(
      "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip, br\r\nRange: bytes=0-1\r\nExpect: "
      "100-continue\r\n\r\n");
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, std::string(1000, 'a'));
}

// cpp-httplib refuses each of these though they are legal; what it is given must not be what the client sent.
TEST(HttpServer, TakesLegalHeadsThatTheLibraryWouldRefuse) {
  auto server = serve([](HttpRequest&& request) {
    return text(std::to_string(request.query.size()) + " " + std::to_string(request.header("x")->size()));
  });
  RawClient client(server->port());
  client.send("GET /?" + std::string(9000, '?') + " HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, '%') +
              "\r\n\r\n");
  EXPECT_EQ(client.read_answer().value().body, "9000 5000");
  client.send("GET /?a HTTP/1.1\r\nHost: a\r\nX: " + std::string(9000, 'a') + "\r\n\r\n");
  EXPECT_EQ(client.read_answer().value().body, "1 9000");
}

TEST(HttpServer, SaysContinueAndThenTakesTheBody) {
  auto server = serve(echo);
  RawClient client(server->port());
  const std::string request = post("abc", "Expect: 100-continue\r\n");
  client.send(request.substr(0, request.size() - 3));
  EXPECT_EQ(client.read_answer().value().head, "HTTP/1.1 100 Continue");
  client.send("abc");
  EXPECT_EQ(client.read_answer().value().body, "abc");
  // A head that is refused is refused at once, without asking for the body.
  client.send("POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_answer().value().status, 413);
}

TEST(HttpServer, ClosesWhenToldTo) {
  auto server = serve(echo);
  for (const std::string extra : {"Connection: close\r\n", "connection: Keep-Alive, CLOSE\r\n"}) {
    RawClient client(server->port());
    client.send(post("x", extra));
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->has("Connection: close"));
    EXPECT_TRUE(client.sees_end());
  }
  RawClient old(server->port());
  old.send("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_TRUE(old.read_answer().value().has("Connection: close"));
  EXPECT_TRUE(old.sees_end());
}

TEST(HttpServer, AnswersAClientThatHasEndedItsSide) {
  auto server = serve(echo);
  RawClient client(server->port());
  client.send(post("first") + post("second"));
  client.end_sending();
  EXPECT_EQ(client.read_answer().value().body, "first");
  EXPECT_EQ(client.read_answer().value().body, "second");
  EXPECT_TRUE(client.sees_end());
}

TEST(HttpServer, AnswersAnExceptionWith500AndKeepsItsText) {
  auto server = serve([](HttpRequest&& request) -> HttpAnswer {
    if (request.path == "/odd") throw 42;
    throw std::runtime_error("the secret is 1234");
  });
  RawClient client(server->port());
  for (const char* path : {"/std", "/odd"}) {
    client.send(post("x", "", path));
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 500);
    EXPECT_EQ((answer->head + answer->body).find("1234"), std::string::npos);
    EXPECT_EQ(answer->head.find("EXCEPTION"), std::string::npos);
  }
  EXPECT_EQ(server->stats().handler_failures, 2u);
  EXPECT_EQ(server->stats().in_handler, 0u);
}

// Heads are remembered; none may go out with another answer's body.
TEST(HttpServer, AnswersThatLookAlikeKeepTheirOwnHeads) {
  auto server = serve([](HttpRequest&& request) {
    HttpAnswer answer = echo(std::move(request));
    if (request.path == "/teapot") answer.status = 418;
    if (request.path == "/json") answer.content_type = "application/json";
    if (request.path == "/retry") answer.headers.emplace_back("Retry-After", "7");
    return answer;
  });
  RawClient client(server->port());
  for (int round = 0; round < 30; ++round) {
    for (const char* path : {"/plain", "/teapot", "/json", "/retry"}) {
      const std::string body =
          std::to_string(round) + path + std::string(static_cast<std::size_t>(round % 3), '.');
      client.send(post(body, "", path));
      const auto answer = client.read_answer();
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->body, body);
      EXPECT_EQ(answer->status, path == std::string("/teapot") ? 418 : 200);
      EXPECT_EQ(answer->has("Content-Type: application/json"), path == std::string("/json"));
      EXPECT_EQ(answer->has("Retry-After: 7"), path == std::string("/retry"));
      EXPECT_FALSE(answer->has("Connection: close"));
    }
  }
  RawClient last(server->port());
  last.send(post("1/plain", "Connection: close\r\n", "/plain"));
  EXPECT_TRUE(last.read_answer().value().has("Connection: close"));
}

TEST(HttpServer, RunsAsManyHandlersAtOnceAsItHasWorkers) {
  HttpOptions options;
  options.workers = 8;
  std::latch all_inside(8);
  auto server = serve(
      [&](HttpRequest&&) {
        all_inside.arrive_and_wait();
        return text("ok");
      },
      options);
  std::vector<RawClient> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(server->port()).send(post("x"));
  for (RawClient& client : clients) EXPECT_EQ(client.read_answer().value().status, 200);
}

TEST(HttpServer, StopAnswersWhatHasArrivedInWhole) {
  HttpOptions options;
  options.workers = 2;
  std::atomic<int> entered{0};
  std::latch go(1);
  auto server = serve(
      [&](HttpRequest&& request) {
        ++entered;
        go.wait();
        return echo(std::move(request));
      },
      options);
  std::vector<RawClient> whole;
  for (int i = 0; i < 6; ++i) whole.emplace_back(server->port()).send(post("x"));
  RawClient idle(server->port());
  RawClient partial(server->port());
  partial.send(post("abc").substr(0, 30));
  ASSERT_TRUE(
      wait_until(milliseconds(5000), [&] { return entered == 2 && server->stats().connections == 8; }));
  std::thread stopper([&] { server->stop(milliseconds(20000)); });
  EXPECT_TRUE(idle.sees_end());
  EXPECT_EQ(partial.read_answer().value().status, 503);  // its rest did not come within the moment it had
  go.count_down();
  int told_to_close = 0;
  for (RawClient& client : whole) {
    const auto answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "x");
    if (answer->has("Connection: close")) ++told_to_close;
    client.close();
  }
  stopper.join();
  EXPECT_EQ(told_to_close, 4);  // all but the two that were with the handler before
  EXPECT_EQ(server->stats().connections, 0u);
  EXPECT_EQ(server->stats().requests, 6u);
  EXPECT_TRUE(server->stop(milliseconds(1000)));
  EXPECT_THROW(RawClient(server->port()), std::system_error);
}

// A disk that has stopped: the sender hears of it while it still listens, and the late reply reaches no other.
TEST(HttpServer, AReplyThatDoesNotComeInTimeIsA503) {
  HttpOptions options;
  options.worker_deadline = milliseconds(50);
  options.reply_deadline = milliseconds(200);
  std::latch go(1);
  std::atomic<int> replied{0};
  auto server = serve(
      [&](HttpRequest&& request) {
        if (request.path == "/slow") go.wait();
        ++replied;
        return echo(std::move(request));
      },
      options);
  RawClient slow(server->port());
  slow.send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nslow");
  const auto answer = slow.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_TRUE(answer->has("Retry-After"));
  EXPECT_TRUE(slow.sees_end());
  EXPECT_EQ(server->stats().requests_given_up, 1u);
  EXPECT_EQ(server->stats().in_handler, 1u);
  RawClient next(server->port());
  next.send(post("next"));
  EXPECT_EQ(next.read_answer().value().body, "next");
  go.count_down();
  ASSERT_TRUE(wait_until(milliseconds(5000), [&] { return server->stats().in_handler == 0; }));
  next.send(post("after"));
  EXPECT_EQ(next.read_answer().value().body, "after");
  EXPECT_EQ(replied, 3);
}

TEST(HttpServer, StopReturnsWhenTheGraceIsOver) {
  std::latch go(1);
  auto server = serve([&](HttpRequest&& request) {
    go.wait();
    return echo(std::move(request));
  });
  RawClient client(server->port());
  client.send(post("x"));
  ASSERT_TRUE(wait_until(milliseconds(5000), [&] { return server->stats().in_handler == 1; }));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(server->stop(milliseconds(50)));
  EXPECT_LT(std::chrono::steady_clock::now() - before, milliseconds(5000));
  go.count_down();
  // The request was taken, so it is answered even now.
  EXPECT_EQ(client.read_answer().value().body, "x");
}

}  // namespace
}  // namespace hookspool::net

// The answer to HEAD has no content, from any part: a handler, the library, the reader, the loop. A client would read it
// as the beginning of its next answer.
#include <gtest/gtest.h>

#include <latch>
#include <string>

#include "net/http/server.h"
#include "tests/unit/net/http_fixture.h"
#include "tests/unit/net/http_raw_client.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;
using testing::post;
using testing::RawClient;
using testing::serve;
using testing::text;

// All that came is one head: its status line and nothing after the empty line.
void expect_head_alone(const std::string& bytes, const std::string& status, const std::string& of) {
  EXPECT_TRUE(bytes.starts_with("HTTP/1.1 " + status)) << of << ":\n" << bytes;
  EXPECT_EQ(bytes.find("\r\n\r\n") + 4, bytes.size()) << of << ":\n" << bytes;
}

TEST(HttpHead, NoRefusalOfTheReaderHasContent) {
  auto server = serve(testing::echo);
  const auto expect = [&](const std::string& request, const std::string& status) {
    RawClient client(server->port());
    ASSERT_TRUE(client.send(request));
    expect_head_alone(client.read_all(), status, request.substr(0, 60));
  };
  expect("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "400");
  expect("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "400");
  expect("HEAD / HTTP/1.1\r\n\r\n", "400");  // no Host
  expect("HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "400");
  expect("HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400");
  expect("HEAD / HTTP/1.1\nHost: a\n\n", "400");
  expect("HEAD / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'y') + "\r\n\r\n", "431");
  expect("HEAD /" + std::string(40'000, 'y') + " HTTP/1.1\r\nHost: a\r\n\r\n", "414");
  expect("HEAD / HTTP/9.9\r\nHost: a\r\n\r\n", "505");
  expect("\r\nHEAD / HTTP/1.1\r\n\r\n", "400");
  expect("\r\rHEAD / HTTP/1.1\r\n\r\n", "400");
}

TEST(HttpHead, NeitherDoesOneThatComesTooLateOrEndsEarly) {
  HttpOptions options;
  options.head_deadline = milliseconds(100);
  auto server = serve(testing::echo, options);
  for (const std::string begun : {"HE", "HEAD / HTTP/1.1\r\nHo", "HEAD / HTTP/1.1\r\n"}) {
    RawClient slow(server->port());
    ASSERT_TRUE(slow.send(begun));
    expect_head_alone(slow.read_all(), "408", begun);
    RawClient ended(server->port());
    ASSERT_TRUE(ended.send(begun));
    ended.end_sending();
    expect_head_alone(ended.read_all(), "400", begun);
  }
}

TEST(HttpHead, NeitherDoesOneOfTheLoopWhileTheHandlerHasIt) {
  std::latch told(1);
  HttpOptions options;
  options.reply_deadline = milliseconds(100);
  options.worker_deadline = milliseconds(50);
  auto server = serve(HttpHandler([&](HttpRequest&&) {
                        told.wait();
                        return text("late");
                      }),
                      options);
  RawClient client(server->port());
  ASSERT_TRUE(client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"));
  expect_head_alone(client.read_all(), "503", "a reply that does not come");
  told.count_down();
}

TEST(HttpHead, NeitherDoesOneForWantOfAPlace) {
  HttpOptions options;
  options.connections_per_address_max = 1;
  options.without_address_limit = {};
  auto server = serve(testing::echo, options);
  RawClient first(server->port());
  ASSERT_TRUE(first.send(post("x")));
  ASSERT_TRUE(first.read_answer());
  RawClient head(server->port());
  (void)head.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");  // it may have been refused before
  expect_head_alone(head.read_all(), "503", "one connection too many");
}

// What the library writes: each answer is whole, so the next one on the connection begins where it should.
TEST(HttpHead, AKeptConnectionStaysInStep) {
  auto server = serve([](HttpRequest&& request) {
    const int status = request.path == "/none" ? 204 : request.path == "/gone" ? 404 : 200;
    if (request.path == "/throws") throw std::runtime_error("no");
    return text(request.path == "/empty" ? "" : "about " + request.method, status);
  });
  RawClient client(server->port());
  for (const std::string path : {"/", "/gone", "/none", "/empty", "/throws"}) {
    for (const std::string method : {"HEAD", "OPTIONS", "GET", "HEAD", "PURGE"}) {
      ASSERT_TRUE(client.send(method + " " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"));
      const auto answer = client.read_answer(method == "HEAD");
      ASSERT_TRUE(answer) << method << ' ' << path;
      const bool empty = method == "HEAD" || path == "/none" || path == "/empty";
      EXPECT_EQ(answer->body.empty(), empty) << method << ' ' << path << ": " << answer->body;
      ASSERT_FALSE(answer->has("Connection: close")) << method << ' ' << path;
    }
    // HEAD's length is GET's.
    ASSERT_TRUE(client.send("HEAD " + path + " HTTP/1.1\r\nHost: a\r\n\r\nGET " + path +
                            " HTTP/1.1\r\nHost: a\r\n\r\n"));
    const auto head = client.read_answer(true);
    const auto get = client.read_answer();
    ASSERT_TRUE(head && get) << path;
    EXPECT_EQ(head->status, get->status) << path;
  }
  client.end_sending();
  EXPECT_EQ(client.read_all(), "");
}

}  // namespace
}  // namespace hookspool::net

// Where the server listens, and the client that calls it there: addresses, ports, Unix sockets.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <latch>
#include <mutex>
#include <string>

#include "net/http/client.h"
#include "net/http/server.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/net/http_fixture.h"
#include "tests/unit/net/http_raw_client.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;
using testing::echo;
using testing::post;
using testing::RawClient;
using testing::serve;
using testing::TempFolder;
using testing::text;

TEST(HttpListener, NeverSharesItsPort) {
  auto server = serve(echo);
  HttpOptions options;
  options.listen = "127.0.0.1:" + std::to_string(server->port());
  const auto second = HttpServer::start(options, echo);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, HttpError::Kind::kAddressInUse);
  EXPECT_NE(second.error().text.find(options.listen), std::string::npos);
  // After a stop the port is free at once, with connections in TIME_WAIT or not.
  RawClient client(server->port());
  client.send(post("x", "Connection: close\r\n"));
  EXPECT_TRUE(client.read_answer());
  server->stop(milliseconds(1000));
  EXPECT_TRUE(HttpServer::start(options, echo).ok());
}

TEST(HttpListener, KnowsLocalhost) {
  HttpOptions options;
  options.listen = "localhost:0";
  EXPECT_TRUE(HttpServer::check_address(options.listen).ok());
  auto server = serve(echo, options);
  RawClient client(server->port());
  client.send(post("x"));
  EXPECT_EQ(client.read_answer().value().body, "x");
}

TEST(HttpListener, NamesWhatIsWrongWithAnAddress) {
  for (const std::string listen :
       {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:80x", "::1:8080",
        "[::1]", "[::1]8080", "[localhost]:8080", "example.com:8080", "[127.0.0.1]:8080",
        "unix:", "unix:relative.sock", "203.0.113.7:0"}) {
    HttpOptions options;
    options.listen = listen;
    const auto server = HttpServer::start(options, echo);
    ASSERT_FALSE(server.ok()) << listen;
    // But for an address that no interface has, which only listening can find out.
    EXPECT_EQ(HttpServer::check_address(listen).ok(), listen == "203.0.113.7:0") << listen;
    EXPECT_EQ(server.error().kind, HttpError::Kind::kBadAddress) << listen;
    EXPECT_NE(server.error().text.find(listen), std::string::npos);
  }
  HttpOptions too_long;
  too_long.listen = "unix:/tmp/" + std::string(120, 'x');
  EXPECT_EQ(HttpServer::start(too_long, echo).error().kind, HttpError::Kind::kBadAddress);
}

// Who asked last, as the server's workers tell it. Thread-safe.
class LastClient {
 public:
  void set(const std::string& address) {
    const std::lock_guard lock(mutex_);
    address_ = address;
  }
  std::string get() const {
    const std::lock_guard lock(mutex_);
    return address_;
  }

 private:
  mutable std::mutex mutex_;
  std::string address_ = "nothing";
};

TEST(HttpListener, ServesIpv6AndNamesIpv4ClientsAsSuch) {
  LastClient seen;
  const auto remember = [&](HttpRequest&& request) {
    seen.set(request.remote_addr);
    return text("ok");
  };
  HttpOptions options;
  options.listen = "[::]:0";
  auto server = serve(remember, options);
  const std::string port = std::to_string(server->port());
  ASSERT_TRUE(http_call("127.0.0.1:" + port, "GET", "/", {}, "", milliseconds(5000)).ok());
  EXPECT_EQ(seen.get(), "127.0.0.1");
  ASSERT_TRUE(http_call("[::1]:" + port, "GET", "/", {}, "", milliseconds(5000)).ok());
  EXPECT_EQ(seen.get(), "::1");
}

TEST(HttpListener, GivesItsUnixSocketToAGroup) {
  const TempFolder folder;
  const std::string path = folder / "x.sock";
  HttpOptions options;
  options.listen = "unix:" + path;
  options.unix_mode = 0660;
  // Root may give it to any group, another user to its own.
  options.unix_gid = ::geteuid() == 0 ? 12345u : ::getegid();
  const auto server = serve(echo, options);
  struct stat file {};
  ASSERT_EQ(::stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_gid, *options.unix_gid);
  EXPECT_EQ(file.st_mode & 07777, 0660u);
}

TEST(HttpListener, ServesAUnixSocket) {
  const TempFolder folder;
  const std::string path = folder / "x.sock";
  HttpOptions options;
  options.listen = "unix:" + path;
  options.unix_mode = 0620;
  LastClient seen;
  auto server = serve(
      [&](HttpRequest&& request) {
        seen.set(request.remote_addr);
        return echo(std::move(request));
      },
      options);
  EXPECT_EQ(server->port(), 0);
  struct stat file {};
  ASSERT_EQ(::stat(path.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0620u);
  RawClient client(path);
  client.send(post("over a file"));
  EXPECT_EQ(client.read_answer().value().body, "over a file");
  EXPECT_EQ(seen.get(), "");
  const auto second = HttpServer::start(options, echo);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, HttpError::Kind::kAddressInUse);
  ASSERT_EQ(::stat(path.c_str(), &file), 0);
  server->stop(milliseconds(1000));
  EXPECT_NE(::stat(path.c_str(), &file), 0);
}

TEST(HttpListener, TakesOverAStaleUnixSocketButNoOtherFile) {
  const TempFolder folder;
  const std::string path = folder / "x.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  const int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(stale, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(stale);
  HttpOptions options;
  options.listen = "unix:" + path;
  { EXPECT_TRUE(HttpServer::start(options, echo).ok()); }

  std::ofstream(path) << "precious";
  const auto server = HttpServer::start(options, echo);
  ASSERT_FALSE(server.ok());
  std::string content;
  std::ifstream(path) >> content;
  EXPECT_EQ(content, "precious");
}

TEST(HttpClient, CallsAndReportsWhatWentWrong) {
  const TempFolder folder;
  HttpOptions options;
  options.listen = "unix:" + (folder / "x.sock").string();
  auto server = serve(
      [](HttpRequest&& request) {
        return text(request.method + " " + request.path + "?" + request.query + " " + *request.header("x") +
                        " " + request.body,
                    201);
      },
      options);
  const std::string big(200000, 'z');
  const auto answer =
      http_call(options.listen, "POST", "/a%20b?c=+", {{"X", "50%"}}, big, milliseconds(10000));
  ASSERT_TRUE(answer.ok()) << answer.error().text;
  EXPECT_EQ(answer.value().status, 201);
  EXPECT_EQ(answer.value().content_type, "text/plain");
  EXPECT_EQ(answer.value().body, "POST /a%20b?c=+ 50% " + big);
  const auto get = http_call(options.listen, "GET", "/", {{"X", "y"}}, "", milliseconds(10000));
  ASSERT_TRUE(get.ok());
  EXPECT_EQ(get.value().body, "GET /? y ");

  server->stop(milliseconds(1000));
  const auto gone = http_call(options.listen, "GET", "/", {}, "", milliseconds(1000));
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().kind, HttpError::Kind::kSystem);
  EXPECT_EQ(http_call("nowhere", "GET", "/", {}, "", milliseconds(1000)).error().kind,
            HttpError::Kind::kBadAddress);
}

TEST(HttpClient, KeepsToItsDeadline) {
  std::latch go(1);
  auto server = serve([&](HttpRequest&&) {
    go.wait();
    return text("late");
  });
  const auto before = std::chrono::steady_clock::now();
  const auto answer =
      http_call("127.0.0.1:" + std::to_string(server->port()), "GET", "/", {}, "", milliseconds(200));
  EXPECT_FALSE(answer.ok());
  EXPECT_LT(std::chrono::steady_clock::now() - before, milliseconds(5000));
  go.count_down();
}

}  // namespace
}  // namespace hookspool::net

// A server that is none: it lets us in and then sends without end. What an agent keeps of it has a limit.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

#include "net/pg/link/connection.h"

namespace hookspool::net {
namespace {

constexpr std::size_t kMuch = 1'000u << 20;  // what the server would like to send

std::string be32(std::uint32_t number) {
  number = htonl(number);
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}
std::string be16(std::uint16_t number) {
  number = htons(number);
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}
std::string message(char type, const std::string& content) {
  return type + be32(static_cast<std::uint32_t>(content.size() + 4)) + content;
}
std::string parameter(const std::string& name, const std::string& value) {
  return message('S', name + '\0' + value + '\0');
}
std::string greeting() {
  return message('R', be32(0)) + parameter("server_version", "15.4") + parameter("in_hot_standby", "off") +
         parameter("default_transaction_read_only", "off") + message('Z', "I");
}

// Takes one connection: the first message gets `greets`, the second `begin`, and `again` until kMuch is out or the
// connection is closed.
class HostileServer {
 public:
  HostileServer(std::string greets, std::string begin, std::string again)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ =
        std::thread([this, greets = std::move(greets), begin = std::move(begin), again = std::move(again)] {
          const int client = ::accept(fd_, nullptr, nullptr);
          char buffer[4096];
          if (::recv(client, buffer, sizeof(buffer), 0) > 0 && put(client, greets) &&
              (begin.empty() || (::recv(client, buffer, sizeof(buffer), 0) > 0 && put(client, begin)))) {
            while (!again.empty() && sent_ < kMuch && put(client, again)) {
            }
          }
          ::close(client);
        });
  }
  ~HostileServer() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  std::string conninfo() const {
    return "host=127.0.0.1 port=" + std::to_string(port_) + " dbname=x user=x sslmode=disable";
  }
  std::size_t sent() const { return sent_; }

 private:
  bool put(int client, const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t done = ::send(client, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (done <= 0) return false;
      at += static_cast<std::size_t>(done);
      sent_ += static_cast<std::size_t>(done);
    }
    return true;
  }
  int fd_;
  int port_ = 0;
  std::atomic<std::size_t> sent_{0};
  std::thread thread_;
};

PgOptions options_for(const HostileServer& server) {
  PgOptions options;
  options.conninfo = server.conninfo();
  return options;
}

std::string description(std::uint16_t columns) {
  std::string content = be16(columns);
  for (int i = 0; i < columns; ++i) {
    content +=
        std::string("c") + '\0' + be32(0) + be16(0) + be32(25) + be16(0xffff) + be32(0xffffffff) + be16(0);
  }
  return message('T', content);
}

void expect_given_up(const std::string& begin, const std::string& again, bool one_message = false) {
  HostileServer server(greeting(), begin, again);
  const auto options = options_for(server);
  auto connection = Connection::connect(options);
  ASSERT_TRUE(connection) << connection.error().text;
  const auto rows =
      (*connection)->query("SELECT 1", std::chrono::steady_clock::now() + std::chrono::seconds(60));
  ASSERT_FALSE(rows);
  EXPECT_NE(rows.error().text.find("longer than"), std::string::npos) << rows.error().text.substr(0, 500);
  EXPECT_LT(rows.error().text.size(), 2'000u);
  EXPECT_TRUE((*connection)->broken());
  if (!one_message) {
    EXPECT_LT(server.sent(), 160u << 20) << "not much more than the limit and the sockets' buffers";
  }
}

TEST(HostileServer, AnAnswerOfRowsWithoutEnd) {
  expect_given_up(description(1), message('D', be16(1) + be32(1u << 20) + std::string(1u << 20, 'x')));
}

TEST(HostileServer, RowsThatAreSmallOnTheWire) {
  std::string row = be16(1'600);
  for (int i = 0; i < 1'600; ++i) row += be32(0xffffffff);  // NULL
  expect_given_up(description(1'600), message('D', row));
}

TEST(HostileServer, OneRowAsLargeAsCanBeAnnounced) {
  expect_given_up(description(1) + 'D' + be32(1u << 30) + be16(1) + be32((1u << 30) - 10),
                  std::string(1u << 20, 'x'), true);
}

TEST(HostileServer, AnErrorAsLargeAsCanBeAnnounced) {
  expect_given_up('E' + be32(1u << 30) + "SERROR", std::string(1u << 20, 'x'), true);
}

TEST(HostileServer, ParametersWithoutEnd) {
  expect_given_up(parameter("a", "b"), parameter("name", std::string(20'000, 'x')));
}

TEST(HostileServer, AnErrorOfAMegabyteIsShortAndEscaped) {
  const std::string text = "boom \x1b[2J\r\u202e" + std::string(1u << 20, 'x');
  HostileServer server(greeting(),
                       message('E', std::string("SERROR") + '\0' + "VERROR" + '\0' + "C42P01" + '\0' + 'M' +
                                        text + '\0' + 'H' + text + '\0' + 'n' + text + '\0' + '\0') +
                           message('Z', "I"),
                       "");
  auto connection = Connection::connect(options_for(server));
  ASSERT_TRUE(connection) << connection.error().text;
  const auto rows =
      (*connection)->query("SELECT 1", std::chrono::steady_clock::now() + std::chrono::seconds(60));
  ASSERT_FALSE(rows);
  for (const std::string& field : {rows.error().text, rows.error().server_hint, rows.error().constraint}) {
    EXPECT_LT(field.size(), 1'200u);
    EXPECT_NE(field.find("boom \\x1b[2J\\r\\u202e"), std::string::npos) << field;
    EXPECT_EQ(field.find('\x1b'), std::string::npos);
  }
}

TEST(HostileServer, AGreetingWithoutEnd) {
  HostileServer server(message('R', be32(0)), "", parameter("name", std::string(20'000, 'x')));
  const auto connection = Connection::connect(options_for(server));
  ASSERT_FALSE(connection);
  EXPECT_NE(connection.error().text.find("before the login is complete"), std::string::npos)
      << connection.error().text;
  EXPECT_LT(server.sent(), 64u << 20);
}

}  // namespace
}  // namespace hookspool::net

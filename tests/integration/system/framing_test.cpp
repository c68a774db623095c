// HEAD and OPTIONS on connections that are kept, at the whole agent: each answer ends where the client thinks it does.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "tests/integration/system/fixture.h"

namespace hookspool::testing {
namespace {

// Sends the bytes on one connection and reads until the agent closes it.
std::string all_answers(int port, const std::string& bytes) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{20, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string all;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size())) {
    std::array<char, 4096> some{};
    for (ssize_t n = 0; (n = ::recv(fd, some.data(), some.size(), 0)) > 0;)
      all.append(some.data(), static_cast<std::size_t>(n));
  }
  ::close(fd);
  return all;
}

struct Asked {
  std::string method;
  std::string path;
  int status;
};

// All of them in one go, and then one that ends the connection.
void expect_in_step(int port, const std::vector<Asked>& all) {
  std::string bytes;
  for (const Asked& one : all) {
    const bool last = &one == &all.back();
    bytes += one.method + ' ' + one.path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
             (one.method == "POST" ? "Content-Length: 0\r\n" : "") + (last ? "Connection: close\r\n" : "") +
             "\r\n";
  }
  std::string rest = all_answers(port, bytes);
  for (const Asked& one : all) {
    const std::string what = one.method + ' ' + one.path;
    const std::size_t head_end = rest.find("\r\n\r\n");
    ASSERT_NE(head_end, std::string::npos) << what << ": " << rest;
    const std::string head = rest.substr(0, head_end + 2);
    EXPECT_TRUE(head.starts_with("HTTP/1.1 " + std::to_string(one.status))) << what << ": " << head;
    rest.erase(0, head_end + 4);
    const std::size_t length = head.find("Content-Length: ");
    if (one.method == "HEAD" || length == std::string::npos) continue;
    rest.erase(0, std::stoul(head.substr(length + 16)));
  }
  EXPECT_EQ(rest, "");
}

TEST(Framing, HeadAndOptionsOnAKeptConnectionOfTheIntake) {
  AgentOptions options = agent_options("");
  options.sources =
      "[sources.shop]\n[sources.probed]\nprobe = [\"HEAD\", \"OPTIONS\"]\n"
      "[sources.none]\nresponse = { status = 204 }\n";
  AgentProcess agent(std::move(options));
  agent.start();
  expect_in_step(agent.intake_port(), {{"HEAD", "/hooks/shop", 405},
                                       {"OPTIONS", "/hooks/shop", 405},
                                       {"HEAD", "/nowhere", 404},
                                       {"OPTIONS", "/nowhere", 404},
                                       {"HEAD", "/hooks/probed", 200},
                                       {"OPTIONS", "/hooks/probed", 200},
                                       {"HEAD", "/livez", 200},
                                       {"OPTIONS", "/livez", 200},
                                       {"HEAD", "/readyz", 200},
                                       {"POST", "/hooks/none", 204},
                                       {"HEAD", "/hooks/none", 405},
                                       {"GET", "/livez", 200}});
}

TEST(Framing, HeadAndOptionsOnAKeptConnectionOfTheAdminListener) {
  AgentProcess agent(agent_options(""));
  agent.start();
  expect_in_step(agent.admin_port(), {{"HEAD", "/", 200},
                                      {"OPTIONS", "/", 405},
                                      {"HEAD", "/health", 200},
                                      {"OPTIONS", "/health", 405},
                                      {"HEAD", "/nowhere", 404},
                                      {"HEAD", "/api/dead", 404},
                                      {"OPTIONS", "/api/dead", 404},
                                      {"HEAD", "/livez", 200},
                                      {"GET", "/livez", 200}});
}

// What the listener refuses by itself: a client that keeps the connection would read content as its next answer.
TEST(Framing, ARefusalOfHeadIsAHeadAlone) {
  AgentProcess agent(agent_options(""));
  agent.start();
  for (const int port : {agent.intake_port(), agent.admin_port()}) {
    for (const std::string rest : {" / HTTP/1.1\r\n\r\n", " / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
                                   " / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}"}) {
      const std::string answer = all_answers(port, "HEAD" + rest);
      ASSERT_TRUE(answer.starts_with("HTTP/1.1 ")) << rest;
      EXPECT_EQ(answer.find("\r\n\r\n") + 4, answer.size()) << rest << answer;
    }
  }
}

}  // namespace
}  // namespace hookspool::testing

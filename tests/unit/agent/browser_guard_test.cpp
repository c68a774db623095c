// What a web page can make a browser send to this machine, and what senders and proxies send.
#include "agent/intake/browser_guard.h"

#include <gtest/gtest.h>

namespace hookspool::agent {
namespace {

net::HttpRequest request(const std::string& host, const std::string& peer = "127.0.0.1") {
  net::HttpRequest request;
  request.method = "POST";
  request.remote_addr = peer;
  if (!host.empty()) request.headers.emplace_back("host", host);
  return request;
}

TEST(BrowserGuard, KnowsTheNamesOfThisMachine) {
  for (const char* host : {"localhost", "LocalHost:8080", "localhost.", "hooks.localhost:80", "127.0.0.1",
                           "127.9.9.9:8080", "[::1]", "[::1]:8080", "[::ffff:127.0.0.1]:80", ""})
    EXPECT_TRUE(has_loopback_host(request(host))) << host;
  for (const char* host :
       {"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1",
        "[2001:db8::1]", "notlocalhost", "[::1", "[]"})
    EXPECT_FALSE(has_loopback_host(request(host))) << host;
}

TEST(BrowserGuard, ANameThatWasMadeToPointHereIsRefusedWithoutSources) {
  EXPECT_TRUE(refused_as_browsers(request("evil.example:8080"), true));
  EXPECT_FALSE(refused_as_browsers(request("localhost:8080"), true));
  EXPECT_FALSE(refused_as_browsers(request("hooks.example.com"), false))
      << "a proxy passes the public name on";
  EXPECT_FALSE(refused_as_browsers(request("hooks.example.com", ""), true))
      << "no browser comes by a Unix socket";
}

TEST(BrowserGuard, APageOfAnotherOriginIsRefused) {
  for (const char* site : {"cross-site", "same-site"}) {
    auto by_page = request("127.0.0.1:8080");
    by_page.headers.emplace_back("sec-fetch-site", site);
    EXPECT_TRUE(refused_as_browsers(by_page, true)) << site;
    EXPECT_TRUE(refused_as_browsers(by_page, false)) << site;
    by_page.remote_addr = "203.0.113.7";  // by way of a trusted proxy, or from elsewhere
    EXPECT_FALSE(refused_as_browsers(by_page, false)) << site;
  }
  for (const char* origin : {"https://evil.example", "null", "http://127.0.0.1:3000", "http://127.0.0.1"}) {
    auto by_page = request("127.0.0.1:8080");
    by_page.headers.emplace_back("origin", origin);
    EXPECT_TRUE(refused_as_browsers(by_page, false)) << origin;
  }
  auto by_hand = request("127.0.0.1:8080");
  by_hand.headers.emplace_back("sec-fetch-site", "none");
  by_hand.headers.emplace_back("origin", "http://127.0.0.1:8080");
  EXPECT_FALSE(refused_as_browsers(by_hand, true));
}

}  // namespace
}  // namespace hookspool::agent

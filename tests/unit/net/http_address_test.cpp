// Addresses, networks, and whom a trusted proxy speaks for.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/http/forwarded.h"
#include "net/http/server.h"
#include "tests/unit/net/http_fixture.h"
#include "tests/unit/net/http_raw_client.h"

namespace hookspool::net {
namespace {

IpAddress ip(const std::string& text) {
  return IpAddress::parse(text).value();
}

TEST(IpAddress, IsReadStrictly) {
  for (const std::string text : {"192.0.2.1", "::1", "2001:db8::1", "255.255.255.255", "::"})
    EXPECT_EQ(ip(text).text(), text);
  EXPECT_EQ(ip("::ffff:192.0.2.1").text(), "192.0.2.1");
  EXPECT_EQ(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
  using std::string_literals::operator""s;
  for (const std::string& text :
       {""s, " "s, "localhost"s, "1.2.3"s, "1.2.3.4 "s, " 1.2.3.4"s, "1.2.3.4:80"s, "01.2.3.4"s, "256.1.1.1"s,
        "0x7f.1"s, "[::1]"s, "fe80::1%eth0"s, "1.2.3.4\0"s, "::1\0x"s, "1.2.3.4/8"s, std::string(500, '1')})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
}

TEST(IpAddress, AnIpv6ClientHoldsItsNetwork) {
  EXPECT_EQ(ip("192.0.2.1").holder(), ip("192.0.2.1"));
  EXPECT_EQ(ip("2001:db8:1:2:3:4:5:6").holder(), ip("2001:db8:1:2:ffff::").holder());
  EXPECT_NE(ip("2001:db8:1:2::").holder(), ip("2001:db8:1:3::").holder());
}

TEST(Networks, ContainWhatTheySay) {
  Networks networks;
  for (const char* text : {"10.0.0.0/8", "192.0.2.128/25", "2001:db8::/33", "203.0.113.7", "::1"})
    ASSERT_TRUE(networks.add(text)) << text;
  for (const char* text : {"10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3", "192.0.2.128", "192.0.2.255",
                           "2001:db8::1", "2001:db8:7fff::1", "203.0.113.7", "::1"})
    EXPECT_TRUE(networks.contain(ip(text))) << text;
  for (const char* text :
       {"9.255.255.255", "11.0.0.0", "192.0.2.127", "2001:db8:8000::1", "203.0.113.6", "::2", "::"})
    EXPECT_FALSE(networks.contain(ip(text))) << text;
  EXPECT_TRUE(Networks::loopback().contain(ip("127.9.9.9")));
  EXPECT_FALSE(Networks().contain(ip("127.0.0.1")));
  Networks all;
  ASSERT_TRUE(all.add("0.0.0.0/0"));
  EXPECT_TRUE(all.contain(ip("1.2.3.4")));
  EXPECT_FALSE(all.contain(ip("2001:db8::1")));
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.1/8",
                           "::/129", "ten", "10.0.0.0/8 ", "10.0.0.0/+8", "2001:db8::1/64"})
    EXPECT_FALSE(networks.add(text)) << text;
}

struct Hop {
  const char* peer;  // empty: a Unix socket
  std::vector<std::string> values;
  const char* client;
};

std::string asked(const Hop& hop, ProxyTrust::Header header) {
  ProxyTrust trust;
  trust.header = header;
  EXPECT_TRUE(trust.networks.add("10.0.0.0/8") && trust.networks.add("fd00::/8"));
  trust.unix_socket = true;
  HeaderLines lines{{"host", "a"}};
  const char* name = header == ProxyTrust::Header::kForwarded ? "forwarded" : "x-forwarded-for";
  const char* other = header == ProxyTrust::Header::kForwarded ? "x-forwarded-for" : "forwarded";
  lines.emplace_back(other, header == ProxyTrust::Header::kForwarded ? "203.0.113.99" : "for=203.0.113.99");
  for (const auto& value : hop.values) lines.emplace_back(name, value);
  return client_address(IpAddress::parse(hop.peer), lines, trust);
}

TEST(XForwardedFor, IsBelievedFromTheRight) {
  for (const Hop& hop : std::vector<Hop>{
           {"10.1.1.1", {"192.0.2.1"}, "192.0.2.1"},
           {"10.1.1.1", {"198.51.100.1, 192.0.2.1"}, "192.0.2.1"},  // what the client wrote itself counts not
           {"10.1.1.1", {"198.51.100.1, 192.0.2.1, 10.2.2.2,10.3.3.3"}, "192.0.2.1"},
           {"10.1.1.1", {"198.51.100.1", "192.0.2.1", "10.2.2.2"}, "192.0.2.1"},
           {"10.1.1.1", {"nonsense, 192.0.2.1"}, "192.0.2.1"},
           {"10.1.1.1", {"192.0.2.1:4711"}, "192.0.2.1"},
           {"10.1.1.1", {"2001:db8::1"}, "2001:db8::1"},
           {"10.1.1.1", {"[2001:db8::1]"}, "2001:db8::1"},
           {"10.1.1.1", {"[2001:db8::1]:443"}, "2001:db8::1"},
           {"10.1.1.1", {"::ffff:192.0.2.1"}, "192.0.2.1"},
           {"10.1.1.1", {"fe80::1%eth0"}, "fe80::1"},
           {"10.1.1.1", {"[fe80::1%25eth0]:443"}, "fe80::1"},
           {"10.1.1.1", {"\"192.0.2.1\""}, "192.0.2.1"},
           // Empty members count for nothing.
           {"10.1.1.1", {"203.0.113.11,"}, "203.0.113.11"},
           {"10.1.1.1", {"203.0.113.11, , 10.2.2.2,,"}, "203.0.113.11"},
           {"10.1.1.1", {",203.0.113.11"}, "203.0.113.11"},
           {"10.1.1.1", {"203.0.113.11", "", " "}, "203.0.113.11"},
           {"fd00::1", {"192.0.2.1"}, "192.0.2.1"},
           {"10.1.1.1", {"10.2.2.2"}, "10.2.2.2"},  // all are proxies: the first of them asks for itself
           {"", {"192.0.2.1"}, "192.0.2.1"},
           // No proxy may say so, or nothing is said.
           {"203.0.113.5", {"192.0.2.1"}, "203.0.113.5"},
           {"10.1.1.1", {}, "10.1.1.1"},
           {"", {}, ""},
           // Malformed: the peer.
           {"10.1.1.1", {""}, "10.1.1.1"},
           {"10.1.1.1", {"unknown"}, "10.1.1.1"},
           {"10.1.1.1", {"192.0.2.1 192.0.2.2"}, "10.1.1.1"},
           {"10.1.1.1", {"192.0.2.1:"}, "10.1.1.1"},
           {"10.1.1.1", {"192.0.2.1:70000"}, "10.1.1.1"},
           {"10.1.1.1", {"[192.0.2.1]"}, "10.1.1.1"},
           {"10.1.1.1", {"[2001:db8::1"}, "10.1.1.1"},
           {"10.1.1.1", {"fe80::1%"}, "10.1.1.1"},
           {"10.1.1.1", {"192.0.2.1%eth0"}, "10.1.1.1"},
           {"10.1.1.1", {" , ,"}, "10.1.1.1"},
           {"10.1.1.1", {"[2001:db8::1]x"}, "10.1.1.1"},
           {"10.1.1.1", {"192.0.2.1, nonsense, 10.2.2.2"}, "10.1.1.1"},
           {"10.1.1.1", {std::string(16000, ',')}, "10.1.1.1"},
       })
    EXPECT_EQ(asked(hop, ProxyTrust::Header::kXForwardedFor), hop.client)
        << hop.peer << ": " << (hop.values.empty() ? "" : hop.values.front());
  std::string chain = "192.0.2.1";
  for (int i = 0; i < 40; ++i) chain += ", 10.0.0.1";
  EXPECT_EQ(asked({"10.1.1.1", {chain}, ""}, ProxyTrust::Header::kXForwardedFor), "10.1.1.1");
}

TEST(Forwarded, IsBelievedFromTheRight) {
  for (const Hop& hop : std::vector<Hop>{
           {"10.1.1.1", {"for=192.0.2.1"}, "192.0.2.1"},
           {"10.1.1.1", {"For=\"192.0.2.1:80\";proto=https;by=10.1.1.1"}, "192.0.2.1"},
           {"10.1.1.1", {"proto=https;for=\"[2001:db8::1]:4711\""}, "2001:db8::1"},
           {"10.1.1.1", {"for=198.51.100.1, for=192.0.2.1;host=\"a,b\", for=10.2.2.2"}, "192.0.2.1"},
           {"10.1.1.1", {"for=198.51.100.1", "for=192.0.2.1"}, "192.0.2.1"},
           {"10.1.1.1", {"for=192.0.2.1,"}, "192.0.2.1"},
           {"10.1.1.1", {"for=192.0.2.1", ", "}, "192.0.2.1"},
           {"10.1.1.1", {"for=192.0.2.1;"}, "192.0.2.1"},
           {"10.1.1.1", {"for=192.0.2.1; proto=https ;; by=_gateway"}, "192.0.2.1"},
           {"10.1.1.1", {"for=\"192.0.2.1:_port\""}, "192.0.2.1"},
           {"203.0.113.5", {"for=192.0.2.1"}, "203.0.113.5"},
           {"10.1.1.1", {"for=unknown"}, "10.1.1.1"},
           {"10.1.1.1", {"for=_hidden"}, "10.1.1.1"},
           {"10.1.1.1", {"proto=https"}, "10.1.1.1"},
           {"10.1.1.1", {"192.0.2.1"}, "10.1.1.1"},
           {"10.1.1.1", {"for=192.0.2.1;for=192.0.2.2"}, "10.1.1.1"},
           {"10.1.1.1", {"for=\"192.0.2.1"}, "10.1.1.1"},
           {"10.1.1.1", {"for=\"192.0.2.\\1\""}, "10.1.1.1"},
           {"10.1.1.1", {"for =192.0.2.1"}, "10.1.1.1"},
           {"10.1.1.1", {"for=2001:db8::1"}, "10.1.1.1"},
           {"10.1.1.1", {"="}, "10.1.1.1"},
           {"10.1.1.1", {""}, "10.1.1.1"},
       })
    EXPECT_EQ(asked(hop, ProxyTrust::Header::kForwarded), hop.client)
        << hop.peer << ": " << (hop.values.empty() ? "" : hop.values.front());
}

TEST(Forwarded, ReachesTheHandlerAsTheAddress) {
  HttpOptions options;
  ASSERT_TRUE(options.proxies.networks.add("127.0.0.0/8"));
  auto server =
      testing::serve([](HttpRequest&& request) { return testing::text(request.remote_addr); }, options);
  testing::RawClient client(server->port());
  client.send(testing::post("", "X-Forwarded-For: 198.51.100.9, 192.0.2.7\r\n"));
  EXPECT_EQ(client.read_answer().value().body, "192.0.2.7");
  client.send(testing::post("", "X-Forwarded-For: 192.0.2.7, <script>\r\n"));
  EXPECT_EQ(client.read_answer().value().body, "127.0.0.1");
}

}  // namespace
}  // namespace hookspool::net

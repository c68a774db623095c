// The listener over TLS: what is served, what is refused, certificates that change, clients that do not play.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "net/http/client.h"
#include "net/http/server.h"
#include "net/http/socket.h"
#include "net/http/tls.h"
#include "tests/support/certificates.h"
#include "tests/support/temp_folder.h"
#include "tests/support/wait.h"
#include "tests/unit/net/http_fixture.h"
#include "tests/unit/net/http_raw_client.h"
#include "tests/unit/net/tls_client.h"

namespace hookspool::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::post;
using testing::RawClient;
using testing::serve;
using testing::TlsClient;
using testing::TlsClientOptions;
using testing::wait_until;

class HttpTls : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    ::signal(SIGPIPE, SIG_IGN);  // the clients here write with plain write()
    folder_ = std::make_unique<testing::TempFolder>("hookspool-http-tls");
    authority_ = testing::make_authority(folder_->path());
    first_ = testing::make_certificate(authority_, folder_->path(), "first", "DNS:localhost,IP:127.0.0.1");
    second_ = testing::make_certificate(authority_, folder_->path(), "second", "DNS:localhost");
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static TlsFiles files_of(const testing::CertificateFiles& files) {
    return {files.certificate.string(), files.key.string()};
  }
  static HttpOptions secure(HttpOptions options = {}) {
    options.tls = files_of(first_);
    return options;
  }
  static TlsClientOptions checked() { return {.authority = authority_.certificate}; }

  static inline std::unique_ptr<testing::TempFolder> folder_;
  static inline testing::CertificateFiles authority_, first_, second_;
};

HttpAnswer sized_or_echo(HttpRequest&& request) {
  return testing::text(request.path == "/large" ? std::string(3u << 20, 'z') : std::move(request.body));
}

TEST_F(HttpTls, ServesLikePlainHttp) {
  auto server = serve(sized_or_echo, secure());
  TlsClient client(server->port(), checked());
  ASSERT_TRUE(client.handshake());
  EXPECT_EQ(client.version(), "TLSv1.3");
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client.send(post("body " + std::to_string(i))));
    ASSERT_TRUE(client.read_answer().ends_with("\r\n\r\nbody " + std::to_string(i)));
  }
  // Pipelined, in one record and split over many.
  ASSERT_TRUE(client.send(post("one") + post("two")));
  EXPECT_TRUE(client.read_answer().ends_with("one"));
  EXPECT_TRUE(client.read_answer().ends_with("two"));
  for (const char c : post("bytewise")) ASSERT_TRUE(client.send(std::string(1, c)));
  EXPECT_TRUE(client.read_answer().ends_with("bytewise"));
  ASSERT_TRUE(
      client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
  EXPECT_TRUE(client.read_answer().ends_with("abc"));
  // Bodies and answers of many records.
  const std::string big(1u << 20, 'b');
  ASSERT_TRUE(client.send(post(big)));
  EXPECT_TRUE(client.read_answer().ends_with(big));
  ASSERT_TRUE(client.send(post("", "Connection: close\r\n", "/large")));
  EXPECT_TRUE(client.read_answer().ends_with(std::string(3u << 20, 'z')));
  EXPECT_TRUE(client.sees_clean_end());
  EXPECT_EQ(server->stats().requests, 106u);
}

TEST_F(HttpTls, AnswersAClientThatHasEndedItsSide) {
  auto server = serve(testing::echo, secure());
  TlsClient client(server->port(), checked());
  ASSERT_TRUE(client.handshake());
  ASSERT_TRUE(client.send(post("last")));
  client.end_sending();
  EXPECT_TRUE(client.read_answer().ends_with("last"));
}

TEST_F(HttpTls, SpeaksOnlyWhatIsSafe) {
  auto server = serve(testing::echo, secure());
  const auto shakes_hands = [&](TlsClientOptions options) {
    TlsClient client(server->port(), options);
    return client.handshake() && client.send(post("x")) && client.read_answer().ends_with("x");
  };
  EXPECT_TRUE(shakes_hands({.version_most = TLS1_2_VERSION}));
  EXPECT_TRUE(shakes_hands({.version_least = TLS1_3_VERSION}));
  EXPECT_FALSE(shakes_hands({.version_least = TLS1_VERSION, .version_most = TLS1_1_VERSION}));
  // No forward secrecy; no authenticated encryption; none at all.
  for (const char* ciphers :
       {"AES256-GCM-SHA384", "ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA384", "NULL"})
    EXPECT_FALSE(shakes_hands({.version_most = TLS1_2_VERSION, .ciphers = ciphers})) << ciphers;
  // A key exchange whose cost is known, and small: no finite fields.
  for (const char* group : {"X25519", "P-256", "P-384"})
    EXPECT_TRUE(shakes_hands({.groups = group})) << group;
  for (const char* group : {"ffdhe2048", "ffdhe8192", "P-521", "X448"})
    EXPECT_FALSE(shakes_hands({.version_least = TLS1_3_VERSION, .groups = group})) << group;
  EXPECT_FALSE(shakes_hands({.version_most = TLS1_2_VERSION, .ciphers = "DHE-RSA-AES256-GCM-SHA384"}));
  EXPECT_TRUE(shakes_hands({.alpn = "\x02h2\x08http/1.1"}));
  EXPECT_FALSE(shakes_hands({.alpn = "\x02h2"}));
}

TEST_F(HttpTls, TellsPlainHttpThatItIsWrongHere) {
  auto server = serve(testing::echo, secure());
  RawClient client(server->port());
  client.send(post("x"));
  const auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 400);
  EXPECT_NE(answer->body.find("https"), std::string::npos);
  EXPECT_TRUE(client.sees_end());
  for (const std::string& bytes :
       {std::string(100, '\0'), std::string("\x16\x03\x01\xff\xff"), std::string("junk")}) {
    RawClient other(server->port());
    other.send(bytes);
    other.end_sending();
    other.read_all();  // an alert, or nothing, and then the end
  }
  EXPECT_TRUE(wait_until(seconds(10), [&] { return server->stats().connections == 0; }));
  EXPECT_EQ(server->stats().requests, 0u);
}

TEST_F(HttpTls, HandshakesHaveADeadline) {
  HttpOptions options = secure();
  options.handshake_deadline = milliseconds(300);
  auto server = serve(testing::echo, options);
  RawClient silent(server->port());
  RawClient half(server->port());
  half.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  RawClient dripping(server->port());
  dripping.send("\x16");
  EXPECT_TRUE(silent.sees_end());
  EXPECT_TRUE(half.sees_end());
  EXPECT_TRUE(dripping.sees_end());
  // After its handshake a client has the longer time of an idle connection.
  TlsClient good(server->port(), checked());
  ASSERT_TRUE(good.handshake());
  EXPECT_FALSE(wait_until(milliseconds(600), [&] { return server->stats().connections == 0; }));
  ASSERT_TRUE(good.send(post("x")));
  EXPECT_TRUE(good.read_answer().ends_with("x"));
}

TEST_F(HttpTls, TheOldConnectionsGoOnWhenTheCertificateChanges) {
  const auto certificate = folder_->path() / "served.crt";
  const auto key = folder_->path() / "served.key";
  const auto over = std::filesystem::copy_options::overwrite_existing;
  const auto put = [&](const testing::CertificateFiles& files) {
    std::filesystem::copy_file(files.certificate, certificate, over);
    std::filesystem::copy_file(files.key, key, over);
  };
  put(first_);
  HttpOptions options;
  options.tls = {certificate.string(), key.string()};
  auto server = serve(testing::echo, options);
  TlsClient old(server->port(), checked());
  ASSERT_TRUE(old.handshake());
  const std::string subject = old.subject();
  put(second_);
  const auto reloaded = server->reload_certificate(options.tls);
  ASSERT_TRUE(reloaded.ok()) << reloaded.error().text;
  EXPECT_GT(*reloaded, 0);
  TlsClient fresh(server->port(), checked());
  ASSERT_TRUE(fresh.handshake());
  EXPECT_NE(fresh.subject(), subject);
  // A certificate without its key: nothing changes, and the reason is logged.
  std::filesystem::copy_file(first_.certificate, certificate, over);
  const auto refused = server->reload_certificate(options.tls);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, HttpError::Kind::kBadCertificate);
  EXPECT_NE(refused.error().text.find(key.string()), std::string::npos) << refused.error().text;
  TlsClient after(server->port(), checked());
  ASSERT_TRUE(after.handshake());
  EXPECT_EQ(after.subject(), fresh.subject());
  for (TlsClient* client : {&old, &fresh, &after}) {
    ASSERT_TRUE(client->send(post("still here")));
    EXPECT_TRUE(client->read_answer().ends_with("still here"));
  }
}

TEST_F(HttpTls, NamesWhatIsWrongWithItsFiles) {
  const auto write = [&](const std::string& name, const std::string& text) {
    const auto path = folder_->path() / name;
    std::ofstream(path) << text;
    return path.string();
  };
  const std::string junk =
      write("junk.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  const std::string empty = write("empty.pem", "");
  const TlsFiles good = files_of(first_);
  for (const auto& [files, blamed] : std::vector<std::pair<TlsFiles, std::string>>{
           {{"/nonexistent.crt", good.key_file}, "/nonexistent.crt"},
           {{good.certificate_file, "/nonexistent.key"}, "/nonexistent.key"},
           {{junk, good.key_file}, junk},
           {{empty, good.key_file}, empty},
           {{good.certificate_file, empty}, empty},
           {{good.certificate_file, second_.key.string()}, second_.key.string()},
           {{good.key_file, good.certificate_file}, good.key_file},
       }) {
    const auto checked = HttpServer::check_certificate(files);
    ASSERT_FALSE(checked.ok()) << blamed;
    EXPECT_EQ(checked.error().kind, HttpError::Kind::kBadCertificate);
    EXPECT_TRUE(checked.error().text.starts_with(blamed)) << checked.error().text;
    HttpOptions options;
    options.listen = "127.0.0.1:0";
    options.tls = files;
    EXPECT_EQ(HttpServer::start(options, testing::echo).error().kind, HttpError::Kind::kBadCertificate);
  }
  EXPECT_TRUE(HttpServer::check_certificate(good).ok());
}

// Each update of a key is work for the server and no byte for a client: no other may have to wait for it.
TEST_F(HttpTls, AFloodOfKeyUpdatesKeepsNobodyWaiting) {
  auto server = serve(testing::echo, secure());
  std::atomic<bool> stop{false};
  std::atomic<bool> cut_off{false};
  std::jthread flooder([&] {
    TlsClient client(server->port(), {.version_least = TLS1_3_VERSION});
    if (!client.handshake()) return;
    while (!stop && client.update_key()) {
    }
    cut_off = !stop;
  });
  for (int i = 0; i < 20; ++i) {
    TlsClient good(server->port(), checked());
    ASSERT_TRUE(good.handshake());
    ASSERT_TRUE(good.send(post("x")));
    ASSERT_TRUE(good.read_answer().ends_with("x"));
  }
  EXPECT_TRUE(wait_until(seconds(20), [&] { return cut_off.load(); }));
  stop = true;
}

// Without a bound one read would go on for as long as there are updates.
TEST_F(HttpTls, OneReadIsBounded) {
  auto listener = Listener::open("127.0.0.1:0", 0);
  ASSERT_TRUE(listener.ok());
  TlsClient client(listener->port(), {.version_least = TLS1_3_VERSION});
  std::optional<IpAddress> peer;
  Fd accepted;
  ASSERT_TRUE(wait_until(seconds(20), [&] { return (accepted = listener->accept(peer)).is_open(); }));
  auto context = TlsContext::load(files_of(first_));
  ASSERT_TRUE(context.ok());
  const auto session = TlsSession::accept(*context, accepted.get());
  ASSERT_NE(session, nullptr);
  std::vector<char> scratch(65536);
  std::string_view bytes;
  std::jthread shaking([&] { EXPECT_TRUE(client.handshake()); });
  ASSERT_TRUE(wait_until(seconds(20),
                         [&] { return session->receive(scratch, bytes) == TlsSession::Received::kHello; }));
  EXPECT_EQ(session->held_bytes(), 0u) << "the ClientHello waits in the socket";
  ASSERT_TRUE(session->begin());
  ASSERT_TRUE(wait_until(seconds(20), [&] {
    session->receive(scratch, bytes);
    return session->is_established();
  }));
  shaking.join();
  EXPECT_EQ(session->receive(scratch, bytes), TlsSession::Received::kNothing);
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(client.update_key(false));
  EXPECT_EQ(session->receive(scratch, bytes), TlsSession::Received::kBroken) << "and there is an end to them";
}

TEST_F(HttpTls, ManyComeAndGoWhileItStops) {
  for (int round = 0; round < 3; ++round) {
    auto server = serve(sized_or_echo, secure());
    std::atomic<int> answered{0};
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t, port = server->port()] {
        try {
          for (int i = 0; i < 10'000; ++i) {
            TlsClient client(port);
            if (t == 3) continue;  // gone before the handshake
            if (!client.handshake() || !client.send(post("x") + post("y"))) return;
            if (t == 2) continue;  // gone before the answer
            if (!client.read_answer().ends_with("x") || !client.read_answer().ends_with("y")) return;
            ++answered;
          }
        } catch (const std::system_error&) {
          // The listener is gone: what the stop is for.
        }
      });
    }
    EXPECT_TRUE(wait_until(seconds(30), [&] { return answered >= 10; }));
    EXPECT_TRUE(server->stop(seconds(10)));
    threads.clear();
    EXPECT_EQ(server->stats().connections, 0u);
  }
}

TEST_F(HttpTls, OurOwnClientSpeaksIt) {
  auto server = serve(testing::echo, secure());
  const auto answer = http_call("127.0.0.1:" + std::to_string(server->port()), "POST", "/p", {}, "body",
                                milliseconds(10'000), true);
  ASSERT_TRUE(answer.ok()) << answer.error().text;
  EXPECT_EQ(answer->body, "body");
}

TEST_F(HttpTls, TheSilentLeaveWhenThereIsNoRoom) {
  HttpOptions options = secure();
  options.connections_max = 10;
  options.handshake_deadline = seconds(600);
  auto server = serve(testing::echo, options);
  std::vector<RawClient> silent;
  for (int i = 0; i < 10; ++i) silent.emplace_back(server->port());
  ASSERT_TRUE(wait_until(seconds(10), [&] { return server->stats().connections == 10; }));
  EXPECT_TRUE(wait_until(seconds(10), [&] {
    TlsClient good(server->port(), checked());
    return good.handshake() && good.send(post("x")) && good.read_answer().ends_with("x");
  }));
  EXPECT_GE(server->stats().connections_evicted, 1u);
}

}  // namespace
}  // namespace hookspool::net

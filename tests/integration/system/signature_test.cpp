// Signatures, handshakes and the quarantine through the real agent: what senders and other clients see, and what is kept.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "net/verify/digest.h"
#include "net/verify/encoding.h"
#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

constexpr int kUsage = 64, kData = 65;  // sysexits.h

std::int64_t now_s() {
  return std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string hmac_hex(const std::string& secret, const std::string& text) {
  const std::string_view piece = text;
  return net::encode_hex(net::hmac(net::Algorithm::kSha256, secret, std::span(&piece, 1)).value());
}

std::string stripe_header(const std::string& secret, const std::string& body, std::int64_t at_s) {
  const std::string time = std::to_string(at_s);
  return "Stripe-Signature: t=" + time + ",v1=" + hmac_hex(secret, time + "." + body) + "\r\n";
}

std::string github_header(const std::string& secret, const std::string& body) {
  return "X-Hub-Signature-256: sha256=" + hmac_hex(secret, body) + "\r\n";
}

// One connection from an address of this machine, one request, and every byte that comes back.
std::string exchange_from(const char* address, int port, const std::string& request) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  ::inet_pton(AF_INET, address, &from.sin_addr);
  sockaddr_in to = from;
  ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  // The sockets' interface takes a sockaddr for whatever family it is.
  const bool open =
      fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&from), sizeof from) == 0 &&
      ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 &&
      ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size());
  std::string answer;
  pollfd readable{fd, POLLIN, 0};
  for (char buffer[4096]; open && ::poll(&readable, 1, 20'000) == 1;) {
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
  if (fd >= 0) ::close(fd);
  return answer;
}

class SignatureTest : public ::testing::Test {
 protected:
  SignatureTest() : agent_(agent_options("")) {}

  std::string secret(const std::string& name, const std::string& content) {
    const auto file = secrets_.path() / name;
    std::ofstream(file) << content << "\n";
    ::chmod(file.c_str(), 0600);
    return "{ file = \"" + file.string() + "\" }";
  }
  std::string source(const std::string& name, const std::string& verify, const std::string& more = "") {
    return "[sources." + name + "]\nverify = \"" + verify + "\"\nsecrets = [" + secret(name, "right") +
           "]\n" + more;
  }
  Captured command(std::vector<std::string> words) const {
    words.insert(words.begin(), agent_binary());
    words.insert(words.end(), {"--config", agent_.config_file().string()});
    return run_and_capture({.argv = std::move(words)}, seconds(60));
  }
  Json json_of(std::vector<std::string> words, int code = 0) const {
    words.emplace_back("--json");
    const Captured captured = command(std::move(words));
    EXPECT_EQ(captured.status.code, code) << captured.output;
    const auto begin = captured.output.find('{'), end = captured.output.rfind('}');
    if (begin == std::string::npos || end == std::string::npos) return Json::object();
    return Json::parse(captured.output.substr(begin, end + 1 - begin), nullptr, false);
  }
  Answer post(const std::string& path, const std::string& headers, const std::string& body) const {
    return RawClient(agent_.intake_port()).exchange(post_request("/hooks/" + path, headers, body));
  }
  std::string raw(const std::string& method, const std::string& target, const std::string& headers = "",
                  const std::string& body = "") const {
    return exchange_from("127.0.0.1", agent_.intake_port(),
                         method + " /hooks/" + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" +
                             headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  long long pending() const { return agent_.health_number("/journal/events_appended"); }

  TempFolder secrets_{"hookspool-secrets"};
  AgentProcess agent_;
};

TEST_F(SignatureTest, OnlyWhatIsSignedIsTakenAndTheSenderIsToldNothing) {
  agent_.options().sources = source("pay", "stripe") + source("bot", "telegram") + source("door", "basic");
  secret("door", "user:pass");
  agent_.start();
  const std::string body = R"({"id":"evt_1"})";
  EXPECT_EQ(post("pay", stripe_header("right", body, now_s()), body).status, 200);
  const Answer bare = post("pay", "", body);
  EXPECT_EQ(bare.status, 401);
  for (const std::string& headers :
       {stripe_header("wrong", body, now_s()), stripe_header("right", body + " ", now_s()),
        stripe_header("right", body, now_s() - 1'000), stripe_header("right", body, now_s() + 1'000),
        stripe_header("right", body, now_s()) + stripe_header("right", body, now_s()),
        std::string("Stripe-Signature: t=x,v1=zz\r\n"), std::string("Stripe-Signature: \r\n")}) {
    const Answer answer = post("pay", headers, body);
    EXPECT_EQ(answer.status, 401) << headers;
    EXPECT_EQ(answer.body, bare.body) << "which part it was is not the sender's business";
  }
  EXPECT_NE(agent_.log().find("the header stripe-signature is missing"), std::string::npos);
  EXPECT_EQ(post("bot", "X-Telegram-Bot-Api-Secret-Token: right\r\n", "{}").status, 200);
  EXPECT_EQ(post("bot", "X-Telegram-Bot-Api-Secret-Token: righ\r\n", "{}").status, 401);
  EXPECT_EQ(post("door", "Authorization: Basic dXNlcjpwYXNz\r\n", "{}").status, 200);
  EXPECT_NE(raw("POST", "door", "", "{}").find("WWW-Authenticate: Basic"), std::string::npos);
  EXPECT_EQ(pending(), 3);
  EXPECT_EQ(agent_.health_number("/intake/refused/signature"), 10);
}

TEST_F(SignatureTest, HandshakesAreAnsweredAndNeverKept) {
  agent_.options().sources = source("meta", "meta", "verify_token = " + secret("token", "tok") + "\n") +
                             source("box", "dropbox") + source("graph", "microsoft-graph") +
                             source("slack", "slack") + source("zoom", "zoom") + source("plain", "github");
  agent_.start();
  const auto is = [](const std::string& answer, const std::string& status, const std::string& body) {
    return answer.starts_with("HTTP/1.1 " + status) && answer.ends_with("\r\n\r\n" + body) &&
           answer.find("Content-Type: text/plain; charset=utf-8\r\n") != std::string::npos &&
           answer.find("X-Content-Type-Options: nosniff\r\n") != std::string::npos;
  };
  std::string answer = raw("GET", "meta?hub.mode=subscribe&hub.challenge=115&hub.verify_token=tok");
  EXPECT_TRUE(is(answer, "200", "115")) << answer;
  answer = raw("GET", "meta?hub.mode=subscribe&hub.challenge=115&hub.verify_token=no");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 403")) << answer;
  answer = raw("GET", "box?challenge=aBc");
  EXPECT_TRUE(is(answer, "200", "aBc")) << answer;
  answer = raw("POST", "graph?validationToken=Validation%3a+Testing+1", "Content-Type: text/plain\r\n");
  EXPECT_TRUE(is(answer, "200", "Validation: Testing 1")) << answer;
  const std::string time = std::to_string(now_s());
  const std::string challenge = R"({"type":"url_verification","challenge":"3eZb"})";
  answer = raw("POST", "slack",
               "X-Slack-Signature: v0=" + hmac_hex("right", "v0:" + time + ":" + challenge) +
                   "\r\nX-Slack-Request-Timestamp: " + time + "\r\n",
               challenge);
  EXPECT_TRUE(is(answer, "200", "3eZb")) << answer;
  EXPECT_TRUE(raw("POST", "slack", "", challenge).starts_with("HTTP/1.1 401"));
  const std::string validation = R"({"event":"endpoint.url_validation","payload":{"plainToken":"qgg8"}})";
  answer = raw("POST", "zoom",
               "x-zm-signature: v0=" + hmac_hex("right", "v0:" + time + ":" + validation) +
                   "\r\nx-zm-request-timestamp: " + time + "\r\n",
               validation);
  EXPECT_TRUE(
      answer.ends_with(R"({"plainToken":"qgg8","encryptedToken":")" + hmac_hex("right", "qgg8") + "\"}"))
      << answer;
  EXPECT_TRUE(raw("POST", "zoom", "", validation).starts_with("HTTP/1.1 401"))
      << "it would sign for any client";

  for (const char* target : {"box?challenge=%3Cscript%3Ealert(1)%3C/script%3E",
                             "meta?hub.mode=subscribe&hub.challenge=<script>alert(1)"}) {
    answer = raw("GET", target);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400")) << answer;
    EXPECT_EQ(answer.find("script"), std::string::npos) << answer;
  }
  answer = raw("POST", "graph?validationToken=%3Cscript%3E");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400")) << answer;
  EXPECT_EQ(answer.find("script"), std::string::npos) << answer;
  EXPECT_TRUE(raw("GET", "plain?challenge=a").starts_with("HTTP/1.1 405")) << "not of this sender";
  EXPECT_EQ(pending(), 0);
  EXPECT_GE(agent_.health_number("/intake/handshakes"), 9);
}

TEST_F(SignatureTest, TheCommandSaysWhichPartDoesNotFit) {
  agent_.options().sources = source("pay", "stripe");
  agent_.start();
  const std::string body = R"({"id":"evt_1"})";
  const auto body_file = secrets_.path() / "body", raw_file = secrets_.path() / "raw";
  std::ofstream(body_file) << body;
  const auto header = [&](const std::string& secret) {
    const std::string line = stripe_header(secret, body, now_s());
    return line.substr(0, line.size() - 2);
  };
  EXPECT_TRUE(json_of({"verify-signature", "--source", "pay", "-H", header("right"), body_file}).at("fits"));
  Json told = json_of({"verify-signature", "--source", "pay", "-H", header("wrong"), body_file}, kData);
  EXPECT_EQ(told.at("mismatch"), "no_secret_fits");
  EXPECT_EQ(told.at("/signed/shape"_json_pointer), "{timestamp}.{body}");
  EXPECT_EQ(told.at("/signed/bytes"_json_pointer), 10 + 1 + body.size());
  EXPECT_EQ(told.at("/expected/0"_json_pointer).get<std::string>().size(), 6u);
  EXPECT_EQ(told.dump().find("right"), std::string::npos) << "the secret";
  std::ofstream(raw_file) << "POST /hooks/pay HTTP/1.1\r\nHost: a\r\nstripe-signature: t=1614265330,v1=" +
                                 std::string(64, 'a') + "\r\n\r\n" + body;
  told = json_of({"verify-signature", "--source", "pay", "--request", raw_file}, kData);
  EXPECT_EQ(told.at("mismatch"), "too_old");
  told = json_of(
      {"verify-signature", "--source", "pay", "--request", raw_file, "--at", "2021-02-25T15:02:10Z"}, kData);
  EXPECT_EQ(told.at("mismatch"), "no_secret_fits");
  secret("slim", "It's a Secret to Everybody");
  std::ofstream(body_file) << "Hello, World!";
  const std::vector<std::string> github{
      "verify-signature",
      "--scheme",
      "github",
      "--secret-file",
      secrets_.path() / "slim",
      "-H",
      "X-Hub-Signature-256: sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
      body_file};
  EXPECT_EQ(command(github).status.code, 0);
  EXPECT_NE(command(github).output.find("result    fits"), std::string::npos);
  EXPECT_EQ(command({"verify-signature", "--scheme", "githb", body_file}).status.code, kUsage);
  EXPECT_EQ(command({"verify-signature", "--scheme", "github", body_file}).status.code, kUsage);
  EXPECT_EQ(command({"verify-signature", body_file}).status.code, kUsage);
  EXPECT_EQ(command({"verify-signature", "--source", "nobody", body_file}).status.code, kUsage);
}

// The secret was mistyped; the agent was even killed meanwhile. Nothing of what the sender sent is lost.
TEST_F(SignatureTest, ABotchedRotationIsHealed) {
  PgCluster postgres;
  agent_.options().conninfo = postgres.conninfo();
  agent_.options().sources =
      source("pay", "stripe", "on_bad_signature = \"quarantine\"\ntimestamp_tolerance = \"60s\"\n");
  secret("pay", "mistyped");
  agent_.start();
  agent_.wait_mode("online");
  // Within the tolerance for ten seconds more.
  const std::int64_t sent_s = now_s() - 50;
  for (int i = 0; i < 5; ++i) {
    const std::string body = "{\"id\":\"evt_" + std::to_string(i) + "\"}";
    EXPECT_EQ(post("pay", stripe_header("right", body, sent_s), body).status, 401);
  }
  const std::string forged = R"({"id":"forged"})";
  EXPECT_EQ(post("pay", stripe_header("nobody's", forged, sent_s), forged).status, 401);
  EXPECT_EQ(post("pay", "", forged).status, 401) << "not signed at all, and not kept";
  Json listed = json_of({"quarantine", "list"});
  ASSERT_EQ(listed.at("quarantined").size(), 6u) << listed;
  EXPECT_EQ(json_of({"quarantine", "verify"}).at("not_genuine"), 6);
  const std::string first = listed.at("/quarantined/0/id"_json_pointer);
  const Json shown = json_of({"quarantine", "show", first});
  EXPECT_EQ(shown.at("body"), R"({"id":"evt_0"})");
  EXPECT_EQ(shown.at("reason"), "no_secret_fits");

  agent_.kill();
  const std::int64_t killed_s = now_s();
  secret("pay", "right");
  // When their time is over: what counts is when they came.
  ASSERT_TRUE(wait_until(seconds(20), [&] { return now_s() > sent_s + 61; }));
  agent_.start();
  const Json verified = json_of({"quarantine", "verify", "--source", "pay"});
  EXPECT_EQ(verified.at("admitted"), 5) << verified;
  EXPECT_EQ(verified.at("not_genuine"), 1);
  EXPECT_EQ(json_of({"quarantine", "verify"}).at("admitted"), 0);
  agent_.wait_caught_up();
  EXPECT_EQ(postgres.value("SELECT string_agg(payload->>'id', ' ' ORDER BY seq) FROM hookspool.events"),
            "evt_0 evt_1 evt_2 evt_3 evt_4");
  EXPECT_EQ(postgres.value("SELECT id FROM hookspool.events ORDER BY seq LIMIT 1"), first);
  EXPECT_EQ(postgres.value("SELECT count(*) FROM hookspool.events WHERE extract(epoch FROM received_at) <= " +
                           std::to_string(killed_s + 1)),
            "5")
      << "when they came, not when they were admitted";
  EXPECT_EQ(json_of({"verify"}).at("missing"), 0);
  EXPECT_EQ(json_of({"quarantine", "discard", "--all"}).at("discarded"), 1);
  EXPECT_EQ(json_of({"quarantine", "discard", first}, kData).at("unknown").size(), 1u);
  EXPECT_EQ(command({"quarantine", "show", first}).status.code, kData);
}

// Killed again and again while they are admitted: each goes in, and none twice.
TEST_F(SignatureTest, AKillInTheMiddleOfAnAdmissionNeitherLosesNorDoubles) {
  constexpr int kRequests = 150;
  PgCluster postgres;
  agent_.options().conninfo = postgres.conninfo();
  agent_.options().sources = source("g", "github", "on_bad_signature = \"quarantine\"\n");
  secret("g", "mistyped");
  agent_.start();
  for (int i = 0; i < kRequests; ++i) {
    const std::string body = std::to_string(i);
    EXPECT_EQ(post("g", github_header("right", body), body).status, 401);
  }
  ASSERT_EQ(agent_.health_number("/quarantine/requests"), kRequests);
  secret("g", "right");
  int kills = 0;
  for (const int until : {1, 7, 25, 40}) {
    agent_.terminate();
    agent_.start();
    Process verify({.argv = {agent_binary(), "quarantine", "verify", "--config", agent_.config_file()}});
    const bool reached = wait_until(seconds(30), [&] {
      return agent_.health_number("/quarantine/admitted") >= until ||
             agent_.health_number("/quarantine/requests") == 0;
    });
    agent_.kill();
    kills += reached ? 1 : 0;
    agent_.start();
  }
  EXPECT_GE(kills, 1);
  json_of({"quarantine", "verify"});
  EXPECT_EQ(agent_.health_number("/quarantine/requests"), 0);
  agent_.wait_caught_up();
  EXPECT_EQ(
      postgres.value("SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || count(DISTINCT payload #>> '{}')"
                     " FROM hookspool.events"),
      "150 150 150");
  EXPECT_EQ(postgres.value("SELECT count(*) FROM hookspool.dead_letters"), "0");
}

TEST_F(SignatureTest, StrangersAreBoundedAndInNobodysWay) {
  agent_.options().sources =
      source("g", "github", "on_bad_signature = \"quarantine\"\n") + source("good", "github") +
      "[quarantine]\nmax_requests_per_source = 40\nmax_bytes_per_source = \"256KiB\"\n";
  secret("g", "mistyped");
  agent_.start();
  const auto send_from = [&](const char* address, const std::string& signed_with, const std::string& body) {
    return exchange_from(address, agent_.intake_port(),
                         "POST /hooks/g HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" +
                             github_header(signed_with, body) +
                             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  };
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(send_from("127.0.0.2", "right", std::to_string(i)).starts_with("HTTP/1.1 401"));
  }
  for (int i = 0; i < 600; ++i) {
    const std::string body = std::string(static_cast<std::size_t>(i) * 37 % 9'000, 'x');
    EXPECT_TRUE(send_from("127.0.0.1", "guess", body).starts_with("HTTP/1.1 401"));
    if (i % 50 != 0) continue;
    EXPECT_EQ(post("good", github_header("right", body), body).status, 200);
  }
  EXPECT_LE(agent_.health_number("/quarantine/requests"), 40);
  EXPECT_LE(agent_.health_number("/quarantine/bytes"), 256 << 10);
  EXPECT_GT(agent_.health_number("/quarantine/shed"), 0);
  EXPECT_EQ(agent_.health_number("/quarantine/kept") + agent_.health_number("/quarantine/not_kept"), 605);
  EXPECT_LT(std::filesystem::file_size(agent_.journal() / "quarantine.db"), 4u << 20);
  EXPECT_EQ(pending(), 12);
  // The sender's own are still there, so that the corrected secret admits them.
  secret("g", "right");
  EXPECT_EQ(agent_.terminate().code, 0);
  agent_.start();
  EXPECT_EQ(json_of({"quarantine", "verify"}).at("admitted"), 5);
}

// An old body with its old signature, sent again under an id that the sender is going to use: that one must still get in.
TEST_F(SignatureTest, AReplayedBodyDoesNotShutOutTheNextEvent) {
  agent_.options().sources =
      source("g", "github") +
      source("own", "hmac", "dedupe = \"header:X-Delivery\"\nsignature = { header = \"X-Sig\" }\n") +
      source("id", "hmac",
             "signature = { header = \"X-Sig\", signed = \"{id}.{body}\", id_header = \"X-Id\" }\n") +
      source("bot", "telegram") + source("pay", "stripe");
  agent_.start();
  const auto is_event = [&](const std::string& path, const std::string& headers, const std::string& body) {
    const Answer answer = post(path, headers, body);
    EXPECT_EQ(answer.status, 200) << path << ": " << answer.body;
    return answer.body.find("\"duplicate\":true") == std::string::npos;
  };
  const auto github = [&](const std::string& id, const std::string& body, const std::string& hook) {
    return is_event(
        "g",
        github_header("right", body) + "X-GitHub-Delivery: " + id + "\r\nX-GitHub-Hook-ID: " + hook + "\r\n",
        body);
  };
  EXPECT_TRUE(github("d1", "old", "1"));
  EXPECT_TRUE(github("d2", "old", "1")) << "the replay";
  EXPECT_TRUE(github("d2", "new", "1")) << "the genuine one";
  EXPECT_FALSE(github("d2", "new", "1")) << "and its repeat";
  EXPECT_TRUE(github("d2", "new", "2")) << "of another hook";

  const auto own = [&](const std::string& id, const std::string& body) {
    return is_event("own", "X-Sig: " + hmac_hex("right", body) + "\r\nX-Delivery: " + id + "\r\n", body);
  };
  EXPECT_TRUE(own("d1", "old"));
  EXPECT_TRUE(own("d2", "old"));
  EXPECT_TRUE(own("d2", "new"));
  EXPECT_FALSE(own("d2", "new"));

  const std::string token = "X-Telegram-Bot-Api-Secret-Token: right\r\n";
  EXPECT_TRUE(is_event("bot", token, R"({"update_id":1,"a":1})"));
  EXPECT_TRUE(is_event("bot", token, R"({"update_id":1,"a":2})"));
  EXPECT_FALSE(is_event("bot", token, R"({"update_id":1,"a":2})"));

  // An id that is signed counts alone: what is sent again with another text around it is still the same event.
  const auto signed_id = [&](const std::string& id, const std::string& body) {
    return is_event("id", "X-Sig: " + hmac_hex("right", id + "." + body) + "\r\nX-Id: " + id + "\r\n", body);
  };
  EXPECT_TRUE(signed_id("d1", R"({"attempt":1})"));
  EXPECT_FALSE(signed_id("d1", R"({"attempt":2})"));
  EXPECT_TRUE(signed_id("d2", R"({"attempt":1})"));
  const auto stripe = [&](const std::string& body) {
    return is_event("pay", stripe_header("right", body, now_s()), body);
  };
  EXPECT_TRUE(stripe(R"({"id":"evt_1"})"));
  EXPECT_FALSE(stripe(R"({"id":"evt_1","pending_webhooks":1})"));
  EXPECT_TRUE(stripe(R"({"id":""})"));
  EXPECT_TRUE(stripe(R"({"id":""})")) << "an empty id is none";
}

TEST_F(SignatureTest, AProbeIsAnsweredAndNeverKept) {
  agent_.options().sources =
      source("plain", "github", "probe = [\"HEAD\", \"GET\", \"OPTIONS\"]\n") +
      source("meta", "meta", "probe = [\"GET\"]\nverify_token = " + secret("token", "tok") + "\n") +
      source("none", "github");
  agent_.start();
  for (const char* method : {"HEAD", "GET", "OPTIONS"}) {
    const std::string answer = raw(method, "plain?x=1");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << method << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << "no body: " << answer;
    EXPECT_TRUE(raw(method, "none").starts_with("HTTP/1.1 405")) << method;
  }
  EXPECT_TRUE(raw("PUT", "plain").starts_with("HTTP/1.1 405"));
  EXPECT_TRUE(raw("GET", "meta").starts_with("HTTP/1.1 200"));
  const std::string ask = "meta?hub.mode=subscribe&hub.challenge=115&hub.verify_token=";
  EXPECT_TRUE(raw("GET", ask + "tok").ends_with("115")) << "a handshake goes first";
  EXPECT_TRUE(raw("GET", ask + "no").starts_with("HTTP/1.1 403"));
  EXPECT_EQ(pending(), 0);
  EXPECT_EQ(agent_.health_number("/intake/probes"), 4);
}

// Each reason has a line of its own at once; what is only counted is logged when the interval is over.
TEST_F(SignatureTest, TheLogNamesEveryReasonAndCountsTheRest) {
  agent_.options().sources = source("pay", "stripe", "on_bad_signature = \"quarantine\"\n") +
                             source("meta", "meta", "verify_token = " + secret("token", "tok") + "\n") +
                             "[sources.bot]\nmax_rate = 1\nmax_burst = 1\n";
  agent_.start();
  const std::string body = R"({"id":"evt_1"})";
  EXPECT_EQ(post("pay", "", body).status, 401);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(post("pay", stripe_header("new", body, now_s()), body).status, 401);
  const std::string ask = "meta?hub.mode=subscribe&hub.challenge=1&hub.verify_token=";
  raw("GET", ask + "tok");
  raw("GET", ask + "no");
  EXPECT_TRUE(wait_until(seconds(20), [&] { return post("bot", "", "{}").status == 429; }));
  const auto told = [&](const char* text) { return agent_.log().find(text) != std::string::npos; };
  EXPECT_TRUE(wait_until(seconds(40), [&] {
    return told("source pay: 2 more webhooks refused within 10 s (no_secret_fits), 2 of them quarantined");
  })) << agent_.log();
  EXPECT_TRUE(told("source pay: refused a webhook (header_missing): the header stripe-signature is missing"));
  EXPECT_TRUE(told("source pay: quarantined a webhook (no_secret_fits): "));
  EXPECT_TRUE(told("source meta: answered a handshake"));
  EXPECT_TRUE(told("source meta: refused a handshake: hub.verify_token is not this source's"));
  EXPECT_TRUE(told("source bot: 1 answered 429, above max_rate = 1"));
}

}  // namespace
}  // namespace hookspool::testing

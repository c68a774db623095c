// Alerts on their way: to a real HTTP receiver, with and without TLS, and to real commands.
#include <gtest/gtest.h>
#include <signal.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "agent/alerts/alert_command.h"
#include "agent/alerts/alert_destination.h"
#include "agent/alerts/alert_message.h"
#include "agent/alerts/alert_sender.h"
#include "agent/base/wall_clock.h"
#include "net/http/server.h"
#include "net/http/web_request.h"
#include "net/verify/providers.h"
#include "net/verify/verifier.h"
#include "storage/base/mutex.h"
#include "tests/support/certificates.h"
#include "tests/support/free_port.h"
#include "tests/support/temp_folder.h"
#include "tests/support/wait.h"

namespace hookspool::agent {
namespace {

using std::chrono::seconds;
using testing::wait_until;

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr seconds kPatience{60};

// Takes what is posted to it, and answers as a test wants it to.
class Receiver {
 public:
  explicit Receiver(const net::TlsFiles& tls = {}) {
    net::HttpOptions options;
    options.listen = "127.0.0.1:0";
    options.tls = tls;
    auto started = net::HttpServer::start(
        options, net::HttpLaterHandler([this](net::HttpRequest&& request, const net::HttpReply& reply) {
          const MutexLock lock(mutex_);
          taken_.push_back(std::move(request));
          if (answers_nothing_) return unanswered_.push_back(reply);
          reply({failures_ > 0 ? 500 : 200, "text/plain", failures_ > 0 ? "no\x1b[31m" : "fine", {}});
          failures_ -= failures_ > 0 ? 1 : 0;
        }));
    if (!started) throw std::runtime_error(started.error().text);
    server_ = std::move(*started);
  }
  ~Receiver() { server_->stop(seconds(0)); }

  void fail_next(int times) {
    const MutexLock lock(mutex_);
    failures_ = times;
  }
  void answer_nothing() {
    const MutexLock lock(mutex_);
    answers_nothing_ = true;
  }
  std::vector<net::HttpRequest> taken() const {
    const MutexLock lock(mutex_);
    return taken_;
  }
  std::string authority() const { return "127.0.0.1:" + std::to_string(server_->port()); }

 private:
  mutable Mutex mutex_;
  std::vector<net::HttpRequest> taken_ GUARDED_BY(mutex_);
  std::vector<net::HttpReply> unanswered_ GUARDED_BY(mutex_);
  int failures_ GUARDED_BY(mutex_) = 0;
  bool answers_nothing_ GUARDED_BY(mutex_) = false;
  std::unique_ptr<net::HttpServer> server_;
};

AlertsConfig to_webhook(std::string url) {
  AlertsConfig config;
  config.webhook_url = std::move(url);
  return config;
}

Alert some_alert() {
  return {{AlertKind::kLaneBlocked, "shop", "lane shop is blocked: <no> table", "CREATE TABLE"},
          false,
          1'700'000'000'000'000,
          1'700'000'061'000'000};
}

class AlertSendingTest : public ::testing::Test {
 protected:
  AlertSendingTest() { std::signal(SIGPIPE, SIG_IGN); }
  AlertSending post(const AlertsConfig& config) {
    return send_alert(AlertDestination::kWebhook, config, "msg_1", some_alert(), origin_, cancellation_);
  }
  const AlertOrigin origin_{"edge-17", "machine"};
  net::Cancellation cancellation_;
};

TEST_F(AlertSendingTest, AWebhookIsOneOfStandardWebhooks) {
  Receiver receiver;
  AlertsConfig config = to_webhook("http://" + receiver.authority() + "/in?team=ops");
  config.webhook_secret = kSecret;
  const AlertSending sending = post(config);
  EXPECT_TRUE(sending.sent);
  EXPECT_EQ(sending.came_back, "HTTP 200: fine");
  const auto taken = receiver.taken();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].path, "/in");
  EXPECT_EQ(taken[0].query, "team=ops");
  EXPECT_EQ(*taken[0].header("webhook-id"), "msg_1");
  const auto* scheme = net::find_provider("standard-webhooks");
  const std::string secrets[] = {kSecret}, others[] = {"whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
  const net::SignedRequest seen{"POST", "", taken[0].headers, taken[0].body};
  EXPECT_TRUE(net::verify(scheme->scheme, seen, {secrets, "", wall_clock_us()}).fits());
  EXPECT_FALSE(net::verify(scheme->scheme, seen, {others, "", wall_clock_us()}).fits());
  const auto body = nlohmann::json::parse(taken[0].body);
  EXPECT_EQ(body.at("type"), "hookspool.alert.lane-blocked");
  EXPECT_EQ(body.at("timestamp"), "2023-11-14T22:14:21.000000Z");
  const auto& data = body.at("data");
  EXPECT_EQ(data.at("state"), "firing");
  EXPECT_EQ(data.at("subject"), "shop");
  EXPECT_EQ(data.at("since"), "2023-11-14T22:13:20.000000Z");
  EXPECT_EQ(data.at("agent_id"), "edge-17");
}

TEST_F(AlertSendingTest, SlackGetsATextWithoutItsMarkup) {
  const auto firing = nlohmann::json::parse(alert_slack(some_alert(), origin_));
  EXPECT_EQ(firing.at("text"), "hookspool on machine: lane shop is blocked: &lt;no&gt; table\nCREATE TABLE");
  Alert over = some_alert();
  over.resolved = true;
  const auto resolved = nlohmann::json::parse(alert_slack(over, origin_));
  EXPECT_EQ(resolved.at("text"),
            "hookspool on machine: over after 1 min 1 s: lane shop is blocked: &lt;no&gt; table");
}

TEST_F(AlertSendingTest, WhatCameBackIsSaidAndEscaped) {
  Receiver receiver;
  receiver.fail_next(1);
  AlertsConfig config = to_webhook("http://" + receiver.authority());
  const AlertSending refused = post(config);
  EXPECT_FALSE(refused.sent);
  EXPECT_EQ(refused.came_back, "HTTP 500: no\\x1b[31m");
  config.webhook_url = "http://127.0.0.1:" + std::to_string(testing::free_port()) + "/secret-path";
  const AlertSending unreachable = post(config);
  EXPECT_FALSE(unreachable.sent);
  EXPECT_NE(unreachable.came_back.find("no connection to http://127.0.0.1:"), std::string::npos);
  EXPECT_EQ(unreachable.came_back.find("secret-path"), std::string::npos) << unreachable.came_back;
}

TEST_F(AlertSendingTest, ACertificateIsVerified) {
  const testing::TempFolder folder;
  const auto authority = testing::make_authority(folder.path());
  const auto other = testing::make_authority(folder.path(), "other");
  const auto files = testing::make_certificate(authority, folder.path(), "server", "IP:127.0.0.1");
  Receiver receiver({files.certificate, files.key});
  AlertsConfig config = to_webhook("https://" + receiver.authority() + "/");
  config.webhook_ca_file = authority.certificate;
  EXPECT_TRUE(post(config).sent) << post(config).came_back;
  config.webhook_ca_file = other.certificate;
  const AlertSending unknown = post(config);
  EXPECT_FALSE(unknown.sent);
  EXPECT_NE(unknown.came_back.find("certificate"), std::string::npos) << unknown.came_back;
  config.webhook_ca_file = authority.certificate;
  config.webhook_url.replace(config.webhook_url.find("127.0.0.1"), 9, "localhost");
  EXPECT_FALSE(post(config).sent) << "a certificate for another name";
}

TEST_F(AlertSendingTest, AFailedTryIsRepeatedUnderTheSameId) {
  Receiver receiver;
  receiver.fail_next(1);
  const Current<AlertsConfig> config(to_webhook("http://" + receiver.authority() + "/"));
  AlertSender sender(config, origin_);
  sender.start();
  sender.add(some_alert());
  Alert second = some_alert();
  second.resolved = true;
  sender.add(second);
  ASSERT_TRUE(wait_until(kPatience, [&] { return receiver.taken().size() == 3; }));
  const auto taken = receiver.taken();
  EXPECT_EQ(*taken[0].header("webhook-id"), *taken[1].header("webhook-id"));
  EXPECT_NE(*taken[1].header("webhook-id"), *taken[2].header("webhook-id"));
  EXPECT_NE(taken[2].body.find("resolved"), std::string::npos) << "the order is kept";
  EXPECT_TRUE(sender.stop(kPatience));
}

TEST_F(AlertSendingTest, AReceiverThatDoesNotAnswerDelaysNoStop) {
  Receiver receiver;
  receiver.answer_nothing();
  const Current<AlertsConfig> config(to_webhook("http://" + receiver.authority() + "/"));
  AlertSender sender(config, origin_);
  sender.start();
  sender.add(some_alert());
  ASSERT_TRUE(wait_until(kPatience, [&] { return receiver.taken().size() == 1; }));
  EXPECT_TRUE(sender.stop(net::kWebReadTimeout - seconds(1))) << "it was waited for";
}

TEST_F(AlertSendingTest, ACommandGetsTheAlertAndNothingOfTheEnvironment) {
  const testing::TempFolder folder;
  ::setenv("PGPASSWORD", "not-for-a-command", 1);
  const std::string file = folder / "got";
  AlertsConfig config;
  config.command = {"/bin/sh", "-c", "cat > \"$0\"; env >> \"$0\"; echo noted; exit 3", file};
  const AlertSending sending =
      send_alert(AlertDestination::kCommand, config, "msg_1", some_alert(), origin_, cancellation_);
  EXPECT_FALSE(sending.sent);
  EXPECT_EQ(sending.came_back, "exit code 3: noted");
  std::ifstream in(file);
  std::string first;
  std::getline(in, first);
  EXPECT_EQ(nlohmann::json::parse(first).at("data").at("alert"), "lane-blocked");
  const std::string rest{std::istreambuf_iterator<char>(in), {}};
  EXPECT_NE(rest.find("PATH="), std::string::npos);
  EXPECT_EQ(rest.find("not-for-a-command"), std::string::npos);
  ::unsetenv("PGPASSWORD");
}

TEST_F(AlertSendingTest, ACommandThatTakesTooLongIsKilledWithAllThatItStarted) {
  const testing::TempFolder folder;
  const std::string file = folder / "pid";
  const auto ended = run_alert_command(
      {"/bin/sh", "-c", "sleep 600 & echo $! > \"$0.new\"; mv \"$0.new\" \"$0\"; wait", file},
      std::string(1u << 20, 'x'), seconds(2), cancellation_);
  ASSERT_FALSE(ended);
  EXPECT_NE(ended.error().find("was killed: it took longer than 2.0 s"), std::string::npos) << ended.error();
  std::ifstream in(file);
  pid_t child = 0;
  if (!(in >> child)) return;  // so slow a machine that it had not been started
  EXPECT_TRUE(wait_until(kPatience, [&] {
    std::ifstream state("/proc/" + std::to_string(child) + "/stat");
    std::string pid, name, letter;
    return !(state >> pid >> name >> letter) || letter == "Z";
  }));
}

TEST_F(AlertSendingTest, WhatIsNoProgramAndWhatIsCancelledSaySo) {
  const auto absent = run_alert_command({"/nowhere/alert"}, "", seconds(5), cancellation_);
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().find("/nowhere/alert cannot be started: No such file"), std::string::npos);
  cancellation_.cancel();
  const auto cancelled = run_alert_command({"/bin/sleep", "600"}, "", seconds(600), cancellation_);
  ASSERT_FALSE(cancelled);
  EXPECT_NE(cancelled.error().find("cancelled"), std::string::npos);
}

}  // namespace
}  // namespace hookspool::agent

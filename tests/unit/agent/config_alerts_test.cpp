// [alerts]: what is read, what is refused and where, and what a reload calls a change.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "agent/config/config.h"
#include "agent/config/config_changes.h"
#include "net/http/web_address.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

class ConfigAlertsTest : public ::testing::Test {
 protected:
  ConfigAlertsTest() { ::unsetenv("DATABASE_URL"); }
  std::string secret(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text << "\n";
    ::chmod((folder_ / name).c_str(), 0600);
    return "{ file = \"" + (folder_ / name).string() + "\" }";
  }
  // All faults, "" when it is accepted.
  static std::string faults_of(const std::string& lines) {
    const auto config = parse_config("[alerts]\n" + lines, "t.toml");
    std::string all;
    if (!config) {
      for (const auto& line : config.error().lines) all += line + "\n";
    }
    return all;
  }
  static AlertsConfig alerts_of(const std::string& lines) {
    const auto config = parse_config("[alerts]\n" + lines, "t.toml");
    EXPECT_TRUE(config) << faults_of(lines);
    return config ? config->alerts : AlertsConfig{};
  }
  testing::TempFolder folder_;
};

TEST_F(ConfigAlertsTest, NothingIsSentByDefault) {
  EXPECT_FALSE(alerts_of("").sends_anything());
}

TEST_F(ConfigAlertsTest, EachKeyIsRead) {
  const AlertsConfig alerts = alerts_of(
      "webhook_url = " + secret("url", "https://hooks.slack.com/services/T0/B0/x") +
      "\nwebhook_format = \"slack\"\ncommand = [\"/bin/sh\", \"-c\", \"cat\"]\ncommand_timeout = \"3s\"\n"
      "offline_after = \"1m\"\nfull_within = \"2h\"\ncertificate_within = \"30d\"\nsilent_sources = false\n");
  EXPECT_EQ(alerts.webhook_url, "https://hooks.slack.com/services/T0/B0/x");
  EXPECT_EQ(alerts.webhook_format, AlertsConfig::Format::kSlack);
  EXPECT_EQ(alerts.command, (std::vector<std::string>{"/bin/sh", "-c", "cat"}));
  EXPECT_EQ(alerts.command_timeout, milliseconds(3'000));
  EXPECT_EQ(alerts.offline_after, milliseconds(60'000));
  EXPECT_EQ(alerts.full_within, milliseconds(7'200'000));
  EXPECT_EQ(alerts.certificate_within, std::chrono::hours(30 * 24));
  EXPECT_FALSE(alerts.silent_sources);
  const AlertsConfig signing = alerts_of("webhook_url = \"http://[::1]:9/x\"\nwebhook_secret = " +
                                         secret("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
  EXPECT_EQ(signing.webhook_secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
}

TEST_F(ConfigAlertsTest, EachFaultHasItsLine) {
  const auto expect = [&](const std::string& lines, const std::string& fault) {
    const std::string faults = faults_of(lines);
    EXPECT_NE(faults.find(fault), std::string::npos) << lines << "\n" << faults;
  };
  expect("webhook_url = \"alerts.example.com\"", "t.toml:2:15: alerts.webhook_url: needs to be a URL");
  expect("webhook_url = \"https://user:pass@host/\"", "holds a user or a password");
  expect("webhook_url = \"https://\"", "has no host");
  expect("webhook_url = \"https://host:70000/\"", "no port");
  expect("webhook_url = \"http://h/\"\nwebhook_format = \"teams\"", "t.toml:3:18: alerts.webhook_format");
  expect("webhook_url = \"http://h/\"\nwebhook_secret = \"abc\"", "alerts.webhook_secret: needs a table");
  expect("webhook_url = \"http://h/\"\nwebhook_secret = " + secret("bad", "no base64!"), "openssl rand");
  expect("webhook_url = \"http://h/\"\nwebhook_format = \"slack\"\nwebhook_secret = " +
             secret("s", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
         "is for webhook_format = \"standard\"");
  expect("webhook_url = { file = \"/nowhere\" }", "the secret file /nowhere");
  expect("webhook_ca_file = \"/nowhere\"", "t.toml:2:19: alerts.webhook_ca_file");
  expect("webhook_format = \"slack\"", "needs webhook_url beside it");
  expect("command = \"mail\"", "t.toml:2:11: alerts.command: needs a list");
  expect("command = [\"mail\"]", "needs to be the program's whole path");
  expect("command = [\"/nowhere/alert\"]", "cannot be run by this user");
  expect("command = []", "is a list of texts");
  expect("command_timeout = \"2m\"", "is not a duration from 1.0 s to 1 min 0 s");
  expect("ofline_after = \"5m\"", "did you mean \"offline_after\"?");
}

TEST_F(ConfigAlertsTest, AReloadNamesWhatHasChanged) {
  auto now = parse_config("[alerts]\nwebhook_url = \"http://a/\"\n", "t.toml");
  auto next = parse_config(
      "[agent]\nlog_format = \"json\"\n[alerts]\nwebhook_url = \"http://b/\"\noffline_after = \"1m\"\n",
      "t.toml");
  ASSERT_TRUE(now && next);
  const ConfigChanges changes = settle_changes(*now, *next);
  EXPECT_EQ(changes.changed,
            (std::vector<std::string>{"agent.log_format", "alerts.webhook_url", "alerts.offline_after"}));
  EXPECT_TRUE(changes.needs_restart.empty());
}

TEST(WebAddress, HasWhatIsSentAndShowsNoSecret) {
  const auto slack = net::parse_web_address("https://hooks.slack.com/services/T0?x=1");
  ASSERT_TRUE(slack);
  EXPECT_TRUE(slack->tls);
  EXPECT_EQ(slack->port, 443);
  EXPECT_EQ(slack->target, "/services/T0?x=1");
  EXPECT_EQ(slack->shown(), "https://hooks.slack.com");
  const auto six = net::parse_web_address("http://[::1]:8080?q");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->host, "::1");
  EXPECT_EQ(six->target, "/?q");
  EXPECT_EQ(six->authority(), "[::1]:8080");
  for (const char* bad : {"", "ftp://h/", "https:///x", "http://h:0/", "http://h:8x/", "http://[::1/",
                          "http://h/#f", "http://h /", "http://a\r\nb/", "http://[zz]/"}) {
    EXPECT_FALSE(net::parse_web_address(bad)) << bad;
  }
}

}  // namespace
}  // namespace hookspool::agent

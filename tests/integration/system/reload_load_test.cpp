// Secrets that are rotated, and configurations that change, while senders post: no request is refused, nothing is lost.
#include <atomic>
#include <csignal>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "tests/integration/system/reload_fixture.h"

namespace hookspool::testing {
namespace {

using std::chrono::seconds;

constexpr int kConfig = 78;  // sysexits.h

// Senders that sign with the secret of the moment, and write down what they were answered.
class SignedLoad {
 public:
  SignedLoad(int port, std::string secret) : secret_(std::move(secret)) {
    for (int i = 0; i < 4; ++i) {
      threads_.emplace_back([this, port, i](const std::stop_token& stop) { run(port, i, stop); });
    }
  }
  void sign_with(const std::string& secret) {
    const std::lock_guard lock(mutex_);
    secret_ = secret;
  }
  bool wait_more(std::size_t count) {
    const std::size_t until = acknowledged() + count;
    return wait_until(seconds(60), [&] { return acknowledged() >= until; });
  }
  std::size_t acknowledged() {
    const std::lock_guard lock(mutex_);
    return ids_.size();
  }
  void stop() { threads_.clear(); }
  // After stop().
  const std::set<std::string>& ids() const { return ids_; }
  const std::map<int, int>& other_answers() const { return others_; }  // status -> how often

 private:
  void run(int port, int sender, const std::stop_token& stop) {
    RawClient client(port);
    for (int number = 0; !stop.stop_requested(); ++number) {
      const std::string body = "[" + std::to_string(sender) + "," + std::to_string(number) + "]";
      std::string secret;
      {
        const std::lock_guard lock(mutex_);
        secret = secret_;
      }
      const Answer answer =
          client.exchange(post_request("/hooks/pay", kJson + github_header(secret, body), body));
      const std::lock_guard lock(mutex_);
      if (answer.status == 200) {
        ids_.insert(answer.id());
      } else {
        ++others_[answer.status];
      }
    }
  }

  std::mutex mutex_;
  std::string secret_;         // guarded by mutex_, as all of these
  std::set<std::string> ids_;  // acknowledged
  std::map<int, int> others_;
  std::vector<std::jthread> threads_;  // last: they use the above
};

TEST_F(ReloadDatabaseTest, ASecretIsRotatedUnderLoadAndNobodyIsRefused) {
  const auto pay = [](const std::string& secrets) {
    return "[sources.pay]\nverify = \"github\"\nsecrets = [" + secrets + "]\n";
  };
  const std::string old_file = secret_file("old", "old secret"),
                    new_file = secret_file("new", "a typing error");
  agent_.options().sources = pay(old_file);
  agent_.start();
  agent_.wait_mode("online");
  SignedLoad load(agent_.intake_port(), "old secret");
  ASSERT_TRUE(load.wait_more(200));

  // One that cannot be read: the old one stays.
  const Captured refused = reload_with(pay(old_file + ", { file = \"/nowhere/new\" }"));
  EXPECT_EQ(refused.status.code, kConfig) << refused.output;
  EXPECT_NE(refused.output.find("/nowhere/new"), std::string::npos) << refused.output;
  ASSERT_TRUE(load.wait_more(100));
  // One that is wrong, and then corrected: the file's content alone makes the difference.
  reload_to(pay(old_file + ", " + new_file));
  EXPECT_EQ(post("/hooks/pay", "{}", github_header("new secret", "{}")), 401);
  secret_file("new", "new secret");
  EXPECT_EQ(post("/hooks/pay", "{}", github_header("new secret", "{}")), 401)
      << "read again only at a reload";
  const Captured mended = command({"reload"});
  EXPECT_EQ(mended.status.code, 0);
  EXPECT_NE(mended.output.find("sources.pay.secrets"), std::string::npos) << mended.output;
  EXPECT_EQ(mended.output.find("new secret"), std::string::npos) << "never a secret";
  ASSERT_TRUE(load.wait_more(100));
  load.sign_with("new secret");
  ASSERT_TRUE(load.wait_more(200));
  reload_to(pay(new_file));
  ASSERT_TRUE(load.wait_more(200));
  EXPECT_EQ(post("/hooks/pay", "{}", github_header("old secret", "{}")), 401) << "the old one is out";

  load.stop();
  EXPECT_TRUE(load.other_answers().empty())
      << load.other_answers().begin()->second << " times " << load.other_answers().begin()->first;
  agent_.wait_caught_up();
  const auto acknowledged = load.ids();
  EXPECT_EQ(postgres_.value("SELECT count(*) FROM hookspool.events"), std::to_string(acknowledged.size()));
  EXPECT_EQ(postgres_.value("SELECT count(DISTINCT id) FROM hookspool.events"),
            std::to_string(acknowledged.size()));
}

TEST_F(ReloadTest, ReloadsInQuickSuccessionLoseNoRequest) {
  const auto pay = [&](int rate) {
    return "[sources.pay]\nverify = \"github\"\nsecrets = [" + secret_file("pay", "s") +
           "]\nmax_rate = " + std::to_string(rate) + "\n[sources.other" + std::to_string(rate % 3) + "]\n";
  };
  agent_.options().sources = pay(100'000);
  agent_.start();
  SignedLoad load(agent_.intake_port(), "s");
  ASSERT_TRUE(load.wait_more(50));
  for (int i = 1; i <= 40; ++i) {
    agent_.options().sources = pay(100'000 + i);
    agent_.write_config();
    if (i % 2 == 0) {
      ::kill(agent_.pid(), SIGHUP);
    } else {
      ASSERT_EQ(command({"reload"}).status.code, 0) << agent_.log();
    }
  }
  ASSERT_TRUE(load.wait_more(50));
  load.stop();
  EXPECT_TRUE(load.other_answers().empty())
      << load.other_answers().begin()->second << " times " << load.other_answers().begin()->first;
  EXPECT_EQ(agent_.terminate(), (ExitStatus{.code = 0, .signal = 0}));
}

}  // namespace
}  // namespace hookspool::testing

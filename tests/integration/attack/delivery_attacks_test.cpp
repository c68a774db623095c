// Attacks on signatures and delivery ids, on the running agent: repeated, replayed and forged deliveries. Each is answered
// with the right status, leaves the rows it should and no other, and keeps no other client from being served.
#include <sys/stat.h>

#include <fstream>
#include <set>
#include <thread>

#include "net/verify/digest.h"
#include "net/verify/encoding.h"
#include "tests/integration/attack/hostile_client.h"
#include "tests/integration/system/fixture.h"

namespace hookspool::testing {
namespace {

using std::chrono::seconds;

constexpr std::string_view kSecret = "a secret of enough length";
constexpr int kAtOnce = 16;
constexpr int kSweeps = 20;  // of forged signatures, for the memory
constexpr std::size_t kGrowthBytesMax = 32u << 20;

std::int64_t now_s() {
  return std::chrono::duration_cast<seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string signature_of(const std::string& text) {
  const std::string_view piece = text;
  return net::encode_hex(
      net::hmac(net::Algorithm::kSha256, std::string(kSecret), std::span(&piece, 1)).value());
}

std::string post_to(const std::string& name, const std::string& lines, const std::string& body) {
  return "POST /hooks/" + name + " HTTP/1.1\r\nHost: localhost\r\n" + lines +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string stripe_post(const std::string& body, std::int64_t at_s) {
  const std::string time = std::to_string(at_s);
  return post_to("shop", "Stripe-Signature: t=" + time + ",v1=" + signature_of(time + "." + body) + "\r\n",
                 body);
}

class DeliveryAttacks : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    postgres_ = std::make_unique<PgCluster>();
    secrets_ = std::make_unique<TempFolder>("hookspool-secrets");
    const auto file = secrets_->path() / "secret";
    std::ofstream(file) << kSecret << "\n";
    ::chmod(file.c_str(), 0600);
    const std::string secrets = "secrets = [{ file = \"" + file.string() + "\" }]\n";
    auto options = agent_options(postgres_->conninfo());
    options.sources = "[sources.plain]\nverify = \"none\"\n[sources.shop]\nverify = \"stripe\"\n" + secrets +
                      "[sources.repository]\nverify = \"github\"\n" + secrets;
    agent_ = std::make_unique<AgentProcess>(std::move(options));
    agent_->start();
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(agent_->terminate(), (ExitStatus{0, 0}));
    agent_.reset();
    secrets_.reset();
    postgres_.reset();
  }

  static Reply exchange(const std::string& request) {
    HostileClient client(agent_->intake_port());
    client.send(request);
    const auto reply = client.read_reply();
    EXPECT_TRUE(reply) << "no answer";
    return reply.value_or(Reply{});
  }
  static std::string id_in(const Reply& reply) {
    const auto at = reply.body.find("\"id\":\"");
    return at == std::string::npos ? std::string() : reply.body.substr(at + 6, 36);
  }
  static std::string rows(const std::string& where) {
    agent_->wait_caught_up();
    return postgres_->value("SELECT count(*) FROM hookspool.events WHERE " + where);
  }
  static void expect_served() {
    const Reply reply = exchange(post_to("plain", "", "{}"));
    EXPECT_EQ(reply.status, 200) << reply.body;
  }

  static inline std::unique_ptr<PgCluster> postgres_;
  static inline std::unique_ptr<TempFolder> secrets_;
  static inline std::unique_ptr<AgentProcess> agent_;
};

TEST_F(DeliveryAttacks, A11_TheSameDeliveryAgainAtOnceAndAfterACrash) {
  const std::string request = post_to("plain", "Webhook-Id: again-1\r\n", R"({"n":1})");
  const Reply first = exchange(request);
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first.body.find("duplicate"), std::string::npos) << first.body;
  std::set<std::string> ids{id_in(first)};
  {
    std::vector<std::jthread> senders;
    std::vector<Reply> replies(kAtOnce);
    for (int i = 0; i < kAtOnce; ++i)
      senders.emplace_back([&, i] { replies[static_cast<std::size_t>(i)] = exchange(request); });
    senders.clear();
    for (const Reply& reply : replies) {
      EXPECT_EQ(reply.status, 200);
      EXPECT_NE(reply.body.find(R"("duplicate":true)"), std::string::npos) << reply.body;
      ids.insert(id_in(reply));
    }
  }
  agent_->kill();
  agent_->start();
  ids.insert(id_in(exchange(request)));
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(rows("delivery_id = 'again-1'"), "1");

  // All at once for the first time.
  std::vector<std::jthread> senders;
  for (int i = 0; i < kAtOnce; ++i) {
    senders.emplace_back([] {
      const Reply reply = exchange(post_to("plain", "Webhook-Id: again-2\r\n", "2"));
      EXPECT_EQ(reply.status, 200);
    });
  }
  senders.clear();
  EXPECT_EQ(rows("delivery_id = 'again-2'"), "1");
  // The id is not signed: one that used it first does not shut out what has other bytes.
  EXPECT_EQ(exchange(post_to("plain", "Webhook-Id: again-2\r\n", "3")).status, 200);
  EXPECT_EQ(rows("delivery_id = 'again-2'"), "2");
  // Without an id of the sender's two deliveries are two events.
  for (int i = 0; i < 2; ++i) EXPECT_EQ(exchange(post_to("plain", "", R"({"same":1})")).status, 200);
  EXPECT_EQ(rows(R"(payload = '{"same":1}'::jsonb)"), "2");
  expect_served();
}

TEST_F(DeliveryAttacks, A13_ASignatureFromBefore) {
  const std::string body = R"({"id":"evt_replayed"})";
  const std::int64_t now = now_s();
  for (const std::int64_t at : {now - 301, now - 86'400, now + 301, std::int64_t{0}, std::int64_t{-1}}) {
    const Reply reply = exchange(stripe_post(body, at));
    EXPECT_EQ(reply.status, 401) << at << " " << reply.body;
  }
  EXPECT_EQ(rows("source = 'shop'"), "0");
  // A fresh time before an old signature.
  const std::string old = signature_of(std::to_string(now - 1'000) + "." + body);
  EXPECT_EQ(
      exchange(post_to("shop", "Stripe-Signature: t=" + std::to_string(now) + ",v1=" + old + "\r\n", body))
          .status,
      401);
  EXPECT_EQ(rows("source = 'shop'"), "0");
  // Within the tolerance it is a repeat.
  const std::string request = stripe_post(body, now_s());
  const Reply first = exchange(request), again = exchange(request);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(id_in(first), id_in(again));
  EXPECT_EQ(rows("source = 'shop'"), "1");
  expect_served();
}

// A forger who looks for one right digit after the other is answered the same every time, however far he has come.
// That the comparison itself takes the same time is CRYPTO_memcmp's work (net/verify/digest.cpp).
TEST_F(DeliveryAttacks, A14_SignaturesThatAreRightUpToADigit) {
  const std::string body = R"({"forged":true})";
  const std::string right = signature_of(body);
  std::vector<std::string> forged{"",
                                  "sha256=",
                                  "sha1=" + right,
                                  "sha256=" + right + "0",
                                  "sha256=" + right.substr(0, right.size() - 1),
                                  right,
                                  "sha256=" + std::string(64, '0')};
  for (std::size_t digits = 0; digits < right.size(); ++digits) {
    std::string near = right;
    near[digits] = near[digits] == '0' ? '1' : '0';
    forged.push_back("sha256=" + near);
  }
  const std::size_t resident = agent_->resident_bytes();
  std::set<std::string> answers;
  std::size_t tried = 0;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    HostileClient client(agent_->intake_port());
    for (const std::string& signature : forged) {
      client.send(post_to("repository", "X-Hub-Signature-256: " + signature + "\r\n", body));
      const auto reply = client.read_reply();
      ASSERT_TRUE(reply);
      EXPECT_EQ(reply->status, 401) << signature;
      answers.insert(reply->body);
      ++tried;
    }
  }
  std::cout << tried << " forged signatures\n";
  EXPECT_EQ(answers.size(), 1u);
  if (!agent_may_be_sanitized()) {
    EXPECT_LT(agent_->resident_bytes(), resident + kGrowthBytesMax);
  }
  EXPECT_EQ(rows("source = 'repository'"), "0");
  EXPECT_EQ(exchange(post_to("repository", "X-Hub-Signature-256: sha256=" + right + "\r\n", body)).status,
            200);
  EXPECT_EQ(rows("source = 'repository'"), "1");
  expect_served();
}

}  // namespace
}  // namespace hookspool::testing

// The ladder of a journal that fills up, through the whole agent: who is refused first, who last, and that it all
// comes back without help once PostgreSQL takes the events.
#include <nlohmann/json.hpp>

#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/noise.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

// A checkpoint copies from the WAL into the database what was accepted already, and so may go beyond the limit by one WAL:
// a quarter of a segment, which is 1 MiB in a journal as small as this one.
constexpr int kCheckpointBytes = 256 << 10;
constexpr std::size_t kBodyBytes = 64 << 10;
constexpr int kPostsMax = 2'000;  // of 64 KiB: eight times the journal

class Room : public ::testing::Test {
 protected:
  Room() : agent_(options()) {}

  AgentOptions options() {
    AgentOptions options = agent_options(postgres_.conninfo());
    options.more_journal = "max_bytes = \"16MiB\"\nmin_free_bytes = \"16MiB\"\nkeep_delivered = \"0s\"\n";
    options.sources =
        "[sources.noisy]\nmax_bytes = \"4MiB\"\n"
        "[sources.shop]\nsender_retries = true\nmax_bytes = \"16MiB\"\n"
        "[sources.code]\nsender_retries = false\nmax_bytes = \"16MiB\"\n";
    return options;
  }
  Answer post(const std::string& source) {
    const std::string n = std::to_string(++sent_);
    const std::string body =
        "{\"n\":" + n + ",\"filler\":\"" + noise(static_cast<std::uint64_t>(sent_), kBodyBytes) + "\"}";
    const Answer answer =
        RawClient(agent_.intake_port())
            .exchange(post_request("/hooks/" + source, "Content-Type: application/json\r\n", body));
    if (answer.status == 200) accepted_[source].push_back(answer.id());
    return answer;
  }
  // Posts until the source is refused.
  Answer fill(const std::string& source) {
    for (int n = 0; n < kPostsMax; ++n) {
      Answer answer = post(source);
      if (answer.status != 200) return answer;
    }
    ADD_FAILURE() << source << " is never refused";
    return {};
  }
  Json health() const { return Json::parse(agent_.health(), nullptr, false); }
  std::vector<std::string> refused_sources() const {
    std::vector<std::string> names;
    const Json now = health();  // must outlive the loop
    for (const auto& source : now["journal"]["refused_sources"]) {
      EXPECT_FALSE(source["because"].get<std::string>().empty());
      names.push_back(source["source"]);
    }
    return names;
  }
  int readyz() const { return RawClient(agent_.intake_port()).exchange(get_request("/readyz")).status; }
  std::string rows(const std::string& source) const {
    return postgres_.value(
        "SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM hookspool.events "
        "WHERE source = '" +
        source + "'");
  }

  PgCluster postgres_;
  AgentProcess agent_;
  std::map<std::string, std::vector<std::string>> accepted_;
  int sent_ = 0;
};

using Names = std::vector<std::string>;

TEST_F(Room, OneNoisySourceThenThoseThatSendAgainThenAllAndBackAgain) {
  agent_.start();
  agent_.wait_mode("online");
  postgres_.stop();

  const Answer noisy = fill("noisy");
  EXPECT_EQ(noisy.status, 503);
  EXPECT_GT(noisy.retry_after_seconds, 0);
  EXPECT_NE(noisy.body.find("this source"), std::string::npos) << noisy.body;
  EXPECT_EQ(refused_sources(), Names{"noisy"});
  EXPECT_EQ(readyz(), 200) << "others are taken";
  EXPECT_GT(accepted_["noisy"].size(), 40u);
  agent_.wait_mode("offline");

  const Answer shop = fill("shop");
  EXPECT_EQ(shop.status, 503);
  EXPECT_EQ(refused_sources(), (Names{"noisy", "shop"}));
  EXPECT_EQ(readyz(), 200);
  EXPECT_TRUE(wait_until(seconds(30), [&] { return health()["journal"]["seconds_until_full"].is_number(); }))
      << agent_.health();
  EXPECT_GT(agent_.health_number("/journal/growth_bytes_per_second"), 1'000);

  const Answer code = fill("code");
  EXPECT_EQ(code.status, 503);
  EXPECT_GT(code.retry_after_seconds, 0);
  EXPECT_GT(accepted_["code"].size(), 5u) << "the last of the room was kept for it";
  EXPECT_EQ(refused_sources(), (Names{"code", "noisy", "shop"}));
  EXPECT_EQ(readyz(), 503);
  agent_.wait_mode("refusing");
  EXPECT_EQ(agent_.health_number("/intake/refused/source_full"), 2);
  EXPECT_EQ(agent_.health_number("/intake/refused/no_room"), 1);
  EXPECT_LE(agent_.health_number("/journal/bytes"), (16 << 20) + kCheckpointBytes);
  const Json now = health();
  for (const auto& lane : now["lanes"]) EXPECT_GT(lane["pending_bytes"].get<long long>(), 0) << lane;

  postgres_.start();
  agent_.wait_caught_up();
  agent_.wait_mode("online");
  EXPECT_TRUE(wait_until(seconds(30), [&] { return refused_sources().empty(); })) << agent_.health();
  EXPECT_TRUE(wait_until(seconds(30), [&] { return readyz() == 200; }));
  for (const char* source : {"noisy", "shop", "code"}) EXPECT_EQ(post(source).status, 200) << source;
  agent_.wait_caught_up();
  EXPECT_TRUE(wait_until(seconds(60), [&] { return health()["journal"]["seconds_until_full"].is_null(); }));
  for (const auto& [source, ids] : accepted_) {
    std::string expected;
    for (const std::string& id : ids) expected += (expected.empty() ? "" : " ") + id;
    EXPECT_EQ(rows(source), expected)
        << source << ": every 2xx has its row, in order, and nothing else has one";
  }
  // For its own limit, or for the journal's where the round of the log came that late.
  EXPECT_NE(agent_.log().find("source noisy is refused: "), std::string::npos) << agent_.log();
  EXPECT_TRUE(wait_until(seconds(30), [&] {
    return agent_.log().find("source noisy is taken again") != std::string::npos;
  })) << agent_.log();
}

// keep_delivered is a day here: without shedding, the journal would be full after 16 MiB.
TEST_F(Room, HistoryIsShedForABurstAndNobodyIsRefused) {
  agent_.options().more_journal = "max_bytes = \"16MiB\"\nmin_free_bytes = \"16MiB\"\n";
  agent_.options().sources = "";
  agent_.start();
  agent_.wait_mode("online");
  for (int n = 0; n < 800; ++n) {  // three times the journal
    ASSERT_EQ(post("a").status, 200) << n << agent_.health();
    if (n % 50 == 0) agent_.wait_caught_up();
  }
  agent_.wait_caught_up();
  EXPECT_EQ(postgres_.value("SELECT count(*) FROM hookspool.events"), "800");
  EXPECT_EQ(agent_.health_number("/journal/events_refused"), 0);
  EXPECT_GT(agent_.health_number("/journal/bytes"), 8 << 20) << "history is kept as long as there is room";
}

}  // namespace
}  // namespace hookspool::testing

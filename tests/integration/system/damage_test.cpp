// A disk that has altered what the agent wrote: what it lost of acknowledged events is recorded, logged and
// counted, and all else is delivered.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr int kEvents = 60;

std::string read_bytes(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

void flip_bit(const fs::path& file, std::size_t at) {
  std::string bytes = read_bytes(file);
  ASSERT_LT(at, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

Answer send_event(const AgentProcess& agent, const std::string& source, int n) {
  RawClient client(agent.intake_port());
  const Answer answer =
      client.exchange(post_request("/hooks/" + source, "Webhook-Id: delivery-" + std::to_string(n) + "\r\n",
                                   "{\"n\": " + std::to_string(n) + ", \"text\": \"" +
                                       std::string(300, static_cast<char>('a' + n % 26)) + "\"}"));
  EXPECT_EQ(answer.status, 200) << n;
  return answer;
}

// Nothing is delivered, so that all of them are in the journal alone.
void send_events(const AgentProcess& agent, const std::string& source) {
  for (int n = 1; n <= kEvents; ++n) send_event(agent, source, n);
}

bool is_known(const AgentProcess& agent, const std::string& source, int n) {
  return send_event(agent, source, n).body.find("duplicate") != std::string::npos;
}

TEST(Damage, ALostTailOfTheWalIsAGapAndNeverSilent) {
  PgCluster postgres;
  AgentProcess agent(agent_options(postgres.conninfo()));
  postgres.stop(StopMode::kImmediate);
  agent.launch();
  ASSERT_TRUE(wait_until(seconds(30), [&] { return !agent.health().empty(); }));
  send_events(agent, "s");
  agent.kill();

  const fs::path wal = agent.journal() / "segment-00000001.db-wal";
  flip_bit(wal, fs::file_size(wal) / 2);
  agent.launch();
  ASSERT_TRUE(wait_until(seconds(30), [&] { return agent.health_number("/journal/lost") > 0; }))
      << agent.log();
  const long long lost = agent.health_number("/journal/lost");
  EXPECT_LT(lost, kEvents);
  EXPECT_NE(agent.log().find("LOST: " + std::to_string(lost) + " acknowledged events of lane 's'"),
            std::string::npos)
      << agent.log();

  postgres.start();
  agent.wait_caught_up();
  const std::string first = std::to_string(kEvents - lost + 1);
  EXPECT_EQ(postgres.value("SELECT first_seq || '-' || last_seq FROM hookspool.gaps"),
            first + "-" + std::to_string(kEvents));
  EXPECT_EQ(postgres.value("SELECT count(*) || ' ' || max(seq) FROM hookspool.events"),
            std::to_string(kEvents - lost) + " " + std::to_string(kEvents - lost));
  EXPECT_EQ(agent.health_number("/postgres/recovery/gap_events"), lost);
  EXPECT_TRUE(fs::exists(agent.journal() / "damaged-segment-00000001.db-wal"));

  // Logged once: what has its gap is owed no more. And the lane goes on.
  EXPECT_EQ(agent.terminate().code, 0);
  agent.start();
  EXPECT_EQ(agent.health_number("/journal/lost"), 0);
  // The senders repeat all of them: what was lost is taken, and the rest is known.
  send_events(agent, "s");
  agent.wait_caught_up();
  EXPECT_EQ(postgres.value("SELECT count(*) || ' ' || count(DISTINCT delivery_id) FROM hookspool.events"),
            std::to_string(kEvents) + " " + std::to_string(kEvents));
  EXPECT_EQ(postgres.value("SELECT count(*) FROM hookspool.gaps"), "1");
}

TEST(Damage, AFlippedBitInARowCostsThatRow) {
  PgCluster postgres;
  AgentProcess agent(agent_options(postgres.conninfo()));
  postgres.stop(StopMode::kImmediate);
  agent.launch();
  ASSERT_TRUE(wait_until(seconds(30), [&] { return !agent.health().empty(); }));
  send_events(agent, "s");
  EXPECT_EQ(agent.terminate().code, 0);

  const fs::path db = agent.journal() / "segment-00000001.db";
  const std::string bytes = read_bytes(db);
  const std::size_t at = bytes.rfind("{\"n\": 23, \"text\"");
  ASSERT_NE(at, std::string::npos);
  flip_bit(db, at + 100);
  agent.launch();
  postgres.start();
  agent.wait_caught_up();
  EXPECT_EQ(postgres.value("SELECT first_seq || '-' || last_seq FROM hookspool.gaps"), "23-23");
  EXPECT_EQ(postgres.value("SELECT count(*) FROM hookspool.events"), std::to_string(kEvents - 1));
  EXPECT_NE(agent.log().find("event 23 of lane 's'"), std::string::npos) << agent.log();
  const Captured verified = run_and_capture(
      {.argv = {agent_binary(), "verify", "--config", agent.config_file().string()}}, seconds(60));
  EXPECT_EQ(verified.status.code, 65) << verified.output;
  EXPECT_NE(verified.output.find("1 are lost (recorded in gaps)"), std::string::npos) << verified.output;
  EXPECT_EQ(verified.output.find("nothing is missing"), std::string::npos) << verified.output;
  // Its sender's repeat is the only thing that can bring it back.
  EXPECT_TRUE(wait_until(seconds(30), [&] { return fs::exists(agent.journal() / "note-lost-deliveries"); }));
  EXPECT_FALSE(is_known(agent, "s", 23));
  for (const int n : {1, 22, 23, 24, kEvents}) EXPECT_TRUE(is_known(agent, "s", n)) << n;
  agent.wait_caught_up();
  EXPECT_EQ(postgres.value("SELECT count(*) || ' ' || count(DISTINCT delivery_id) FROM hookspool.events"),
            std::to_string(kEvents) + " " + std::to_string(kEvents));
}

}  // namespace
}  // namespace hookspool::testing

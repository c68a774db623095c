// The chatbot of CONFIGURATION.md: Messenger's webhooks become rows of a table of the user's own, whatever dies in between.
#include <map>
#include <thread>

#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kSources =
    "[sources.messenger]\n"
    "table = \"public.conversations\"\n"
    "[sources.messenger.columns]\n"
    "user_id = \"/entry/0/messaging/0/sender/id\"\n"
    "message = \"/entry/0/messaging/0/message/text\"\n"
    "sent_at = \"/entry/0/messaging/0/timestamp | unix_ms\"\n"
    "raw = \"@payload\"\n";

std::string webhook(int number) {
  return R"({"object":"page","entry":[{"id":"1755","messaging":[{"sender":{"id":"user-7"},"timestamp":)" +
         std::to_string(1'700'000'000'000 + number) + R"(,"message":{"mid":"m_)" + std::to_string(number) +
         R"(","text":"hello )" + std::to_string(number) + R"("}}]}]})";
}

// One sender that goes on whatever is answered, and writes down what was.
class Chat {
 public:
  explicit Chat(int port)
      : thread_([this, port](const std::stop_token& stop) {
          RawClient client(port);
          while (!stop.stop_requested()) {
            const int number = ++sent_;
            const auto answer = client.exchange(
                post_request("/hooks/messenger", "Content-Type: application/json\r\n", webhook(number)));
            if (answer.status == 200) {
              answered_[number] = true;
              ++acknowledged_;
            } else {
              std::this_thread::sleep_for(milliseconds(1));  // no process listens for a moment
            }
          }
        }) {}
  bool wait_more(int count) {
    const int until = acknowledged_ + count;
    return wait_until(seconds(60), [&] { return acknowledged_ >= until; });
  }
  std::map<int, bool> stop() {
    thread_.request_stop();
    thread_.join();
    return answered_;
  }

 private:
  std::atomic<int> sent_{0}, acknowledged_{0};
  std::map<int, bool> answered_;  // of the thread, until it has ended
  std::jthread thread_;
};

TEST(OwnTable, EveryConversationIsThereOnceThoughAgentAndPostgresqlAreKilled) {
  PgCluster postgres;
  postgres.query(
      "CREATE TABLE conversations (user_id text NOT NULL, message text, sent_at timestamptz NOT NULL, raw "
      "jsonb NOT NULL, inserted bigint GENERATED ALWAYS AS IDENTITY);"
      "GRANT INSERT ON conversations TO hookspool");
  AgentOptions options = agent_options(postgres.conninfo());
  options.sources = kSources;
  AgentProcess agent(options);
  agent.start();
  Chat chat(agent.intake_port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(chat.wait_more(100)) << agent.log();
    postgres.stop(StopMode::kImmediate);
    ASSERT_TRUE(chat.wait_more(100)) << "the outage reached the sender";
    agent.kill();
    agent.start();
    ASSERT_TRUE(chat.wait_more(50));
    postgres.start();
    ASSERT_TRUE(chat.wait_more(50));
    agent.kill();
    agent.start();
  }
  const auto answered = chat.stop();
  agent.wait_caught_up();
  std::map<int, int> rows;
  for (const auto& row :
       postgres.query("SELECT substr(message, 7), count(*) FROM conversations GROUP BY 1")) {
    rows[std::stoi(row.at(0).value_or("0"))] = std::stoi(row.at(1).value_or("0"));
  }
  EXPECT_GE(answered.size(), 900u);
  for (const auto& [number, yes] : answered) EXPECT_EQ(rows[number], 1) << "message " << number;
  for (const auto& [number, count] : rows) EXPECT_LE(count, 1) << "message " << number;
  EXPECT_EQ(
      postgres.value("SELECT count(*) FROM (SELECT lag(sent_at) OVER (ORDER BY inserted) > sent_at AS back"
                     " FROM conversations) AS x WHERE back"),
      "0")
      << "in the order in which they were sent";
}

// What a lane has buried in a row, because the table takes nothing for a while, is known by the table of dead letters alone.
TEST(OwnTable, WhatWasBuriedInARowGoesBackThoughTheAgentWasKilled) {
  constexpr int kMessages = 25;  // more than hold_after
  PgCluster postgres;
  postgres.query(
      "CREATE TABLE conversations (user_id text NOT NULL, message text, sent_at timestamptz NOT NULL, raw "
      "jsonb NOT NULL);"
      "GRANT INSERT ON conversations TO hookspool");
  AgentOptions options = agent_options(postgres.conninfo());
  options.sources = kSources;
  AgentProcess agent(options);
  agent.start();
  const auto post = [&](int first, int last) {
    RawClient client(agent.intake_port());
    for (int number = first; number <= last; ++number) {
      const auto answer = client.exchange(
          post_request("/hooks/messenger", "Content-Type: application/json\r\n", webhook(number)));
      ASSERT_EQ(answer.status, 200);
    }
  };
  const auto rows = [&] { return postgres.value("SELECT count(*) FROM conversations"); };
  // A table that is wrong from the start holds the lane before the first event; this one becomes it under way.
  post(1, 1);
  ASSERT_TRUE(wait_until(seconds(60), [&] { return rows() == "1"; })) << agent.health();
  postgres.query(
      "ALTER TABLE conversations ADD COLUMN late integer NOT NULL DEFAULT 0;"
      "ALTER TABLE conversations ALTER COLUMN late DROP DEFAULT");
  post(2, kMessages);
  const auto dead = [&] { return postgres.value("SELECT count(*) FROM hookspool.dead_letters"); };
  ASSERT_TRUE(wait_until(seconds(60), [&] { return dead() == "20"; })) << agent.health();
  agent.kill();
  agent.start();
  postgres.query("ALTER TABLE conversations DROP COLUMN late");
  ASSERT_TRUE(wait_until(seconds(60), [&] { return rows() == std::to_string(kMessages); })) << agent.health();
  agent.wait_caught_up();
  EXPECT_EQ(rows(), std::to_string(kMessages));
  EXPECT_EQ(postgres.value("SELECT count(DISTINCT message) FROM conversations"), std::to_string(kMessages));
  EXPECT_EQ(dead(), "0");
}

}  // namespace
}  // namespace hookspool::testing

// What the whole agent answers a sender: repeats of a delivery, too many events, an answer of the source's own.
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>
#include <vector>

#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

std::string delivery(const std::string& path, const std::string& id, const std::string& body = "{}") {
  return post_request(path, "X-GitHub-Delivery: " + id + "\r\n", body);
}

bool duplicate(const Answer& answer) {
  return answer.body.find("\"duplicate\":true") != std::string::npos;
}

TEST(Answers, ARepeatIsTheSameEventAlsoAfterAKillAndALostIndex) {
  PgCluster postgres;
  AgentProcess agent(agent_options(postgres.conninfo()));
  agent.start();
  const Answer first = RawClient(agent.intake_port()).exchange(delivery("/hooks/a", "d1"));
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_FALSE(duplicate(first));
  const auto expect_repeat = [&](const char* when) {
    const Answer again = RawClient(agent.intake_port()).exchange(delivery("/hooks/a", "d1"));
    EXPECT_EQ(again.status, 200) << when;
    EXPECT_EQ(again.id(), first.id()) << when;
    EXPECT_TRUE(duplicate(again)) << when << ": " << again.body;
  };
  expect_repeat("at once");
  agent.kill();
  agent.start();
  expect_repeat("after a kill");
  agent.kill();
  std::filesystem::remove_all(agent.journal() / "dedupe");
  agent.start();
  expect_repeat("after the index was lost");
  EXPECT_EQ(agent.terminate().code, 0);
  agent.start();
  expect_repeat("after an orderly restart");

  const Answer other = RawClient(agent.intake_port()).exchange(delivery("/hooks/b", "d1"));
  EXPECT_NE(other.id(), first.id()) << "another source's deliveries are its own";
  EXPECT_FALSE(duplicate(other));
  agent.wait_caught_up();
  EXPECT_EQ(postgres.value("SELECT count(*) FROM hookspool.events"), "2");
}

// DNS rebinding, and a form of another site: neither becomes an event of an agent on a developer's machine.
TEST(Answers, AWebPageCannotPostToThisMachine) {
  AgentProcess agent(agent_options(""));
  agent.start();
  const auto status = [&](const std::string& host, const std::string& more) {
    return RawClient(agent.intake_port())
        .exchange("POST /hooks/page HTTP/1.1\r\nHost: " + host + "\r\n" + more +
                  "Content-Length: 2\r\n\r\n{}")
        .status;
  };
  EXPECT_EQ(status("127.0.0.1", ""), 200);
  EXPECT_EQ(status("localhost", ""), 200);
  EXPECT_EQ(status("evil.example", ""), 403);
  EXPECT_EQ(status("127.0.0.1", "Origin: https://evil.example\r\n"), 403);
  EXPECT_EQ(status("127.0.0.1", "Sec-Fetch-Site: cross-site\r\n"), 403);
}

TEST(Answers, ManyRepeatsAtOnceAreOneEvent) {
  AgentProcess agent(agent_options(""));
  agent.start();
  constexpr int kSenders = 32;
  std::vector<Answer> answers(kSenders);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kSenders; ++i) {
      threads.emplace_back([&, i] {
        answers[static_cast<std::size_t>(i)] =
            RawClient(agent.intake_port()).exchange(delivery("/hooks/a", "same"));
      });
    }
  }
  std::set<std::string> ids;
  int firsts = 0;
  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.status, 200);
    ids.insert(answer.id());
    firsts += duplicate(answer) ? 0 : 1;
  }
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(firsts, 1);
  EXPECT_EQ(agent.health_number("/intake/accepted"), 1);
  EXPECT_EQ(agent.health_number("/intake/duplicates"), kSenders - 1);
}

TEST(Answers, EachSourceSaysWhatMakesARepeat) {
  AgentOptions options = agent_options("");
  options.sources =
      "[sources.body]\ndedupe = \"body\"\n[sources.header]\ndedupe = \"header:X-Attempt-Of\"\n"
      "[sources.pointer]\ndedupe = \"/event/id\"\n[sources.off]\ndedupe = \"off\"\n";
  AgentProcess agent(std::move(options));
  agent.start();
  RawClient client(agent.intake_port());
  const auto send = [&](const std::string& source, const std::string& header, const std::string& body) {
    return client.exchange(post_request("/hooks/" + source, header + "X-GitHub-Delivery: d\r\n", body));
  };
  int checked = 0;
  const auto expect = [&](bool is_repeat, const Answer& answer) {
    ++checked;
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(duplicate(answer), is_repeat) << "answer " << checked;
  };
  expect(false, send("body", "", "one"));
  expect(true, send("body", "", "one"));
  expect(false, send("body", "", "two"));
  expect(false, send("header", "X-Attempt-Of: 1\r\n", "one"));
  expect(true, send("header", "X-Attempt-Of: 1\r\n", "two"));
  expect(false, send("header", "", "one"));
  expect(false, send("header", "", "one"));
  expect(false, send("pointer", "", R"({"event":{"id":7}})"));
  expect(true, send("pointer", "", R"({"event":{"id":7},"attempt":2})"));
  expect(false, send("pointer", "", R"({"event":{"id":8}})"));
  expect(false, send("off", "", "one"));
  expect(false, send("off", "", "one"));
  expect(false, send("pointer", "", R"({"event":{"id":"7"}})"));  // a text is no number
  for (const char* none : {R"({"event":{"id":""}})", R"({"event":{"id":null}})", R"({"event":{"id":true}})",
                           R"({"event":{"id":{}}})", R"({"event":{"id":[]}})", R"({"event":{}})", "{"}) {
    expect(false, send("pointer", "", none));
    expect(false, send("pointer", "", none));
  }
}

// Of a sender that is not in the table an id is a guess: it may save work, and never drops an event with other bytes.
TEST(Answers, OtherBytesAreAnotherEventWhateverTheUsualHeadersSay) {
  PgCluster postgres;
  AgentProcess agent(agent_options(postgres.conninfo()));
  agent.start();
  RawClient client(agent.intake_port());
  const std::vector<std::string> names{"X-Webhook-Id",       "Webhook-Id",           "Svix-Id",
                                       "Idempotency-Key",    "X-Request-UUID",       "X-GitHub-Delivery",
                                       "Linear-Delivery",    "X-Shopify-Webhook-Id", "Shopify-Webhook-Id",
                                       "X-Gitlab-Event-UUID"};
  for (const std::string& name : names) {
    const auto is_duplicate = [&](const char* target, const char* body) {
      const Answer answer = client.exchange(post_request(target, name + ": same\r\n", body));
      EXPECT_EQ(answer.status, 200) << answer.body;
      return duplicate(answer);
    };
    EXPECT_FALSE(is_duplicate("/hooks/x", R"({"event":1})")) << name;
    EXPECT_FALSE(is_duplicate("/hooks/x", R"({"event":2})")) << name;
    EXPECT_FALSE(is_duplicate("/hooks/x?event=3", R"({"event":2})")) << name;
    EXPECT_EQ(is_duplicate("/hooks/x", R"({"event":1})"), name != "X-Webhook-Id") << name << ", sent again";
  }
  agent.wait_caught_up();
  EXPECT_EQ(postgres.value("SELECT count(*) FROM hookspool.events"), std::to_string(names.size() * 3 + 1));
}

TEST(Answers, TooManyEventsGet429AndASecondLaterAreTakenAgain) {
  AgentOptions options = agent_options("");
  options.sources = "[sources.slow]\nmax_rate = 1\nmax_burst = 3\n[sources.free]\n";
  AgentProcess agent(std::move(options));
  agent.start();
  RawClient client(agent.intake_port());
  int taken = 0, refused = 0;
  Answer answer;
  for (int i = 0; i < 50 && refused == 0; ++i) {
    answer = client.exchange(post_request("/hooks/slow", "", "{}"));
    (answer.status == 200 ? taken : refused) += 1;
  }
  EXPECT_GE(taken, 3);
  ASSERT_EQ(answer.status, 429) << answer.body;
  EXPECT_GE(answer.retry_after_seconds, 1);
  EXPECT_EQ(client.exchange(post_request("/hooks/free", "", "{}")).status, 200);
  EXPECT_TRUE(wait_until(std::chrono::seconds(20), [&] {
    return client.exchange(post_request("/hooks/slow", "", "{}")).status == 200;
  }));
  EXPECT_GE(agent.health_number("/intake/refused/rate"), 1);
}

TEST(Answers, RepeatsDoNotUseUpTheRate) {
  AgentOptions options = agent_options("");
  options.sources = "[sources.slow]\nmax_rate = 1\nmax_burst = 2\ndedupe = \"body\"\n";
  AgentProcess agent(std::move(options));
  agent.start();
  RawClient client(agent.intake_port());
  EXPECT_EQ(client.exchange(post_request("/hooks/slow", "", "first")).status, 200);
  for (int i = 0; i < 50; ++i)
    EXPECT_EQ(client.exchange(post_request("/hooks/slow", "", "first")).status, 200);
  EXPECT_EQ(client.exchange(post_request("/hooks/slow", "", "second")).status, 200);
  EXPECT_EQ(agent.health_number("/intake/refused/rate"), 0);
}

TEST(Answers, ASourceMayHaveAnAnswerOfItsOwn) {
  AgentOptions options = agent_options("");
  options.sources =
      "[sources.bot]\nresponse = { status = 202, body = \"EVENT_RECEIVED\" }\n[sources.quiet]\nresponse = { "
      "status = 204 }\n";
  AgentProcess agent(std::move(options));
  agent.start();
  RawClient client(agent.intake_port());
  const Answer bot = client.exchange(post_request("/hooks/bot", "", "{}"));
  EXPECT_EQ(bot.status, 202);
  EXPECT_EQ(bot.body, "EVENT_RECEIVED");
  const Answer quiet = client.exchange(post_request("/hooks/quiet", "", "{}"));
  EXPECT_EQ(quiet.status, 204);
  EXPECT_EQ(quiet.body, "");
  EXPECT_EQ(client.exchange(post_request("/hooks/bot", "", "{}")).status, 202);
}

// Each cause of a refusal has an answer and a count of its own: this one is no full disk.
TEST(Answers, OneMoreNameOfASourceThanTheJournalTakesIsSaid) {
  AgentProcess agent(agent_options(""));
  agent.start();
  constexpr int kNamesMax = 1024;
  RawClient client(agent.intake_port());
  for (int n = 0; n < kNamesMax; ++n) {
    const Answer answer = client.exchange(post_request("/hooks/s" + std::to_string(n), "", "{}"));
    ASSERT_EQ(answer.status, 200) << n << ": " << answer.body;
  }
  const Answer refused = client.exchange(post_request("/hooks/one-more", "", "{}"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_NE(refused.body.find("names of sources"), std::string::npos) << refused.body;
  EXPECT_GE(refused.retry_after_seconds, 1);
  EXPECT_EQ(agent.health_number("/intake/refused/too_many_sources"), 1);
  EXPECT_EQ(agent.health_number("/intake/refused/no_room"), 0);
  EXPECT_EQ(client.exchange(post_request("/hooks/s7", "", "{}")).status, 200) << "a known one is still taken";
  EXPECT_EQ(client.exchange(post_request("/hooks/two-more", "", "{}")).status, 503);
  EXPECT_EQ(agent.terminate().code, 0);
  const std::string log = agent.log();
  EXPECT_NE(log.find("no more names of sources. Declare the sources in [sources]"), std::string::npos) << log;
  EXPECT_NE(log.find("1 more webhook of an undeclared source refused"), std::string::npos) << log;
  EXPECT_EQ(log.find("one-more"), std::string::npos) << "a name that any client may choose";
}

// What was counted instead of logged is logged before the process ends, not only when its 10 seconds are over.
TEST(Answers, CountsOfRefusalsAreToldAtAStop) {
  AgentOptions options = agent_options("");
  options.sources = "[sources.slow]\nmax_rate = 1\nmax_burst = 1\n";
  AgentProcess agent(std::move(options));
  agent.start();
  RawClient client(agent.intake_port());
  for (int n = 0; n < 20; ++n) (void)client.exchange(post_request("/hooks/slow", "", "{}"));
  const long long refused = agent.health_number("/intake/refused/rate");
  ASSERT_GE(refused, 2);
  EXPECT_EQ(agent.terminate().code, 0);
  EXPECT_NE(agent.log().find(std::to_string(refused - 1) + " more"), std::string::npos) << agent.log();
}

}  // namespace
}  // namespace hookspool::testing

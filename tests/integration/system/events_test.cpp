// What the journal holds, seen through the real binary: events list and show, tail and its receiver. One agent and one
// PostgreSQL for the file; each test has sources of its own.
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>

#include "net/http/server.h"
#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/free_port.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

constexpr int kUsage = 64, kData = 65;  // sysexits.h
constexpr seconds kPatience{120};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
  ::chmod(path.c_str(), 0600);
}

class EventsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    postgres_ = new PgCluster;
    folder_ = new TempFolder;
    write_file(*folder_ / "token", "the-old-token\n");
    agent_ = new AgentProcess(agent_options(postgres_->conninfo()));
    for (const char* name : {"shop", "other", "fate", "put", "live", "again", "fwd", "evil"})
      agent_->options().sources += std::string("[sources.") + name + "]\n";
    agent_->options().sources += "[sources.form]\nform = \"json\"\nform_json = [\"payload\"]\n";
    agent_->options().sources +=
        "[sources.held]\nverify = \"gitlab\"\non_bad_signature = \"quarantine\"\nsecrets = [{ file = \"" +
        (*folder_ / "token").string() + "\" }]\n";
    agent_->start();
    agent_->wait_mode("online");
    postgres_->query(
        "ALTER TABLE hookspool.events ADD CONSTRAINT no_bad CHECK (payload #>> '{}' NOT LIKE 'bad%')");
  }
  static void TearDownTestSuite() {
    delete agent_;
    delete folder_;
    delete postgres_;
  }

  static std::vector<std::string> words_of(std::vector<std::string> words) {
    words.insert(words.begin(), agent_binary());
    words.insert(words.end(), {"--config", agent_->config_file().string()});
    return words;
  }
  static Captured command(std::vector<std::string> words) {
    return run_and_capture({.argv = words_of(std::move(words))}, kPatience);
  }
  static Json json_of(std::vector<std::string> words, int code = 0) {
    words.emplace_back("--json");
    const Captured captured = command(std::move(words));
    EXPECT_EQ(captured.status.code, code) << captured.output;
    const auto begin = captured.output.find('{'), end = captured.output.rfind('}');
    if (begin == std::string::npos || end == std::string::npos) return Json::object();
    return Json::parse(captured.output.substr(begin, end + 1 - begin), nullptr, false);
  }
  static std::string post(const std::string& source, const std::string& body,
                          const std::string& headers = "") {
    const Answer answer =
        RawClient(agent_->intake_port()).exchange(post_request("/hooks/" + source, headers, body));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.id();
  }
  static std::vector<std::string> listed(std::vector<std::string> words) {
    words.insert(words.begin(), {"events", "list"});
    std::vector<std::string> ids;
    const Json list = json_of(std::move(words));
    for (const auto& event : list.at("events")) ids.push_back(event.at("id"));
    return ids;
  }
  static std::string state_of(const std::string& id) {
    return json_of({"events", "show", id}).value("state", "");
  }

  using Ids = std::vector<std::string>;
  static PgCluster* postgres_;
  static AgentProcess* agent_;
  static TempFolder* folder_;
};
PgCluster* EventsTest::postgres_ = nullptr;
AgentProcess* EventsTest::agent_ = nullptr;
TempFolder* EventsTest::folder_ = nullptr;

TEST_F(EventsTest, AreListedBySourceTimeIdAndContent) {
  const std::string a = post("shop", R"({"type":"invoice.paid","amount":250})", "Webhook-Id: evt_1\r\n");
  const std::string b = post("shop", R"({"type":"invoice.sent"})", "Webhook-Id: evt_2\r\nX-Kind: test\r\n");
  const std::string c = post("form", "payload=%7B%22type%22%3A%22push%22%7D",
                             "Content-Type: application/x-www-form-urlencoded\r\n");
  const std::string d = post("other", R"({"type":"invoice.paid"})");
  EXPECT_EQ(listed({"--source", "shop"}), (Ids{a, b}));
  EXPECT_EQ(listed({"--source", "shop", "--limit", "1"}), (Ids{b}));
  EXPECT_TRUE(json_of({"events", "list", "--source", "shop", "--limit", "1"}).at("more"));
  EXPECT_FALSE(json_of({"events", "list", "--source", "shop"}).at("more"));
  EXPECT_EQ(listed({"--delivery-id", "evt_2"}), (Ids{b}));
  EXPECT_EQ(listed({"--id", a}), (Ids{a}));
  EXPECT_EQ(listed({"--where", R"(/type = "invoice.paid")"}), (Ids{a, d}));
  EXPECT_EQ(listed({"--where", R"(/amount >= 250 or header:x-kind = "test")"}), (Ids{a, b}));
  EXPECT_EQ(listed({"--where", R"(/payload/type = "push")"}), (Ids{c})) << "as where of a table sees a form";
  EXPECT_EQ(listed({"--source", "shop", "--since", "2200-01-01T00:00:00Z"}), Ids{});
  EXPECT_EQ(listed({"--source", "shop", "--until", "2h"}), Ids{});
  const Json first = json_of({"events", "list", "--source", "shop"}).at("events").at(0);
  EXPECT_EQ(first.at("delivery_id"), "evt_1");
  EXPECT_EQ(first.at("body_bytes"), 36);
  EXPECT_EQ(first.at("origin"), "webhook");
}

TEST_F(EventsTest, SayWhatIsWrongWithAQuestion) {
  const auto expect = [&](std::vector<std::string> words, int code, const std::string& said) {
    const Captured captured = command(std::move(words));
    EXPECT_EQ(captured.status.code, code) << captured.output;
    EXPECT_NE(captured.output.find(said), std::string::npos) << captured.output;
  };
  expect({"events", "list", "--where", "/type ="}, kUsage, "where: at character");
  expect({"events", "list", "--where", "./type exists"}, kUsage, "begins with /");
  expect({"events", "list", "--since", "yesterday"}, kUsage, "is no time");
  expect({"events", "list", "--source", "nosuch"}, kData, "the journal holds nothing of a source nosuch");
  expect({"events", "list", "--limit", "0"}, kUsage, "--limit");
  expect({"events", "show", "nonsense"}, kData, "is not an event's id");
  expect({"events", "show", "01a21cb9-4c5a-7000-8000-3f2a9c1b7d10"}, kData, "no retained event has the id");
}

TEST_F(EventsTest, AreShownFromTheirReceiptToTheirEnd) {
  const std::string good = post("fate", "\"good\"", "Webhook-Id: evt_3\r\nX-Own: 1\r\n");
  const std::string bad = post("fate", "\"bad1\""), worse = post("fate", "\"bad2\"");
  const std::string last = post("fate", "\"last\"");
  ASSERT_TRUE(wait_until(kPatience, [&] { return state_of(last) == "delivered"; })) << agent_->log();
  const Json shown = json_of({"events", "show", good, "--headers", "--body"});
  EXPECT_EQ(shown.at("state"), "delivered");
  EXPECT_EQ(shown.at("/postgres/place"_json_pointer), "table");
  EXPECT_EQ(shown.at("/headers/x-own"_json_pointer), "1");
  EXPECT_EQ(shown.at("body"), "\"good\"");
  EXPECT_EQ(shown.at("verify"), "none");
  EXPECT_FALSE(json_of({"events", "show", good}).contains("headers"));
  ASSERT_TRUE(wait_until(kPatience, [&] { return state_of(bad) == "dead" && state_of(worse) == "dead"; }));
  const Json dead = json_of({"events", "show", bad});
  EXPECT_EQ(dead.at("state"), "dead");
  EXPECT_EQ(dead.at("sqlstate"), "23514");
  EXPECT_EQ(dead.at("/postgres/place"_json_pointer), "dead_letters");
  EXPECT_NE(command({"events", "show", bad}).output.find("hookspool dead retry " + bad), std::string::npos);
  EXPECT_EQ(command({"dead", "discard", worse}).status.code, 0);
  EXPECT_EQ(json_of({"events", "show", worse}).at("/postgres/place"_json_pointer), "discarded");
  postgres_->query("DELETE FROM hookspool.events WHERE id = '" + last + "'");
  EXPECT_EQ(json_of({"events", "show", last}).at("/postgres/place"_json_pointer), "nowhere");

  postgres_->stop();
  agent_->wait_mode("offline");
  const Json waiting = json_of({"events", "show", post("fate", "\"later\"")});
  EXPECT_EQ(waiting.at("state"), "waiting");
  EXPECT_TRUE(waiting.at("/postgres"_json_pointer).contains("unknown_because")) << waiting;
  EXPECT_EQ(waiting.at("/lane/pending"_json_pointer), 1);
  postgres_->start();
  EXPECT_TRUE(wait_until(kPatience, [&] { return state_of(waiting.at("id")) == "delivered"; }));
}

TEST_F(EventsTest, BodiesComeByteByByteIntoAPipe) {
  std::string body;
  for (int byte = 0; byte < 256; ++byte) body += static_cast<char>(byte);
  const std::string id = post("other", body);
  EXPECT_EQ(command({"events", "show", "--body", id}).output, body);
  EXPECT_EQ(json_of({"events", "show", "--body", id}).at("body_hex").get<std::string>().substr(0, 8),
            "00010203");
}

// Ids of these do not grow with the numbers, so halving does not find them; and one that was put back is there twice.
TEST_F(EventsTest, AreFoundAfterTheQuarantineAndAfterTheDeadLetters) {
  const Answer answer = RawClient(agent_->intake_port())
                            .exchange(post_request("/hooks/held", "X-Gitlab-Token: the-new-token\r\n", "{}"));
  EXPECT_EQ(answer.status, 401);
  const Json quarantined = json_of({"quarantine", "list"}).at("quarantined");
  ASSERT_EQ(quarantined.size(), 1u);
  write_file(*folder_ / "token", "the-new-token\n");
  for (int i = 0; i < 3; ++i) post("put", "1");
  ASSERT_EQ(command({"reload"}).status.code, 0);
  ASSERT_EQ(json_of({"quarantine", "verify"}).at("admitted"), 1);
  const std::string id = quarantined.at(0).at("id");
  EXPECT_EQ(json_of({"events", "show", id}).at("origin"), "quarantine");
  EXPECT_EQ(listed({"--id", id}), (Ids{id}));

  const std::string bad = post("put", "\"bad3\"");
  ASSERT_TRUE(wait_until(kPatience, [&] { return state_of(bad) == "dead"; }));
  EXPECT_EQ(command({"dead", "retry", bad}).status.code, 0);
  EXPECT_EQ(listed({"--id", bad}), (Ids{bad, bad}));
}

// A command that runs until it is ended.
class Running {
 public:
  Running(std::vector<std::string> words, const std::filesystem::path& output)
      : output_(output), process_({.argv = std::move(words), .output = output}) {}
  bool waits_for(const std::string& text) const {
    return wait_until(kPatience, [&] { return said().find(text) != std::string::npos; });
  }
  std::string said() const { return read_file(output_); }
  int end() {
    process_.signal(SIGINT);
    const auto ended = process_.wait(kPatience);
    return ended ? ended->code : -1;
  }

 private:
  const std::filesystem::path output_;
  Process process_;
};

TEST_F(EventsTest, AreSeenAsTheyPass) {
  post("live", "\"before\"");
  Running tail(words_of({"tail", "--source", "live", "--json", "--body"}), *folder_ / "tail");
  ASSERT_TRUE(tail.waits_for("from now on")) << tail.said();
  Ids posted;
  for (int i = 0; i < 60; ++i) posted.push_back(post("live", std::to_string(i)));
  post("other", "{}");
  ASSERT_TRUE(tail.waits_for(posted.back())) << tail.said();
  EXPECT_EQ(tail.end(), 0);
  Ids seen;
  std::istringstream lines(tail.said());
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('{')) continue;
    const Json event = Json::parse(line);
    EXPECT_EQ(event.at("body"), std::to_string(seen.size()));
    seen.push_back(event.at("id"));
  }
  EXPECT_EQ(seen, posted);
  EXPECT_EQ(tail.said().find("left out"), std::string::npos) << tail.said();
}

TEST_F(EventsTest, AreSeenAgainAfterARestart) {
  post("again", "\"before\"");
  Running tail(words_of({"tail", "--source", "again", "--json", "--body"}), *folder_ / "again");
  ASSERT_TRUE(tail.waits_for("from now on")) << tail.said();
  agent_->terminate();
  ASSERT_TRUE(tail.waits_for("the agent does not answer")) << tail.said();
  agent_->start();
  const Ids posted{post("again", "1"), post("again", "2")};
  ASSERT_TRUE(tail.waits_for(posted.back())) << tail.said();
  EXPECT_EQ(tail.end(), 0);
  EXPECT_LT(tail.said().find(posted.front()), tail.said().find(posted.back()));
  EXPECT_EQ(tail.said().find("before"), std::string::npos) << tail.said();
}

// A service of a developer's, by our own listener.
class Receiver {
 public:
  Receiver() {
    net::HttpOptions options;
    options.listen = "127.0.0.1:0";
    auto started = net::HttpServer::start(options, [this](net::HttpRequest&& request) {
      const std::lock_guard lock(mutex_);
      requests_.push_back(std::move(request));
      net::HttpAnswer answer;
      answer.status = requests_.size() == 1 ? 200 : 500;
      return answer;
    });
    server_ = std::move(started).value();
  }
  std::string url() const { return "http://localhost:" + std::to_string(server_->port()) + "/in?from=tail"; }
  std::vector<net::HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<net::HttpRequest> requests_;
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(EventsTest, AreForwardedAsTheyCame) {
  const Receiver receiver;
  Running tail(words_of({"tail", "--source", "fwd", "--forward", receiver.url()}), *folder_ / "forward");
  ASSERT_TRUE(tail.waits_for("from now on")) << tail.said();
  const std::string body("{\"a\" : \"\\u00e4\xc3\xa4\"}\0\xff", 20);
  post("fwd?b=2", body,
       "X-Signature: v1=abc\r\nX-Twice: 1\r\nX-Twice: 2\r\nContent-Type: application/x-own\r\n");
  ASSERT_TRUE(tail.waits_for("200 in ")) << tail.said();
  post("fwd", "again");
  ASSERT_TRUE(tail.waits_for("500 in ")) << tail.said();
  post("fwd", "round", "Hookspool-Forwarded: 1\r\n");
  ASSERT_TRUE(tail.waits_for("left out: it was passed on before")) << tail.said();
  EXPECT_EQ(tail.end(), 0);
  const auto requests = receiver.requests();
  ASSERT_EQ(requests.size(), 2u);
  const auto& first = requests.front();
  EXPECT_EQ(first.method, "POST");
  EXPECT_EQ(first.path + "?" + first.query, "/in?from=tail&b=2");
  EXPECT_EQ(first.body, body);
  const auto header = [&](const char* name) {
    return first.header(name) == nullptr ? "" : *first.header(name);
  };
  EXPECT_EQ(header("x-signature"), "v1=abc");
  EXPECT_EQ(header("content-type"), "application/x-own");
  EXPECT_EQ(header("hookspool-forwarded"), "1");
  EXPECT_EQ(std::count_if(first.headers.begin(), first.headers.end(),
                          [](const auto& each) { return each.first == "x-twice"; }),
            2);
}

TEST_F(EventsTest, AFailingReceiverIsReportedAndALoopRefused) {
  Running tail(words_of({"tail", "--source", "fwd", "--forward",
                         "http://127.0.0.1:" + std::to_string(free_port()) + "/"}),
               *folder_ / "failing");
  ASSERT_TRUE(tail.waits_for("from now on")) << tail.said();
  const std::string id = post("fwd", "1");
  EXPECT_TRUE(tail.waits_for("not delivered: no connection to http://127.0.0.1")) << tail.said();
  EXPECT_EQ(tail.end(), 0);
  EXPECT_TRUE(wait_until(kPatience, [&] { return state_of(id) == "delivered"; }));
  for (const std::string host : {"127.0.0.1", "localhost", "127.1.2.3"}) {
    const Captured loop = command(
        {"tail", "--forward", "http://" + host + ":" + std::to_string(agent_->intake_port()) + "/hooks/fwd"});
    EXPECT_EQ(loop.status.code, kUsage) << loop.output;
    EXPECT_NE(loop.output.find("is the agent's own intake"), std::string::npos) << loop.output;
  }
  for (const std::string url :
       {"localhost:3000", "ftp://a/", "http://", "http://a:0/", "http://a:x/", "http://u@a/"})
    EXPECT_EQ(command({"tail", "--forward", url}).status.code, kUsage) << url;
}

// What a sender wrote, wherever a request has room for it.
TEST_F(EventsTest, WhatASenderWroteActsOnNoTerminal) {
  Running tail(words_of({"tail", "--source", "evil"}), *folder_ / "evil");
  Running json(words_of({"tail", "--source", "evil", "--json", "--body", "--headers"}),
               *folder_ / "evil-json");
  ASSERT_TRUE(tail.waits_for("from now on") && json.waits_for("from now on"));
  const std::string evil =
      "\xc2\x9b"
      "31m\xe2\x80\xae"
      "evil";
  const std::string id =
      post("evil", "\x1b[2J\r" + evil,
           "Webhook-Id: " + evil + "\r\nContent-Type: " + evil + "\r\nX-Own: " + evil + "\r\n");
  ASSERT_TRUE(tail.waits_for(id) && json.waits_for(id));
  tail.end();
  json.end();
  const std::vector<std::pair<std::string, std::string>> outputs = {
      {"tail", tail.said()},
      {"tail --json", json.said()},
      {"list", command({"events", "list", "--source", "evil"}).output},
      {"list --json", command({"events", "list", "--source", "evil", "--json"}).output},
      {"show", command({"events", "show", id}).output},
      {"show --headers", command({"events", "show", "--headers", id}).output},
      {"show --json", command({"events", "show", "--headers", "--body", "--json", id}).output},
      {"unknown source", command({"events", "list", "--source", evil}).output},
      {"unknown command", command({evil}).output},
  };
  for (const auto& [what, text] : outputs) {
    EXPECT_NE(text.find("evil"), std::string::npos) << what << ": or nothing is shown: " << text;
    for (const std::string each : {"\x1b", "\r", "\xc2\x9b", "\xe2\x80\xae"})
      EXPECT_EQ(text.find(each), std::string::npos) << what << ": " << text;
  }
}

}  // namespace
}  // namespace hookspool::testing

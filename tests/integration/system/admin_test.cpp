// The administrator's commands through the real binary: dead letters, comparing and putting right, adopting, and that
// none of it can be had from the loopback listener.
#include <nlohmann/json.hpp>

#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using Json = nlohmann::json;
using std::chrono::seconds;

constexpr int kData = 65, kUnavailable = 69, kTempFail = 75;  // sysexits.h

// One agent, one PostgreSQL, and the commands against them.
class AdminTest : public ::testing::Test {
 protected:
  AdminTest() : agent_(agent_options(postgres_.conninfo())) {}

  Captured command(std::vector<std::string> words) const {
    words.insert(words.begin(), agent_binary());
    words.insert(words.end(), {"--config", agent_.config_file().string()});
    return run_and_capture({.argv = std::move(words)}, seconds(60));
  }
  Json json_of(std::vector<std::string> words, int code = 0) const {
    words.emplace_back("--json");
    const Captured captured = command(std::move(words));
    EXPECT_EQ(captured.status.code, code) << captured.output;
    // What is written to standard error may come before or after the data.
    const auto begin = captured.output.find('{'), end = captured.output.rfind('}');
    if (begin == std::string::npos || end == std::string::npos) return Json::object();
    auto json = Json::parse(captured.output.substr(begin, end + 1 - begin), nullptr, false);
    EXPECT_TRUE(json.is_object()) << captured.output;
    return json;
  }
  std::string post(const std::string& source, const std::string& body) {
    const Answer answer =
        RawClient(agent_.intake_port())
            .exchange(post_request("/hooks/" + source, "Content-Type: application/json\r\n", body));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.id();
  }
  void start_and_refuse_bad() {
    agent_.start();
    agent_.wait_mode("online");
    postgres_.query(
        "ALTER TABLE hookspool.events ADD CONSTRAINT no_bad CHECK (payload #>> '{}' NOT LIKE 'bad%')");
  }
  void accept_bad() const { postgres_.query("ALTER TABLE hookspool.events DROP CONSTRAINT no_bad"); }
  std::string events() const {
    return postgres_.value("SELECT string_agg(payload #>> '{}', ' ' ORDER BY id) FROM hookspool.events");
  }
  bool waiting(long long count) const {
    return wait_until(seconds(20), [&] { return agent_.health_number("/postgres/dead_letters") == count; });
  }

  PgCluster postgres_;
  AgentProcess agent_;
};

TEST_F(AdminTest, DeadLettersAreListedOfflineAndPutBackOnce) {
  start_and_refuse_bad();
  const std::string bad = post("a", "\"bad1\"");
  post("a", "\"good\"");
  const std::string worse = post("b", "\"bad2\"");
  ASSERT_TRUE(waiting(2));
  agent_.wait_caught_up();
  postgres_.stop();
  agent_.wait_mode("offline");

  const Json listed = json_of({"dead", "list"});
  ASSERT_EQ(listed.at("dead_letters").size(), 2u) << listed;
  EXPECT_EQ(listed.at("/dead_letters/0/id"_json_pointer), bad);
  EXPECT_EQ(listed.at("/dead_letters/0/sqlstate"_json_pointer), "23514");
  EXPECT_EQ(json_of({"dead", "list", "--source", "b"}).at("dead_letters").size(), 1u);
  const Json shown = json_of({"dead", "show", bad});
  EXPECT_EQ(shown.at("body"), "\"bad1\"");
  EXPECT_EQ(shown.at("/request/path"_json_pointer), "/hooks/a");
  EXPECT_EQ(command({"dead", "discard", worse}).status.code, kTempFail);
  EXPECT_EQ(json_of({"dead", "retry", bad}).at("put_back"), 1);
  EXPECT_EQ(json_of({"dead", "retry", bad}).at("put_back"), 1);  // twice, and yet one row
  EXPECT_TRUE(json_of({"dead", "show", bad}).at("put_back"));

  postgres_.start();
  accept_bad();
  agent_.wait_caught_up();
  EXPECT_EQ(events(), "bad1 good");
  EXPECT_TRUE(waiting(1));
  EXPECT_EQ(json_of({"dead", "retry", "--all"}).at("put_back"), 1);
  EXPECT_TRUE(wait_until(seconds(20), [&] { return events() == "bad1 good bad2"; })) << events();
  EXPECT_TRUE(waiting(0));
  EXPECT_EQ(postgres_.value("SELECT count(*) FROM hookspool.dead_letters"), "0");
  EXPECT_EQ(json_of({"verify"}).at("missing"), 0);
}

TEST_F(AdminTest, DeadLettersSurviveALostCopy) {
  start_and_refuse_bad();
  const std::string bad = post("a", "\"bad1\"");
  ASSERT_TRUE(waiting(1));
  EXPECT_EQ(agent_.terminate().code, 0);
  std::filesystem::remove(agent_.journal() / "dead-letters.db");
  agent_.start();
  ASSERT_TRUE(waiting(1));
  EXPECT_EQ(json_of({"dead", "show", bad}).at("body"), "\"bad1\"");
}

TEST_F(AdminTest, WhatIsDiscardedStaysAway) {
  start_and_refuse_bad();
  const std::string bad = post("a", "\"bad1\"");
  post("a", "\"good\"");
  ASSERT_TRUE(waiting(1));
  agent_.wait_caught_up();
  const Json unknown = json_of({"dead", "discard", "00000000-0000-7000-8000-000000000000"}, kData);
  EXPECT_EQ(unknown.at("unknown").size(), 1u);
  EXPECT_EQ(command({"dead", "show", "nonsense"}).status.code, kData);
  EXPECT_EQ(json_of({"dead", "discard", bad}).at("discarded"), 1);
  EXPECT_EQ(postgres_.value("SELECT count(*) FROM hookspool.dead_letters"), "0");
  EXPECT_TRUE(waiting(0));
  EXPECT_EQ(command({"dead", "retry", bad}).status.code, kData);

  accept_bad();
  const Json verified = json_of({"verify", "--repair"});
  EXPECT_EQ(verified.at("/sources/0/discarded"_json_pointer), 1);
  EXPECT_EQ(verified.at("missing"), 0);
  EXPECT_EQ(json_of({"replay"}).at("put_in"), 0);
  EXPECT_EQ(command({"repair", "a"}).status.code, 0);
  EXPECT_TRUE(
      wait_until(seconds(20), [&] { return agent_.log().find("lane a: repaired") != std::string::npos; }));
  EXPECT_EQ(events(), "good");
}

TEST_F(AdminTest, VerifyFindsExactlyWhatIsMissingAndPutsItInOnce) {
  agent_.start();
  std::vector<std::string> ids;
  for (int i = 1; i <= 40; ++i) ids.push_back(post(i % 2 == 0 ? "even" : "odd", std::to_string(i)));
  agent_.wait_caught_up();
  EXPECT_EQ(json_of({"verify"}).at("missing"), 0);
  const std::vector<std::string> gone{ids[3], ids[10], ids[39]};
  for (const auto& id : gone) postgres_.query("DELETE FROM hookspool.events WHERE id = '" + id + "'");

  const Json found = json_of({"verify"}, kData);
  EXPECT_EQ(found.at("missing"), 3);
  std::vector<std::string> missing;
  for (const auto& source : found.at("sources")) {
    EXPECT_EQ(source.at("received"), 20);
    EXPECT_EQ(source.at("in_table").get<int>() + source.at("missing").get<int>(), 20);
    for (const auto& id : source.at("missing_ids")) missing.push_back(id);
  }
  std::sort(missing.begin(), missing.end());
  EXPECT_EQ(missing, gone);
  EXPECT_EQ(json_of({"verify", "--source", "odd"}, kData).at("missing"), 1);
  EXPECT_EQ(json_of({"verify", "--since", "2100-01-01T00:00:00Z"}).at("missing"), 0);

  EXPECT_EQ(json_of({"replay", "--id", gone[0]}).at("put_in"), 1);
  EXPECT_EQ(json_of({"replay", "--id", gone[0]}).at("put_in"), 0);
  EXPECT_EQ(json_of({"verify", "--repair"}).at("put_in"), 2);
  const Json clean = json_of({"verify"});
  EXPECT_EQ(clean.at("missing"), 0);
  EXPECT_EQ(postgres_.value("SELECT count(*) || ' ' || count(DISTINCT payload) FROM hookspool.events"),
            "40 40");
  EXPECT_EQ(command({"replay", "--id", "00000000-0000-7000-8000-000000000000"}).status.code, kData);
  EXPECT_EQ(command({"replay", "--since", "soon"}).status.code, 64);
  EXPECT_EQ(command({"verify", "--source", "nobody"}).status.code, kData);
}

TEST_F(AdminTest, WhatWaitsIsPendingAndNotMissing) {
  agent_.start();
  post("a", "1");
  agent_.wait_caught_up();
  postgres_.query("ALTER TABLE hookspool.events RENAME COLUMN payload TO elsewhere");
  post("a", "2");
  ASSERT_TRUE(wait_until(seconds(20), [&] { return agent_.health("/lanes/0/state") == "held"; }));
  const Json verified = json_of({"verify", "--repair"});
  EXPECT_EQ(verified.at("/sources/0/pending"_json_pointer), 1) << verified;
  EXPECT_EQ(verified.at("/sources/0/in_table"_json_pointer), 1);
  postgres_.query("ALTER TABLE hookspool.events RENAME COLUMN elsewhere TO payload");
  EXPECT_EQ(command({"retry"}).status.code, 0);
  agent_.wait_caught_up(seconds(5));
}

TEST_F(AdminTest, ARepairPutsAnEditedWatermarkRight) {
  agent_.start();
  for (int i = 1; i <= 10; ++i) post("a", std::to_string(i));
  agent_.wait_caught_up();
  postgres_.query("DELETE FROM hookspool.watermarks");
  post("a", "11");
  ASSERT_TRUE(wait_until(seconds(20), [&] { return agent_.health("/lanes/0/state") == "held"; }));
  EXPECT_NE(agent_.health("/lanes/0/hint").find("hookspool repair a"), std::string::npos);
  EXPECT_EQ(command({"repair", "nobody"}).status.code, kData);
  EXPECT_EQ(command({"repair", "a"}).status.code, 0);
  agent_.wait_caught_up();
  EXPECT_EQ(postgres_.value("SELECT count(*) || ' ' || count(DISTINCT payload) FROM hookspool.events"),
            "11 11");
}

// hold_after and `dead bury`, as an administrator has them: the file and the command line.
TEST_F(AdminTest, SoManyAsConfiguredAreBuriedAndACommandBuriesTheNext) {
  agent_.options().more_postgres += "hold_after = 2\n";
  start_and_refuse_bad();
  for (int n = 1; n <= 5; ++n) post("a", "\"bad" + std::to_string(n) + "\"");
  ASSERT_TRUE(wait_until(seconds(20), [&] { return agent_.health("/lanes/0/state") == "held"; }))
      << agent_.health();
  EXPECT_EQ(postgres_.value("SELECT count(*) FROM hookspool.dead_letters"), "2");
  const std::string holds = agent_.health("/lanes/0/refused_event");
  EXPECT_EQ(holds.size(), 36u) << agent_.health();
  EXPECT_EQ(command({"dead", "bury"}).status.code, 64) << "of which source?";
  EXPECT_EQ(command({"dead", "bury", "--source", "nobody"}).status.code, kData);
  const Captured other =
      command({"dead", "bury", "--source", "a", "--id", "00000000-0000-7000-8000-000000000000"});
  EXPECT_EQ(other.status.code, kData) << other.output;
  EXPECT_NE(other.output.find(holds), std::string::npos) << other.output;
  EXPECT_EQ(json_of({"dead", "bury", "--source", "a", "--id", holds}).at("buried"), 1);
  EXPECT_EQ(postgres_.value("SELECT count(*) FROM hookspool.dead_letters"), "3");
  ASSERT_TRUE(wait_until(seconds(20), [&] {
    const std::string next = agent_.health("/lanes/0/refused_event");
    return agent_.health("/lanes/0/state") == "held" && !next.empty() && next != holds;
  })) << agent_.health();
  const Captured rest = command({"dead", "bury", "--source", "a", "--count", "2"});
  EXPECT_EQ(rest.status.code, 0) << rest.output;
  EXPECT_NE(rest.output.find("of what held lane a are dead letters"), std::string::npos) << rest.output;
  EXPECT_EQ(postgres_.value("SELECT count(*) FROM hookspool.dead_letters"), "5");
  const Captured none = command({"dead", "bury", "--source", "a"});
  EXPECT_EQ(none.status.code, kData) << none.output;
  EXPECT_NE(none.output.find("is not held by an event"), std::string::npos) << none.output;
  post("a", "\"good\"");
  agent_.wait_caught_up();
  EXPECT_EQ(events(), "good");
}

TEST_F(AdminTest, HoldAfterNoneBuriesAny) {
  agent_.options().more_postgres += "hold_after = 0\n";
  start_and_refuse_bad();
  for (int n = 1; n <= 30; ++n) post("a", "\"bad" + std::to_string(n) + "\"");
  EXPECT_TRUE(waiting(30)) << agent_.health();
}

// What the role may not see is not missing: neither reported so nor put in again.
TEST_F(AdminTest, RowsThatAPolicyHidesAreNotToldAsMissing) {
  postgres_.query(
      "CREATE TABLE public.mine (id uuid, n text); GRANT ALL ON public.mine TO hookspool;"
      "ALTER TABLE public.mine ENABLE ROW LEVEL SECURITY;"
      "CREATE POLICY put ON public.mine FOR INSERT WITH CHECK (true);"
      "CREATE POLICY see ON public.mine FOR SELECT USING (n <> 'hidden')");
  agent_.options().sources =
      "[sources.own]\ntable = \"public.mine\"\n[sources.own.columns]\nid = \"@id\"\nn = "
      "\"/n\"\n[sources.other]\n";
  agent_.start();
  post("own", R"({"n":"seen"})");
  post("own", R"({"n":"hidden"})");
  post("other", "1");
  agent_.wait_caught_up();
  ASSERT_EQ(postgres_.value("SELECT count(*) FROM public.mine"), "2");
  for (const std::string name : {"verify", "replay"}) {
    const Captured done = command({name});
    EXPECT_EQ(done.status.code, kTempFail) << done.output;
    EXPECT_NE(done.output.find("row-level security may hide rows of public.mine"), std::string::npos)
        << done.output;
  }
  EXPECT_EQ(json_of({"verify", "--repair"}, kTempFail).at("missing"), 0);
  EXPECT_EQ(json_of({"verify", "--source", "other"}).at("missing"), 0);
  EXPECT_EQ(postgres_.value("SELECT count(*) FROM public.mine"), "2") << "and none is put in again";
  postgres_.query("CREATE POLICY all_of_it ON public.mine FOR SELECT USING (true)");
  EXPECT_EQ(json_of({"verify"}).at("missing"), 0);
}

// Also the tables of the agent's own: an administrator may have put a policy on them.
TEST_F(AdminTest, APolicyOnTheEventsTableIsTold) {
  agent_.start();
  post("a", "1");
  agent_.wait_caught_up();
  postgres_.query(
      "ALTER TABLE hookspool.events ENABLE ROW LEVEL SECURITY; ALTER TABLE hookspool.events FORCE ROW LEVEL "
      "SECURITY; CREATE POLICY none ON hookspool.events FOR SELECT USING (false)");
  const Captured done = command({"verify"});
  EXPECT_EQ(done.status.code, kTempFail) << done.output;
  EXPECT_NE(done.output.find("row-level security may hide rows of hookspool.events"), std::string::npos)
      << done.output;
}

// A full disk, and a pipe from which nothing reads: half an answer is no answer.
TEST_F(AdminTest, OutputThatIsNotTakenIsAnError) {
  agent_.start();
  const std::string agent = agent_binary(), config = agent_.config_file().string();
  for (const std::string words : {"status", "status --json", "dead list --json", "version", "check-config",
                                  "verify", "verify --json"}) {
    const std::string line = agent + " " + words + (words == "version" ? "" : " --config " + config);
    const Captured full = run_and_capture({.argv = {"sh", "-c", line + " > /dev/full"}}, seconds(60));
    EXPECT_EQ(full.status.code, 74) << words << ": " << full.output;
    EXPECT_NE(full.output.find("No space left on device"), std::string::npos) << words << ": " << full.output;
  }
  const Captured closed = run_and_capture(
      {.argv = {"bash", "-c", agent + " status --config " + config + " | true; exit ${PIPESTATUS[0]}"}},
      seconds(60));
  EXPECT_EQ(closed.status.code, 74) << closed.output;
}

TEST_F(AdminTest, AnotherDatabaseIsAdoptedByACommand) {
  agent_.start();
  post("a", "1");
  agent_.wait_caught_up();
  EXPECT_EQ(agent_.terminate().code, 0);
  PgCluster other;
  agent_.options().conninfo = other.conninfo();
  agent_.start();
  post("a", "2");
  agent_.wait_mode("blocked");
  EXPECT_NE(hint_of(agent_).find("hookspool adopt --from unsent"), std::string::npos);
  EXPECT_EQ(command({"adopt", "--from", "elsewhere"}).status.code, 64);
  EXPECT_EQ(json_of({"adopt", "--from", "unsent"}).at("watermarks"), 1);
  agent_.wait_caught_up();
  EXPECT_EQ(other.value("SELECT string_agg(payload::text, ' ') FROM hookspool.events"), "2");
}

TEST_F(AdminTest, NothingIsChangedOrShownThroughTheLoopbackListener) {
  agent_.start();
  const Answer posted = RawClient(agent_.admin_port()).exchange(post_request("/api/v1/retry", "", "{}"));
  EXPECT_EQ(posted.status, 405) << posted.body;
  EXPECT_NE(posted.body.find("admin.sock"), std::string::npos) << posted.body;
  const Answer got = RawClient(agent_.admin_port()).exchange(get_request("/api/v1/dead"));
  EXPECT_EQ(got.status, 403) << got.body;
  EXPECT_NE(got.body.find("admin.sock"), std::string::npos) << got.body;
  const auto permissions = std::filesystem::status(agent_.journal() / "admin.sock").permissions();
  EXPECT_EQ(permissions & std::filesystem::perms::others_all, std::filesystem::perms::none);
}

TEST_F(AdminTest, ExitCodesTellWhoIsAway) {
  EXPECT_EQ(command({"dead", "list"}).status.code, kUnavailable);
  agent_.start();
  post("a", "1");
  postgres_.stop();
  agent_.wait_mode("offline");
  EXPECT_EQ(command({"verify"}).status.code, kTempFail);
  EXPECT_EQ(command({"retry"}).status.code, 0);
  EXPECT_EQ(command({"dead", "retry"}).status.code, 64);
}

}  // namespace
}  // namespace hookspool::testing

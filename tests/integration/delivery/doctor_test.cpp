// doctor: what it says of a database, and that it changes nothing in it.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "agent/base/exit_codes.h"
#include "agent/commands/commands.h"
#include "tests/integration/delivery/rig.h"
#include "tests/support/free_port.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

class DoctorTest : public DeliveryTest {
 protected:
  Config config(const std::string& conninfo, const std::string& sources = "") const {
    auto parsed = parse_config("[postgres]\nconninfo = \"" + conninfo + "\"\nschema = \"" + schema_ +
                                   "\"\nconnect_timeout = \"2s\"\n" + sources,
                               "t.toml");
    if (!parsed) throw std::runtime_error(parsed.error().lines.front());
    return *parsed;
  }
  // "state what: text" for each finding.
  std::string report(const Config& config, int expected) const {
    ::testing::internal::CaptureStdout();
    const int code = DoctorCommand{}.run(config, true);
    const std::string printed = ::testing::internal::GetCapturedStdout();
    EXPECT_EQ(code, expected) << printed;
    std::string all;
    const auto json = nlohmann::json::parse(printed);
    for (const auto& finding : json.at("findings")) {
      all += finding.at("state").get<std::string>() + " " + finding.at("what").get<std::string>() + ": " +
             finding.at("text").get<std::string>() + "\n";
    }
    return all;
  }
  static std::string sql(const Config& config) {
    ::testing::internal::CaptureStdout();
    DoctorCommand doctor;
    doctor.sql = true;
    EXPECT_EQ(doctor.run(config, false), kExitOk);
    return ::testing::internal::GetCapturedStdout();
  }
};

TEST_F(DoctorTest, SaysWhatIsThereAndMakesNothing) {
  const auto found = report(config(shared_cluster().conninfo(), "[sources.a]\n"), kExitOk);
  const std::string major = value("SELECT current_setting('server_version_num')::int / 10000");
  EXPECT_NE(found.find("ok connection: " + major + "."), std::string::npos) << found;
  EXPECT_NE(found.find("ok encoding: UTF8"), std::string::npos) << found;
  EXPECT_NE(found.find("ok schema " + schema_ + ": will be made at first contact: events"), std::string::npos)
      << found;
  EXPECT_NE(found.find("ok source a: to " + schema_ + ".events"), std::string::npos) << found;
  EXPECT_EQ(found.find("warning certificate"), std::string::npos) << found;
  EXPECT_NE(found.find("ok tls postgres: TLSv1."), std::string::npos) << found;
  EXPECT_NE(found.find("more days"), std::string::npos) << found;
  EXPECT_EQ(found.find("pooler"), std::string::npos) << found;
  for (const char* what : {" clock: ", " open files: ", " memory: ", "ok versions: SQLite 3."}) {
    EXPECT_NE(found.find(what), std::string::npos) << what << "\n" << found;
  }
  EXPECT_EQ(value("SELECT count(*) FROM pg_namespace WHERE nspname = '" + schema_ + "'"), "0");
}

TEST_F(DoctorTest, TheJournalsDiskIsMeasuredAndNothingStaysThere) {
  const testing::TempFolder folder;
  const std::string journal = "[journal]\npath = \"" + folder.path().string() + "\"\n";
  std::string found = report(config(shared_cluster().conninfo(), journal), kExitOk);
  EXPECT_NE(found.find("disk speed: a durable write of 4 KiB takes "), std::string::npos) << found;
  EXPECT_NE(found.find("with O_DSYNC"), std::string::npos) << found;
  EXPECT_NE(found.find(" disk space: "), std::string::npos) << found;
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  found = report(config(shared_cluster().conninfo(), journal + "max_bytes = \"900TiB\"\n"), kExitOk);
  EXPECT_NE(found.find("warning disk space: "), std::string::npos) << found;
}

TEST_F(DoctorTest, ACertificateThatEndsSoonIsAWarning) {
  const auto found =
      report(config(shared_cluster().conninfo(), "[alerts]\ncertificate_within = \"365d\"\n"), kExitOk);
  EXPECT_NE(found.find("warning tls postgres: TLSv1."), std::string::npos) << found;
}

TEST_F(DoctorTest, NamesEachFaultOfEachTable) {
  run("CREATE TABLE public." + schema_ + "_t (n int PRIMARY KEY, need text NOT NULL)");
  const std::string source = "table = \"public." + schema_ + "_t\"\ncolumns = { ";
  const auto found = report(
      config(shared_cluster().conninfo(), "[sources.a]\n" + source + "n = \"/n\", m = \"/m\" }\n" +
                                              "[sources.b]\ntable = \"nowhere\"\ncolumns = { n = \"/n\" }\n"),
      kExitConfig);
  for (const char* fault : {"fault source a: public.", "there is no column m; it has n, need",
                            "column need is NOT NULL", "role hookspool may not insert", "GRANT INSERT ON",
                            "fault source b: nowhere: there is no such table"}) {
    EXPECT_NE(found.find(fault), std::string::npos) << fault << "\n" << found;
  }
}

TEST_F(DoctorTest, ARoleWithoutRightsIsSentToTheAdministrator) {
  run("CREATE ROLE " + schema_ + "_role LOGIN PASSWORD 'not-a-secret-43'");
  const auto poor = config(shared_cluster().conninfo_as(schema_ + "_role", "not-a-secret-43"));
  EXPECT_NE(report(poor, kExitConfig).find("may not make it: events"), std::string::npos);
  const std::string printed = sql(poor);
  EXPECT_NE(printed.find("GRANT SELECT, INSERT ON \"" + schema_ + "\".events TO \"" + schema_ + "_role\""),
            std::string::npos)
      << printed;
  run(printed);
  EXPECT_NE(report(poor, kExitOk).find("ok schema " + schema_ + ": is there"), std::string::npos);
  auto keeping = poor;
  keeping.postgres.keep_rows = std::chrono::hours(24 * 30);
  EXPECT_NE(report(keeping, kExitConfig).find("fault keep_rows: old rows stay"), std::string::npos);
  run(sql(keeping));
  EXPECT_NE(report(keeping, kExitOk).find("ok keep_rows: "), std::string::npos);
}

TEST_F(DoctorTest, WhatOnlyTheFirstRowWouldTellIsNamedAndEverySourceIsLookedAt) {
  const std::string mine = "public." + schema_ + "_s";
  run("CREATE TABLE " + mine + " (n serial, id uuid, v varchar(5)); GRANT INSERT ON " + mine +
      " TO hookspool");
  const auto of = config(shared_cluster().conninfo(),
                         "[sources.a]\ntable = \"" + mine +
                             "\"\ncolumns = { v = \"/v\", id = \"@id\" }\n"
                             "[sources.b]\ntable = \"public.absent\"\ncolumns = { n = \"/n\" }\n"
                             "[sources.c]\n");
  const auto found = report(of, kExitConfig);
  for (const char* each :
       {"may not use sequence", "GRANT USAGE ON SEQUENCE", "may not read column id", "GRANT SELECT ON",
        "fault source b: public.absent: there is no such table", "ok source c: to "}) {
    EXPECT_NE(found.find(each), std::string::npos) << each << "\n" << found;
  }
  const std::string printed = sql(of);
  EXPECT_NE(printed.find("-- public.absent does not exist yet"), std::string::npos) << printed;
  run(printed);
  const auto after = report(of, kExitConfig);
  EXPECT_NE(after.find("ok source a: to " + mine + ", which fits"), std::string::npos) << after;
}

TEST_F(DoctorTest, ADatabaseThatIsAwayIsNoFaultOfTheConfiguration) {
  const auto away =
      config("host=127.0.0.1 sslmode=disable dbname=x port=" + std::to_string(testing::free_port()));
  EXPECT_NE(report(away, kExitUnavailable).find("fault connection"), std::string::npos);
  const auto remote = config("host=192.0.2.1 port=1 sslmode=require dbname=x");
  EXPECT_NE(report(remote, kExitUnavailable).find("warning certificate: that of 192.0.2.1"),
            std::string::npos);
  EXPECT_NE(sql(away).find("CREATE TABLE"), std::string::npos) << "the SQL needs no connection";
}

TEST_F(DoctorTest, AnEncodingThatCannotHoldEverythingIsAWarning) {
  run("CREATE DATABASE " + schema_ +
      " OWNER hookspool TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'");
  EXPECT_NE(report(config(shared_cluster().conninfo() + " dbname=" + schema_), kExitOk)
                .find("warning encoding: LATIN1"),
            std::string::npos);
}

TEST_F(DoctorTest, ConsumersAreShownWithWhatTheyHaveBeforeThem) {
  const auto shown = [&](bool json, int expected) {
    ::testing::internal::CaptureStdout();
    const int code = ConsumersCommand{}.run(config(shared_cluster().conninfo()), json);
    const std::string printed = ::testing::internal::GetCapturedStdout();
    EXPECT_EQ(code, expected) << printed;
    return printed;
  };
  EXPECT_EQ(shown(true, kExitConfig), "") << "no agent has been here";
  Life life(options());
  life.begin();
  life.append("a", 3, "x");
  ASSERT_TRUE(life.delivered());
  run("SELECT " + schema_ + ".create_consumer('billing', 'beginning', NULL, 2)");
  run("SELECT " + schema_ + ".skip('billing', id) FROM " + table("events") + " WHERE arrival = 1");
  run("SELECT count(*) FROM " + schema_ + ".consume('billing', 2)");
  const auto report = nlohmann::json::parse(shown(true, kExitOk));
  ASSERT_EQ(report.at("consumers").size(), 1u) << report;
  const auto& lag = report.at("consumers").at(0);
  EXPECT_EQ(lag.at("consumer"), "billing");
  EXPECT_EQ(lag.at("source"), "a");
  EXPECT_EQ(lag.at("arrival"), 2);
  EXPECT_EQ(lag.at("waiting"), 1);
  EXPECT_EQ(lag.at("skipped"), 1);
  EXPECT_EQ(lag.at("lost"), 0);
  EXPECT_TRUE(lag.at("oldest_age_ms").is_number()) << lag;
  EXPECT_TRUE(lag.at("backoff_ms").is_null()) << lag;
  const std::string text = shown(false, kExitOk);
  EXPECT_NE(text.find("billing"), std::string::npos) << text;
  EXPECT_NE(text.find("1 waiting, the oldest since"), std::string::npos) << text;
  run("SELECT " + schema_ + ".failed('billing', id) FROM " + table("events") + " WHERE arrival = 3");
  // A second is over before the next look where the machine is busy.
  run("UPDATE " + table("positions") +
      " SET not_before = not_before + interval '1 hour' WHERE not_before > '-infinity'");
  const std::string failed = shown(false, kExitOk);
  EXPECT_NE(failed.find("goes on in"), std::string::npos) << failed;
  run("SELECT " + schema_ + ".seek('billing', 'now')");
  EXPECT_EQ(shown(false, kExitOk).find("oldest"), std::string::npos) << "nothing is waiting";
}

}  // namespace
}  // namespace hookspool::agent

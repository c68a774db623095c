// Where a configuration is found, what its paths mean, and what is refused before it is parsed.
#include "agent/config/config_place.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "agent/config/config.h"
#include "agent/config/config_environment.h"
#include "agent/config/config_scan.h"
#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::string faults_of(const std::string& toml) {
  const auto config = parse_config(toml, "/etc/x/t.toml");
  std::string all;
  if (!config) {
    for (const auto& line : config.error().lines) all += line + "\n";
  }
  return all;
}

TEST(ConfigPaths, RelativeOnesCountFromTheFilesFolder) {
  const auto config = parse_config(
      "[intake]\nlisten = \"unix:run/in.sock\"\n[admin]\nlisten = \"unix:a.sock\"\nsocket = "
      "\"run/admin.sock\"\n"
      "[journal]\npath = \"../journal\"\n",
      "/etc/x/t.toml");
  ASSERT_TRUE(config) << config.error().lines.front();
  EXPECT_EQ(config->journal.path, "/etc/journal");
  EXPECT_EQ(config->admin.socket, "/etc/x/run/admin.sock");
  EXPECT_EQ(config->admin.listen, "unix:/etc/x/a.sock");
  EXPECT_EQ(config->intake.listen, "unix:/etc/x/run/in.sock");
}

TEST(ConfigPaths, OfSecretsAndCertificatesToo) {
  testing::TempFolder folder;
  std::ofstream(folder / "s") << "s3cret\n";
  ::chmod((folder / "s").c_str(), 0600);
  std::ofstream(folder / "t.toml") << "[sources.a]\nverify = \"github\"\nsecrets = [{ file = \"s\" }]\n";
  const auto config = load_config((folder / "t.toml").string());
  ASSERT_TRUE(config) << config.error().lines.front();
  EXPECT_EQ(config->sources[0].secrets, std::vector<std::string>{"s3cret"});
  EXPECT_NE(faults_of("[intake]\ncertificate_file = \"c.pem\"\nkey_file = \"k.pem\"\n").find("/etc/x/c.pem"),
            std::string::npos);
}

TEST(ConfigPaths, WhatOnlyAShellReplacesIsRefused) {
  for (const char* path :
       {"~/journal", "~", "$HOME/journal", "/var/${NAME}/journal", "file:///var/journal", ""}) {
    const std::string faults = faults_of("[journal]\npath = \"" + std::string(path) + "\"\n");
    EXPECT_NE(faults.find("t.toml:2:8: journal.path: "), std::string::npos) << path << faults;
  }
  EXPECT_NE(faults_of("[admin]\nsocket = \"~/a\"\n").find("only a shell"), std::string::npos);
  EXPECT_NE(faults_of("[intake]\nlisten = \"unix:~/a\"\n").find("only a shell"), std::string::npos);
  EXPECT_NE(
      faults_of("[sources.a]\nverify = \"github\"\nsecrets = [{ file = \"~/s\" }]\n").find("only a shell"),
      std::string::npos);
  EXPECT_FALSE(std::filesystem::exists("~"));
}

TEST(ConfigPaths, TheEmbeddedDefaultIsAbsolute) {
  const auto config = embedded_default();
  ASSERT_TRUE(config);
  EXPECT_EQ(config->journal.path, (std::filesystem::current_path() / "var/journal").string());
}

TEST(ConfigChoice, TheCommandLineThenTheEnvironment) {
  ::setenv("HOOKSPOOL_CONFIG", "/named/by/environment.toml", 1);
  EXPECT_EQ(chosen_config_file("given.toml"), "given.toml");
  EXPECT_EQ(chosen_config_file(""), "/named/by/environment.toml");
  ::setenv("HOOKSPOOL_CONFIG", "", 1);
  EXPECT_EQ(chosen_config_file(""), "") << "empty: none, whatever is installed";
  ::unsetenv("HOOKSPOOL_CONFIG");
  EXPECT_EQ(chosen_config_file(""), std::filesystem::exists(kPackagedConfigFile) ? kPackagedConfigFile : "");
}

TEST(ConfigFile, WhyItCannotBeReadIsToldApart) {
  EXPECT_EQ(load_config("/nowhere/at/all.toml").error().kind, ConfigFaults::Kind::kNoFile);
  testing::TempFolder folder;
  EXPECT_EQ(load_config(folder.path().string()).error().kind, ConfigFaults::Kind::kNoFile);
  std::ofstream(folder / "bad.toml") << "[x\n";
  EXPECT_EQ(load_config((folder / "bad.toml").string()).error().kind, ConfigFaults::Kind::kFaulty);
}

TEST(ConfigEnvironment, IsReadAsSystemdReadsIt) {
  testing::TempFolder folder;
  std::ofstream(folder / "env")
      << "# a comment\n; another\n\nHS_A=plain value \nHS_B=\"with \\\"quotes\\\"\"\n"
         "HS_C='single \\ kept'\nHS_D=two\\\n lines\n HS_E = spaced\nno sign\n1=bad\n";
  ASSERT_TRUE(take_environment_file((folder / "env").string()));
  const auto value = [](const char* name) {
    return std::string(std::getenv(name) != nullptr ? std::getenv(name) : "-");
  };
  EXPECT_EQ(value("HS_A"), "plain value");
  EXPECT_EQ(value("HS_B"), "with \"quotes\"");
  EXPECT_EQ(value("HS_C"), "single \\ kept");
  EXPECT_EQ(value("HS_D"), "two lines");
  EXPECT_EQ(value("HS_E"), "spaced");
  EXPECT_NE(take_environment_file((folder / "none").string()).error().find("none: cannot be read"),
            std::string::npos);
}

TEST(ConfigEnvironment, SaysWhatNamesTheServer) {
  for (const char* name : {"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "DATABASE_URL"})
    ::unsetenv(name);
  EXPECT_EQ(parse_config("", "t")->postgres.conninfo_from, "");
  EXPECT_EQ(parse_config("[postgres]\nconninfo = \"host=x\"\n", "t")->postgres.conninfo_from, "conninfo");
  ::setenv("DATABASE_URL", "", 1);
  EXPECT_TRUE(parse_config("", "t")->postgres.database_url_is_empty);
  ::setenv("DATABASE_URL", "postgresql://u:hidden@db:6/app", 1);
  const auto config = parse_config("", "t");
  EXPECT_EQ(config->postgres.conninfo_from, "DATABASE_URL");
  EXPECT_FALSE(config->postgres.database_url_is_empty);
  EXPECT_EQ(net::Connection::server_in(config->postgres.options.conninfo),
            "host=db port=6 dbname=app user=u");
  EXPECT_TRUE(net::Connection::holds_password(config->postgres.options.conninfo));
  ::setenv("DATABASE_URL", "mysql://u:hidden@db/app", 1);
  const std::string faults = faults_of("");
  EXPECT_NE(faults.find("mysql://"), std::string::npos) << faults;
  EXPECT_NE(faults.find("begins with postgresql://"), std::string::npos) << faults;
  EXPECT_EQ(faults.find("hidden"), std::string::npos) << faults;
  ::unsetenv("DATABASE_URL");
}

TEST(ConfigScan, RefusesWhatWouldNestTooDeep) {
  const std::string parts = repeated("a.", 60'000) + "a";
  EXPECT_NE(faults_of("[journal]\n" + parts + " = 1\n").find("t.toml:2:"), std::string::npos);
  EXPECT_NE(faults_of("[" + parts + "]\n").find("more than 16 parts"), std::string::npos);
  EXPECT_NE(faults_of(repeated("'a'.", 60'000) + "a = 1\n").find("more than 16 parts"), std::string::npos);
  EXPECT_NE(faults_of(repeated("\"a\" . ", 60'000) + "a = 1\n").find("more than 16 parts"),
            std::string::npos);
  EXPECT_NE(faults_of("x = { " + parts + " = 1 }\n").find("more than 16 parts"), std::string::npos);
  EXPECT_NE(faults_of("x = " + repeated("[", 60'000)).find("more than 16 brackets"), std::string::npos);
  EXPECT_NE(faults_of("x = " + repeated("{a=", 60'000)).find("more than 16 brackets"), std::string::npos);
  EXPECT_NE(faults_of("x = \"\"\"\n\\\"\n\"\"\"\n\"'\".b = [[[[[[[[[[[[[[[[[1\n").find("t.toml:4:"),
            std::string::npos);
}

TEST(ConfigScan, LooksAtNoStringAndNoComment) {
  EXPECT_FALSE(scan_config("# " + repeated("a.[{", 100) + "\nx = \"" + repeated("a.[{", 100) + "\"\ny = '" +
                           repeated(".[", 100) + "'\nz = \"\"\"\n" + repeated(".[\"", 100) +
                           "\n\"\"\"\nn = [1.5, 2.5, 3.5]\n"));
  EXPECT_FALSE(scan_config("x = [" + repeated("1.5, ", 10'000) + "]\n"));
  EXPECT_FALSE(scan_config("x = \"not closed\n" + repeated("[", 100)))
      << "which the parser refuses at its line";
  EXPECT_TRUE(faults_of("x = \"not closed\n" + repeated("[", 100'000)).find("t.toml:1:") !=
              std::string::npos);
}

TEST(ConfigScan, FaultsAreBounded) {
  std::string many, sources;
  for (int i = 0; i < 5'000; ++i) many += "key" + std::to_string(i) + " = 1\n";
  for (int i = 0; i < 1'025; ++i) sources += "[sources.s" + std::to_string(i) + "]\n";
  const std::string faults = faults_of(many);
  EXPECT_LT(faults.size(), 20'000u);
  EXPECT_NE(faults.find("and 4900 more faults"), std::string::npos);
  EXPECT_LT(faults_of(std::string(500'000, 'k') + " = 1\n").size(), 2'000u);
  EXPECT_EQ(faults_of("\"\x1b[2J\" = 1\n").find('\x1b'), std::string::npos);
  EXPECT_NE(faults_of(sources).find("more than 1024"), std::string::npos);
  EXPECT_NE(faults_of(std::string("a = \"\0\"\n", 9)).find("is not TOML"), std::string::npos);
  EXPECT_NE(faults_of("a = \"\xff\"\n").find("is not TOML"), std::string::npos);
}

}  // namespace
}  // namespace hookspool::agent

// What an administrator gets wrong, and what ships with the agent to be right from the start.
#include <fstream>
#include <regex>
#include <sstream>

#include "tests/support/free_port.h"
#include "tests/system/fixture.h"
#include "tests/system/raw_client.h"

namespace hookspool::testing {
namespace {

using std::chrono::seconds;

constexpr int kExitConfig = 78;  // sysexits.h

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::filesystem::path write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc) << text;
  return path;
}

std::filesystem::path shipped(const std::string& path) {
  return std::filesystem::path(HOOKSPOOL_SOURCE_DIR) / "packaging" / path;
}

Captured hookspool(const std::string& command, const std::filesystem::path& config) {
  return run_and_capture({.argv = {agent_binary(), command, "--config", config.string()}}, seconds(20));
}

TEST(Configuration, EveryFaultIsNamedAtOnceWithItsLine) {
  TempFolder folder;
  const auto config = write_file(folder / "bad.toml",
                                 "[intake]\n"
                                 "lisen = \"127.0.0.1:8080\"\n"
                                 "max_body_bytes = \"26MiB\"\n"
                                 "[journal]\n"
                                 "max_bytes = true\n"
                                 "[postgres]\n"
                                 "conninfo = \"hots=localhost\"\n"
                                 "pool_size = 0\n"
                                 "[surces.github]\n"
                                 "path = \"/hooks/github\"\n");
  for (const char* command : {"check-config", "run"}) {
    const Captured captured = hookspool(command, config);
    EXPECT_EQ(captured.status.code, kExitConfig) << captured.output;
    for (const char* place : {":2:", ":3:", ":5:", ":7:", ":8:", ":9:"}) {
      EXPECT_NE(captured.output.find(config.string() + place), std::string::npos) << place << "\n"
                                                                                  << captured.output;
    }
    for (const char* word :
         {"lisen", "listen", "max_body_bytes", "max_bytes", "hots", "pool_size", "surces", "sources"}) {
      EXPECT_NE(captured.output.find(word), std::string::npos) << word << "\n" << captured.output;
    }
  }
}

TEST(Configuration, AFileThatIsNotThereOrNotTomlIsNamed) {
  TempFolder folder;
  const Captured absent = hookspool("run", folder / "absent.toml");
  EXPECT_EQ(absent.status.code, kExitConfig) << absent.output;
  EXPECT_NE(absent.output.find("absent.toml"), std::string::npos) << absent.output;
  const Captured broken = hookspool("run", write_file(folder / "broken.toml", "[intake\n"));
  EXPECT_EQ(broken.status.code, kExitConfig) << broken.output;
  EXPECT_NE(broken.output.find("broken.toml:1:"), std::string::npos) << broken.output;
}

TEST(SecondAgent, IsRefusedOnTheSameJournal) {
  AgentProcess first(agent_options(""));
  first.start();
  AgentOptions options = agent_options("");
  options.journal = first.journal();
  AgentProcess second(options);
  second.launch();
  const auto status = second.wait_end(seconds(20));
  ASSERT_TRUE(status) << second.log();
  EXPECT_GT(status->code, 0) << second.log();
  EXPECT_NE(second.log().find(first.journal().string()), std::string::npos) << second.log();
  EXPECT_EQ(RawClient(first.intake_port()).exchange(post_request("/hooks/a", "", "{}")).status, 200);
}

TEST(SecondAgent, IsRefusedOnTheSamePort) {
  AgentProcess first(agent_options(""));
  first.start();
  for (const bool intake : {true, false}) {
    AgentOptions options = agent_options("");
    (intake ? options.intake_port : options.admin_port) = intake ? first.intake_port() : first.admin_port();
    AgentProcess second(options);
    second.launch();
    const auto status = second.wait_end(seconds(20));
    ASSERT_TRUE(status) << second.log();
    EXPECT_GT(status->code, 0) << second.log();
    const std::string address =
        "127.0.0.1:" + std::to_string(intake ? first.intake_port() : first.admin_port());
    EXPECT_NE(second.log().find(address), std::string::npos) << second.log();
  }
  EXPECT_EQ(RawClient(first.intake_port()).exchange(post_request("/hooks/a", "", "{}")).status, 200);
}

TEST(Shipped, SampleConfigurationIsTaken) {
  const Captured captured = hookspool("check-config", shipped("hookspool.toml"));
  EXPECT_EQ(captured.status.code, 0) << captured.output;
}

// "#key = value" lines are keys that an administrator switches on; prose begins with "# ". Not all of them fit together:
// some are for one kind of sender. But each is known, and what is not is named.
TEST(Shipped, EveryKeyOfTheSampleIsKnown) {
  TempFolder folder;
  const auto secret = write_file(folder / "github.secret", "It's a Secret to Everybody\n");
  std::filesystem::permissions(secret,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::string sample = read_file(shipped("hookspool.toml"));
  const std::regex commented_key("(^|\n)#(?=[a-z\\[])");
  const auto keys = std::distance(std::sregex_iterator(sample.begin(), sample.end(), commented_key), {});
  EXPECT_GT(keys, 20);
  sample = std::regex_replace(sample, commented_key, "$1");
  sample = std::regex_replace(sample, std::regex("/etc/hookspool/github.secret"), secret.string());
  const Captured captured = hookspool("check-config", write_file(folder / "all.toml", sample));
  EXPECT_EQ(captured.output.find("unknown key"), std::string::npos) << captured.output;
  const Captured wrong =
      hookspool("check-config", write_file(folder / "wrong.toml", "no_such_key = 1\n" + sample));
  EXPECT_NE(wrong.output.find("no_such_key: unknown key"), std::string::npos) << wrong.output;
}

TEST(Shipped, UnitIsValidAndHardened) {
  TempFolder folder;
  const std::string unit = std::regex_replace(read_file(shipped("systemd/hookspool.service")),
                                              std::regex("/usr/bin/hookspool"), agent_binary());
  ASSERT_NE(unit.find(agent_binary()), std::string::npos);
  const auto file = write_file(folder / "hookspool.service", unit);
  const Captured verified =
      run_and_capture({.argv = {"systemd-analyze", "--man=no", "verify", file.string()}});
  EXPECT_EQ(verified.status.code, 0) << verified.output;
  EXPECT_EQ(verified.output.find("hookspool.service:"), std::string::npos) << verified.output;
  const Captured exposed = run_and_capture(
      {.argv = {"systemd-analyze", "security", "--offline=true", "--threshold=15", file.string()}});
  EXPECT_EQ(exposed.status.code, 0) << exposed.output;

  const auto weak =
      write_file(folder / "weak.service",
                 std::regex_replace(unit, std::regex("ProtectSystem.*\n|Capab.*\n|SystemCall.*\n"), ""));
  const Captured weakened = run_and_capture(
      {.argv = {"systemd-analyze", "security", "--offline=true", "--threshold=15", weak.string()}});
  EXPECT_NE(weakened.status.code, 0) << "the check of the exposure cannot fail";
}

}  // namespace
}  // namespace hookspool::testing

// What an administrator gets wrong, and what ships with the agent to be right from the start.
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <regex>
#include <sstream>

#include "tests/integration/system/fixture.h"
#include "tests/integration/system/raw_client.h"
#include "tests/support/free_port.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using std::chrono::seconds;

constexpr int kExitNoInput = 66, kExitUnavailable = 69, kExitNoPermission = 77,
              kExitConfig = 78;  // sysexits.h

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
  EXPECT_EQ(absent.status.code, kExitNoInput) << absent.output;
  EXPECT_NE(absent.output.find("absent.toml"), std::string::npos) << absent.output;
  const Captured broken = hookspool("run", write_file(folder / "broken.toml", "[intake\n"));
  EXPECT_EQ(broken.status.code, kExitConfig) << broken.output;
  EXPECT_NE(broken.output.find("broken.toml:1:"), std::string::npos) << broken.output;
}

// A folder that another user may enter, so that what is refused is refused for the file's sake.
void open_to_all(const std::filesystem::path& path) {
  std::filesystem::permissions(path, std::filesystem::perms(0755));
}

// The program is copied to where another user may run it, for this tree may lie below /root.
Captured as_nobody(std::vector<std::string> words) {
  static const TempFolder folder;
  const auto program = folder / "hookspool";
  if (!std::filesystem::exists(program)) {
    open_to_all(folder.path());
    std::filesystem::copy_file(agent_binary(), program);
  }
  words.insert(words.begin(), program.string());
  return run_and_capture({.argv = std::move(words), .user = ::geteuid() == 0 ? "nobody" : ""}, seconds(20));
}

TEST(Configuration, WhatThisUserMayNotReadIs77) {
  TempFolder folder;
  open_to_all(folder.path());
  const auto config = write_file(folder / "closed.toml", "");
  std::filesystem::permissions(config, std::filesystem::perms::none);
  for (const char* command : {"run", "check-config", "reload", "doctor"}) {
    const Captured captured = as_nobody({command, "--config", config.string()});
    EXPECT_EQ(captured.status.code, kExitNoPermission) << command << captured.output;
    EXPECT_NE(captured.output.find("Permission denied"), std::string::npos) << captured.output;
  }
  const Captured secret =
      as_nobody({"verify-signature", "--scheme", "github", "--secret-file", config.string(), "-"});
  EXPECT_EQ(secret.status.code, kExitNoPermission) << secret.output;
  EXPECT_EQ(
      as_nobody({"verify-signature", "--scheme", "github", "--secret-file", "/no/such", "-"}).status.code,
      kExitNoInput);
}

TEST(Configuration, AJournalFolderThatCannotBeWrittenIs77) {
  TempFolder folder;
  open_to_all(folder.path());
  const auto config =
      write_file(folder / "a.toml", "[intake]\nlisten = \"127.0.0.1:0\"\n[journal]\npath = \"journal\"\n");
  std::filesystem::create_directory(folder / "journal");
  std::filesystem::permissions(folder / "journal", std::filesystem::perms(0500));
  const Captured captured = as_nobody({"run", "--config", config.string()});
  EXPECT_EQ(captured.status.code, kExitNoPermission) << captured.output;
}

// The journal is where the configuration says, from whichever folder the agent is started.
TEST(Configuration, ARelativeJournalIsTheSameFromEveryFolder) {
  TempFolder folder, one, other;
  const auto config =
      write_file(folder / "a.toml", "[intake]\nlisten = \"127.0.0.1:" + std::to_string(free_port()) +
                                        "\"\n[admin]\nlisten = \"127.0.0.1:" + std::to_string(free_port()) +
                                        "\"\n[journal]\npath = \"journal\"\n");
  for (const auto* from : {&one, &other}) {
    const auto log = *from / "log";
    Process agent({.argv = {agent_binary(), "run", "--config", config.string()},
                   .output = log,
                   .working_folder = from->path()});
    ASSERT_TRUE(wait_until(seconds(20), [&] {
      return read_file(log).find("admin listening") != std::string::npos;
    })) << read_file(log);
    EXPECT_NE(read_file(log).find("configuration " + config.string()), std::string::npos) << read_file(log);
    EXPECT_NE(read_file(log).find("journal " + (folder / "journal").string() + ": "), std::string::npos)
        << read_file(log);
    EXPECT_TRUE(std::regex_search(read_file(log), std::regex("^[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z ")))
        << read_file(log);
    EXPECT_FALSE(std::filesystem::exists(*from / "journal"));
    agent.signal(SIGTERM);
    EXPECT_TRUE(agent.wait(seconds(20)));
  }
}

TEST(Commands, FindTheConfigurationByTheEnvironment) {
  TempFolder folder;
  const auto config = write_file(folder / "a.toml", "[sources.from_environment]\n");
  const Captured named = run_and_capture(
      {.argv = {agent_binary(), "check-config"}, .env = {{"HOOKSPOOL_CONFIG", config.string()}}},
      seconds(20));
  EXPECT_NE(named.output.find("from_environment"), std::string::npos) << named.output;
  const Captured none = run_and_capture({.argv = {agent_binary(), "check-config"}}, seconds(20));
  EXPECT_NE(none.output.find("embedded default"), std::string::npos) << none.output;
}

TEST(Commands, SayThatNoAgentIsThere) {
  TempFolder folder;
  const std::string socket = (folder / "admin.sock").string();
  const Captured absent = as_nobody({"dead", "list", "--socket", socket});
  EXPECT_EQ(absent.status.code, kExitUnavailable) << absent.output;
  const std::string port = std::to_string(free_port());
  const Captured refused = as_nobody({"status", "--admin", "127.0.0.1:" + port});
  EXPECT_EQ(refused.status.code, kExitUnavailable) << refused.output;
  EXPECT_EQ(
      refused.output,
      "no agent at 127.0.0.1:" + port +
          ": connection refused. Is it running? Another address: --admin HOST:PORT, or --config FILE\n");
}

TEST(Commands, SayThatThisUserMayNotUseTheSocket) {
  AgentProcess agent(agent_options(""));
  agent.start();
  open_to_all(agent.config_file().parent_path());
  open_to_all(agent.journal());
  const auto socket = agent.journal() / "admin.sock";
  std::filesystem::permissions(socket, std::filesystem::perms(0));
  const Captured captured = as_nobody({"dead", "list", "--socket", socket.string()});
  EXPECT_EQ(captured.status.code, kExitNoPermission) << captured.output;
  EXPECT_NE(captured.output.find("this user may not use " + socket.string() + " (mode 0000, group "),
            std::string::npos)
      << captured.output;
  std::filesystem::permissions(agent.journal(), std::filesystem::perms(0));
  const Captured closed = as_nobody({"dead", "list", "--socket", socket.string()});
  EXPECT_EQ(closed.status.code, kExitNoPermission) << closed.output;
  EXPECT_NE(closed.output.find("its folder " + agent.journal().string() + ": mode 0000"), std::string::npos)
      << closed.output;
  std::filesystem::permissions(agent.journal(), std::filesystem::perms(0700));
}

// The service has its PostgreSQL by a file that a command in a shell does not see.
TEST(Commands, LookAtTheServicesEnvironment) {
  TempFolder folder;
  const auto config = write_file(folder / "a.toml", "");
  const auto environment = write_file(
      folder / "environment", "DATABASE_URL=postgresql://me:hidden@127.0.0.1:1/app?sslmode=disable\n");
  const Captured checked =
      run_and_capture({.argv = {agent_binary(), "check-config", "--config", config.string(), "--environment",
                                environment.string()}});
  EXPECT_EQ(checked.status.code, 0) << checked.output;
  EXPECT_NE(checked.output.find("host=127.0.0.1 port=1 dbname=app user=me sslmode=disable, by DATABASE_URL"),
            std::string::npos)
      << checked.output;
  EXPECT_EQ(checked.output.find("hidden"), std::string::npos) << checked.output;
  const Captured looked = run_and_capture({.argv = {agent_binary(), "doctor", "--config", config.string(),
                                                    "--environment", environment.string()}});
  EXPECT_EQ(looked.status.code, kExitUnavailable) << looked.output;
  EXPECT_NE(looked.output.find("fault    connection"), std::string::npos) << looked.output;
}

TEST(Commands, CheckConfigWarnsOfWhatIsSeldomMeant) {
  TempFolder folder;
  const auto config =
      write_file(folder / "a.toml",
                 "[intake]\nlisten = \"0.0.0.0:8080\"\n[journal]\nmax_bytes = \"900000GiB\"\n[postgres]\n"
                 "conninfo = \"host=db password=hidden\"\n[sources.open]\nmax_rate = 50\n"
                 "response = { status = 202, body = \"EVENT_RECEIVED\" }\n");
  const Captured checked = hookspool("check-config", config);
  EXPECT_EQ(checked.status.code, 0) << checked.output;
  for (const char* said : {"more than the disk has", "source open takes everything", "holds a password",
                           "50 a second", "202 text/plain", "EVENT_RECEIVED", "host=db"}) {
    EXPECT_NE(checked.output.find(said), std::string::npos) << said << "\n" << checked.output;
  }
  EXPECT_EQ(checked.output.find("hidden"), std::string::npos) << checked.output;
}

TEST(Commands, DoctorTellsOfWhatWasSetAsideInTheJournal) {
  TempFolder folder;
  const auto journal = folder / "journal";
  std::filesystem::create_directory(journal);
  const auto config = write_file(folder / "a.toml", "[journal]\npath = \"" + journal.string() + "\"\n");
  const std::string said = "damaged files lie in " + journal.string();
  Captured looked = hookspool("doctor", config);
  EXPECT_EQ(looked.output.find(said), std::string::npos) << looked.output;
  write_file(journal / "damaged-segment-00000003.db", "x");
  write_file(journal / "damaged-segment-00000003.db-wal", "x");
  write_file(journal / "duplicate-segment-00000004.db", "x");
  looked = hookspool("doctor", config);
  EXPECT_EQ(looked.status.code, 0) << "a warning: " << looked.output;
  EXPECT_NE(looked.output.find("warning  journal"), std::string::npos) << looked.output;
  EXPECT_NE(looked.output.find("2 " + said + " (the first: damaged-segment-00000003.db)"), std::string::npos)
      << looked.output;
  EXPECT_NE(looked.output.find("hookspool salvage"), std::string::npos) << looked.output;
}

// Who could shut an event out or put another socket in the place of one.
TEST(Commands, CheckConfigWarnsOfWhatAStrangerCouldDecide) {
  TempFolder folder;
  const auto open = folder / "open";
  const auto shut = folder / "shut";
  std::filesystem::create_directory(open);
  std::filesystem::create_directory(shut);
  ::chmod(open.c_str(), 0777);
  ::chmod(shut.c_str(), 0700);
  ::chmod(folder.path().c_str(), 0711);
  const auto config =
      write_file(folder / "a.toml",
                 "[intake]\nlisten = \"unix:" + (open / "i.sock").string() +
                     "\"\nsocket_mode = \"0666\"\n[admin]\nsocket = \"" + (shut / "a.sock").string() +
                     "\"\nsocket_group = \"nogroup\"\n"
                     "[sources.pointed]\ndedupe = \"/id\"\n[sources.headed]\ndedupe = \"header:X-Id\"\n"
                     "[sources.keyed]\ntable = \"t\"\non_conflict = \"update\"\nconflict_keys = "
                     "[\"k\"]\ncolumns = { k = \"/k\" }\n"
                     "[sources.plain]\n[sources.bodied]\ndedupe = \"body\"\n");
  const Captured checked = hookspool("check-config", config);
  EXPECT_EQ(checked.status.code, 0) << checked.output;
  for (const std::string said :
       {"source pointed takes everything (verify = \"none\"), and dedupe = \"/id\"",
        "source headed takes everything (verify = \"none\"), and dedupe = \"header:x-id\"",
        "source keyed takes everything (verify = \"none\"), and on_conflict = \"update\"",
        "[intake] listen: every user can write to ",
        "[admin] socket: the group \"nogroup\" may connect to "}) {
    EXPECT_NE(checked.output.find(said), std::string::npos) << said << "\n" << checked.output;
  }
  for (const std::string not_said : {"source plain takes", "source bodied takes",
                                     "[intake] listen: other users", "[admin] socket: every user"})
    EXPECT_EQ(checked.output.find(not_said), std::string::npos) << not_said << "\n" << checked.output;
}

// The same at the start, and the file is as the configuration says.
TEST(Commands, TheAdminSocketHasTheModeAndTheGroupThatAreAskedFor) {
  TempFolder folder;
  ::chmod(folder.path().c_str(), 0777);
  const auto socket = folder / "admin.sock", log = folder / "log";
  const auto config = write_file(
      folder / "a.toml", "[intake]\nlisten = \"unix:" + (folder / "i.sock").string() +
                             "\"\n[admin]\nlisten = \"127.0.0.1:" + std::to_string(free_port()) +
                             "\"\nsocket = \"" + socket.string() +
                             "\"\nsocket_mode = \"0620\"\nsocket_group = \"nogroup\"\n[journal]\npath = \"" +
                             (folder / "journal").string() + "\"\nmin_free_bytes = \"16MiB\"\n[sources.a]\n");
  const Process agent({.argv = {agent_binary(), "run", "--config", config.string()}, .output = log});
  ASSERT_TRUE(wait_until(seconds(20), [&] {
    return read_file(log).find("admin listening on 127.0.0.1") !=
           std::string::npos;  // the last of the listeners
  })) << read_file(log);
  struct stat file {};
  ASSERT_EQ(::stat(socket.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0620u);
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread asks
  EXPECT_EQ(file.st_gid, ::getgrnam("nogroup")->gr_gid);
  EXPECT_NE(read_file(log).find("[admin] socket: every user can write to"), std::string::npos)
      << read_file(log);
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

// systemd tries again what ends with any other code; a wrong configuration must not come from an ExecStartPre=, to which
// RestartPreventExitStatus= does not apply.
TEST(Shipped, UnitDoesNotTryAgainWhatAPersonMustChange) {
  const std::string unit = read_file(shipped("systemd/hookspool.service"));
  EXPECT_NE(unit.find("\nRestartPreventExitStatus=64 65 66 77 78\n"), std::string::npos);
  EXPECT_EQ(unit.find("\nExecStartPre="), std::string::npos);
  EXPECT_NE(unit.find("\nLimitCORE=0\n"), std::string::npos);
  EXPECT_NE(unit.find("\nUMask=0077\n"), std::string::npos);
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

// The command line itself: typing errors, help, completions, and the screen of status --watch on a real terminal.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "tests/integration/system/fixture.h"
#include "tests/support/wait.h"

namespace hookspool::testing {
namespace {

using std::chrono::seconds;

constexpr int kUsage = 64;
constexpr seconds kPatience{120};

Captured hookspool(std::vector<std::string> words) {
  words.insert(words.begin(), agent_binary());
  return run_and_capture({.argv = std::move(words)}, kPatience);
}

TEST(CommandLine, SaysWhatWasProbablyMeant) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> errors = {
      {{"statsu"}, "unknown command \"statsu\"; did you mean \"status\"?"},
      {{"dead", "lst"}, "unknown command \"lst\"; did you mean \"list\"?"},
      {{"dead"}, "hookspool dead needs a command: list, show, retry, bury, discard"},
      {{}, "hookspool needs a command: run, check-config"},
      {{"dead", "list", "--sorce", "x"},
       "hookspool dead list has no option \"--sorce\"; did you mean \"--source\"?"},
      {{"status", "--jsn"}, "hookspool status has no option \"--jsn\"; did you mean \"--json\"?"},
      {{"status", "--watch", "2", "zzz"}, "hookspool status takes no \"zzz\""},
      {{"status", "--watch", "0"}, "a number of seconds from 1"},
      {{"adopt", "--from", "nowhere"}, "--from"},
      {{"events", "show"}, "id is required"},
      {{"dead", "retry"}, "an id, --source or --all"},
      {{"zzzzzzzz"}, "unknown command \"zzzzzzzz\"\n"},
  };
  for (const auto& [words, said] : errors) {
    const Captured captured = hookspool(words);
    EXPECT_EQ(captured.status.code, kUsage) << captured.output;
    EXPECT_NE(captured.output.find(said), std::string::npos) << said << "\n" << captured.output;
    EXPECT_NE(captured.output.find(" --help\n"), std::string::npos) << captured.output;
  }
}

TEST(CommandLine, WhatPeopleTryFirstWorks) {
  const std::string version = hookspool({"version"}).output;
  EXPECT_NE(version.find("hookspool"), std::string::npos) << version;
  EXPECT_EQ(hookspool({"--version"}).output, version);
  EXPECT_EQ(hookspool({"-V"}).output, version);
  EXPECT_EQ(hookspool({"help"}).output, hookspool({"--help"}).output);
  EXPECT_EQ(hookspool({"help", "dead", "list"}).output, hookspool({"dead", "list", "--help"}).output);
}

// The names below "Subcommands:" of a help.
std::vector<std::string> commands_in(const std::string& help) {
  std::vector<std::string> names;
  const auto at = help.find("Subcommands:\n");
  std::istringstream lines(at == std::string::npos ? "" : help.substr(at));
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line) && line.starts_with("  ")) {
    if (line[2] != ' ') names.push_back(line.substr(2, line.find_first_of(" ,", 2) - 2));
  }
  return names;
}

int look_at_help(std::vector<std::string> words) {
  auto asked = words;
  asked.emplace_back("--help");
  const Captured captured = hookspool(asked);
  EXPECT_EQ(captured.status.code, 0) << captured.output;
  EXPECT_NE(captured.output.find("Examples:\n  hookspool "), std::string::npos) << captured.output;
  int seen = 1;
  for (const auto& name : commands_in(captured.output)) {
    words.push_back(name);
    seen += look_at_help(words);
    words.pop_back();
  }
  return seen;
}

TEST(CommandLine, EveryHelpHasAnExample) {
  EXPECT_GT(look_at_help({}), 30);
}

std::string script_file(const TempFolder& folder, const std::string& shell) {
  const Captured script = hookspool({"completion", shell});
  EXPECT_EQ(script.status.code, 0) << script.output;
  const auto file = folder / ("hookspool." + shell);
  std::ofstream(file) << script.output;
  return file.string();
}

struct Completion {
  const char* before;  // the words before the one that is completed, "hookspool" left out
  const char* begun;
  const char* completed;
};
constexpr Completion kCompletions[] = {
    {"", "ev", "events"},
    {"dead", "li", "list"},
    {"events list", "--so", "--socket --source"},
    {"events list --source x", "--si", "--since"},
    {"events list --json", "--si", "--since"},
    {"events list --source", "li", ""},
    {"adopt --from", "un", "unsent"},
    {"completion", "z", "zsh"},
    {"import", "--dr", "--dry-run"},
};

// Sorted words, each once.
std::string words_of(const std::string& text) {
  std::istringstream stream(text);
  std::set<std::string> words;
  for (std::string word; stream >> word;) words.insert(word);
  std::string joined;
  for (const auto& word : words) joined += (joined.empty() ? "" : " ") + word;
  return joined;
}

TEST(Completion, OfBashKnowsEveryPlace) {
  TempFolder folder;
  const std::string file = script_file(folder, "bash");
  std::ofstream(folder / "begun-file") << "x";
  std::string asks = "source '" + file + "'\ncd '" + folder.path().string() +
                     "'\nask() { COMP_WORDS=(hookspool \"$@\"); COMP_CWORD=$#; COMPREPLY=(); _hookspool; "
                     "echo \"${COMPREPLY[*]}\"; }\n";
  for (const auto& [before, begun, completed] : kCompletions)
    asks += std::string("ask ") + before + " '" + begun + "'\n";
  asks += "ask send begun\n";
  std::istringstream answers(run_checked({.argv = {"bash", "--norc", "-euc", asks}}));
  std::string line;
  for (const auto& [before, begun, completed] : kCompletions) {
    std::getline(answers, line);
    EXPECT_EQ(words_of(line), completed) << before << " " << begun;
  }
  std::getline(answers, line);
  EXPECT_EQ(line, "begun-file");
}

bool is_installed(const std::string& shell) {
  const bool installed = run_and_capture({.argv = {"sh", "-c", "command -v " + shell}}).status.code == 0;
  if (!installed) std::cout << shell << " is not installed: its script is looked at, and not run\n";
  return installed;
}

TEST(Completion, OfZshKnowsEveryPlace) {
  TempFolder folder;
  const std::string file = script_file(folder, "zsh");
  const Captured script = hookspool({"completion", "zsh"});
  EXPECT_TRUE(script.output.starts_with("#compdef hookspool\n"));
  EXPECT_NE(script.output.find("'dead') printf '%s\\n' 'list show retry bury discard' ;;"),
            std::string::npos);
  EXPECT_NE(script.output.find("'adopt --from') printf '%s\\n' 'unsent beginning' ;;"), std::string::npos);
  if (!is_installed("zsh")) return;
  std::string asks = "compdef() { }; source '" + file + "'\n";
  for (const auto& [before, begun, completed] : kCompletions)
    asks += std::string("_hookspool_candidates '") + begun + "' " + before + "\n";
  std::istringstream answers(run_checked({.argv = {"zsh", "-fc", asks}}));
  std::string line;
  for (const auto& [before, begun, completed] : kCompletions) {
    std::getline(answers, line);
    std::istringstream expected(completed);
    for (std::string word; expected >> word;)
      EXPECT_NE((" " + line + " ").find(" " + word + " "), std::string::npos) << before << ": " << line;
  }
}

TEST(Completion, OfFishKnowsEveryPlace) {
  TempFolder folder;
  const std::string file = script_file(folder, "fish");
  const Captured script = hookspool({"completion", "fish"});
  EXPECT_NE(script.output.find("-n '__hookspool_at dead' -a list -d "), std::string::npos);
  EXPECT_NE(script.output.find("-n '__hookspool_at adopt' -l from -x -a 'unsent beginning' -d "),
            std::string::npos);
  if (!is_installed("fish")) return;
  for (const auto& [before, begun, completed] : kCompletions) {
    const std::string line = std::string("hookspool ") + before + (before[0] == '\0' ? "" : " ") + begun;
    const Captured found = run_and_capture(
        {.argv = {"fish", "-Nc", "source '" + file + "'; complete -C '" + line + "' | string split -f1 \\t"},
         .env = {{"HOME", folder.path().string()}}});
    EXPECT_EQ(words_of(found.output), completed) << line;
  }
}

// The master's end of a terminal; what is written to the other end is read here.
class Terminal {
 public:
  Terminal(unsigned short rows, unsigned short columns) : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    EXPECT_GE(master_, 0);
    ::grantpt(master_);
    ::unlockpt(master_);
    name_ = ::ptsname(master_);  // NOLINT(concurrency-mt-unsafe): no other thread asks
    slave_ = ::open(name_.c_str(), O_RDWR | O_NOCTTY);
    const winsize size{rows, columns, 0, 0};
    ::ioctl(slave_, TIOCSWINSZ, &size);
  }
  ~Terminal() {
    ::close(slave_);
    ::close(master_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  const std::string& name() const { return name_; }
  const std::string& shown() {
    pollfd readable{master_, POLLIN, 0};
    for (char buffer[4096]; ::poll(&readable, 1, 0) == 1;) {
      const ssize_t got = ::read(master_, buffer, sizeof buffer);
      if (got <= 0) break;
      shown_.append(buffer, static_cast<std::size_t>(got));
    }
    return shown_;
  }

 private:
  const int master_;
  int slave_ = -1;
  std::string name_, shown_;
};

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(StatusWatch, IsOneScreenThatDoesNotFlickerAndGivesTheTerminalBack) {
  AgentProcess agent(agent_options(""));
  agent.start();
  Terminal terminal(4, 30);
  const std::vector<std::string> words{
      agent_binary(), "status", "--watch", "1", "--config", agent.config_file().string()};
  Process watch({.argv = words, .env = {{"TERM", "xterm"}}, .output = terminal.name()});
  ASSERT_TRUE(wait_until(kPatience, [&] { return count_of(terminal.shown(), "\x1b[H") >= 3; }))
      << terminal.shown();
  agent.kill();
  ASSERT_TRUE(
      wait_until(kPatience, [&] { return terminal.shown().find("no agent at") != std::string::npos; }));
  watch.signal(SIGINT);
  const auto ended = watch.wait(kPatience);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, 0);
  const std::string shown = terminal.shown();
  EXPECT_TRUE(shown.starts_with("\x1b[?1049h\x1b[?25l")) << shown;
  EXPECT_TRUE(shown.ends_with("\x1b[?25h\x1b[?1049l")) << shown;
  EXPECT_EQ(shown.find("\x1b[2J"), std::string::npos) << "an empty screen in between flickers";
  const auto second = shown.find("\x1b[H", shown.find("\x1b[H") + 1);
  const std::string screen = shown.substr(second, shown.find("\x1b[J", second) - second);
  EXPECT_EQ(count_of(screen, "\n"), 3u) << screen;
  std::istringstream lines(screen.substr(3));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.find("\x1b[K"), 30u) << line;
  EXPECT_NE(screen.find("mode "), std::string::npos) << screen;
}

TEST(StatusWatch, IsPlainWhereThereIsNoTerminal) {
  AgentProcess agent(agent_options(""));
  agent.start();
  TempFolder folder;
  Process watch({.argv = {agent_binary(), "status", "--watch", "1", "--config", agent.config_file().string()},
                 .output = folder / "watch"});
  const auto said = [&] {
    std::ifstream stream(folder / "watch");
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
  };
  ASSERT_TRUE(wait_until(kPatience, [&] { return count_of(said(), "mode ") >= 2; })) << said();
  watch.signal(SIGTERM);
  const auto ended = watch.wait(kPatience);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->code, 0);
  EXPECT_EQ(said().find('\x1b'), std::string::npos) << said();
}

}  // namespace
}  // namespace hookspool::testing

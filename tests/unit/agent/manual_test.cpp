// The manual against what it describes: a page for each command with each of its options, a term for each key, and nothing that
// man or mandoc warns of.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include "agent/app/command_line.h"
#include "agent/commands/command_set.h"
#include "agent/manual/command_pages.h"
#include "agent/manual/config_page.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/agent/reader_keys.h"

namespace hookspool::agent {
namespace {

const Edition kEdition{"2026-11-28", "1.2.3"};

std::string sample() {
  std::ifstream in(std::string(HOOKSPOOL_SOURCE_DIR) + "/packaging/hookspool.toml");
  return {std::istreambuf_iterator<char>(in), {}};
}

// As it reads without the escapes of roff, in one line.
std::string plain(std::string text) {
  const std::vector<std::pair<std::string, std::string>> escapes = {
      {"\\fB", ""}, {"\\fR", ""}, {"\\-", "-"}, {"\\&", ""}, {"\\(aq", "'"}, {"\\e", "\\"}};
  for (const auto& [escape, meaning] : escapes) {
    for (auto at = text.find(escape); at != std::string::npos; at = text.find(escape, at + meaning.size()))
      text.replace(at, escape.size(), meaning);
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

class Manual : public ::testing::Test {
 protected:
  Manual() : commands_(app_) {
    describe_commands(app_, commands_);
    pages_ = command_pages(app_, kEdition);
    pages_.push_back(config_page(sample(), kEdition));
    for (const auto& page : pages_) texts_[page.file] = plain(page.text);
  }

  void expect_options(const CLI::App& command, const std::string& text) {
    for (const auto* option : command.get_options()) {
      for (const auto& name : option->get_lnames()) {
        EXPECT_NE(text.find("--" + name), std::string::npos) << command.get_name() << " --" << name;
        ++options_;
      }
    }
  }

  CLI::App app_;
  CommandSet commands_;
  std::vector<Page> pages_;
  std::map<std::string, std::string> texts_;
  std::size_t options_ = 0;
};

std::vector<CLI::App*> commands_of(CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

TEST_F(Manual, HasAPageForEachCommandWithItsOptions) {
  const std::string& whole = texts_["hookspool.8"];
  for (auto* command : commands_of(app_)) {
    const std::string name = "hookspool-" + command->get_name();
    ASSERT_TRUE(texts_.contains(name + ".1")) << name;
    const std::string& text = texts_[name + ".1"];
    EXPECT_NE(text.find(name + " - " + command->get_description()), std::string::npos) << text.substr(0, 400);
    EXPECT_NE(whole.find(name + "(1)"), std::string::npos) << "hookspool(8) lacks " << name;
    for (const auto& alias : command->get_aliases())
      EXPECT_EQ(texts_["hookspool-" + alias + ".1"], ".so man1/" + name + ".1 ");
    if (commands_of(*command).empty()) expect_options(*command, text);
    for (auto* each : commands_of(*command)) {
      EXPECT_NE(text.find(".SS \"hookspool " + command->get_name() + " " + each->get_name() + "\""),
                std::string::npos)
          << each->get_name();
      expect_options(*each, text);
    }
  }
  std::cout << "checked " << options_ << " options\n";
  EXPECT_GT(options_, 50u);
}

TEST_F(Manual, HasEachKeyOfTheConfiguration) {
  const std::string& text = texts_["hookspool.toml.5"];
  std::string raw;
  for (const auto& page : pages_) {
    if (page.file == "hookspool.toml.5") raw = page.text;
  }
  std::size_t checked = 0;
  for (const std::string& key : keys_of_the_reader()) {
    if (key == "sources.NAME.columns" || key == "sources.NAME.tables") continue;  // tables: subsections
    const std::string name = key.substr(key.rfind('.') + 1);
    const bool is_term = raw.find("\\fB" + name + "\\fR") != std::string::npos;
    EXPECT_TRUE(is_term || (is_nested(key) && text.find(name + " = ") != std::string::npos)) << key;
    ++checked;
  }
  EXPECT_GT(checked, 80u);
  for (const char* section :
       {"[agent]", "[intake]", "[journal]", "[postgres]", "[alerts]", "[sources.github]"})
    EXPECT_NE(text.find(std::string(".SS \"") + section), std::string::npos) << section;
}

TEST_F(Manual, TextIsNeverARequest) {
  const std::string page =
      config_page("# begins\n# .with a dot and \\back 'quote'\n[a]\n# 'x\n#k = \".y\"\n", kEdition).text;
  EXPECT_NE(page.find("begins \\&.with a dot and \\eback \\(aqquote\\(aq\n"), std::string::npos) << page;
  EXPECT_NE(page.find("\n\\(aqx\n"), std::string::npos) << page;
  EXPECT_NE(page.find(".TP\n\\fBk\\fR = \".y\"\n"), std::string::npos) << page;
}

std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string out;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) out += static_cast<char>(c);
  const int status = ::pclose(pipe);
  return status == 0 ? out : out + "exit status " + std::to_string(status) + "\n";
}

TEST_F(Manual, PassesTheCheckersOfManAndMandoc) {
  const testing::TempFolder folder;
  std::string files;
  for (const auto& page : pages_) {
    if (page.text.starts_with(".so ")) continue;
    std::ofstream(folder / page.file) << page.text;
    files += " " + (folder / page.file).string();
  }
  EXPECT_EQ(output_of("mandoc -T lint -W style" + files + " 2>&1"), "");
  EXPECT_EQ(output_of("LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z" + files +
                      " 2>&1 >/dev/null"),
            "");
}

}  // namespace
}  // namespace hookspool::agent

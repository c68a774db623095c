// The files that add sources: which of a folder count, in which order, and what is refused, naming both files.
#include "agent/config/source_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

class SourceFiles : public ::testing::Test {
 protected:
  SourceFiles() { std::filesystem::create_directory(folder_ / "sources.d"); }

  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }
  std::string place(const std::string& name) const { return (folder_ / name).string(); }

  ConfigResult load() {
    if (!std::filesystem::exists(folder_ / "t.toml")) write("t.toml", "");
    return load_config(place("t.toml"));
  }
  std::string faults() {
    const auto config = load();
    std::string all;
    if (!config) {
      for (const auto& line : config.error().lines) all += line + "\n";
    }
    return all;
  }
  std::vector<std::string> names() {
    const auto config = load();
    EXPECT_TRUE(config) << (config ? "" : config.error().lines.front());
    std::vector<std::string> found;
    if (config) {
      for (const auto& source : config->sources) found.push_back(source.name);
    }
    return found;
  }

  testing::TempFolder folder_;
};

using Names = std::vector<std::string>;

TEST_F(SourceFiles, AddSourcesInTheOrderOfTheirNames) {
  write("t.toml", "[sources.main]\n");
  write("sources.d/20-b.toml", "[sources.b]\n");
  write("sources.d/10-c.toml", "[sources.c]\npath = \"/c\"\n[sources.d]\n");
  EXPECT_EQ(names(), (Names{"main", "c", "d", "b"}));
  EXPECT_EQ(load()->sources[1].path, "/c");
}

TEST_F(SourceFiles, WithoutTheFolderThereAreNone) {
  std::filesystem::remove(folder_ / "sources.d");
  EXPECT_EQ(names(), Names{});
}

TEST_F(SourceFiles, CopiesOfEditorsAndOfDpkgAndHiddenFilesDoNotCount) {
  write("sources.d/a.toml", "[sources.a]\n");
  for (const char* name :
       {".b.toml", ".#a.toml", "a.toml~", "a.toml.dpkg-old", "#a.toml#", "README", ".a.toml.swp"})
    write(std::string("sources.d/") + name, "this is no TOML");
  EXPECT_EQ(names(), Names{"a"});
}

TEST_F(SourceFiles, ASourceHasOneFileAndBothAreNamed) {
  write("t.toml", "[sources.shop]\n");
  write("sources.d/late.toml", "\n[sources.shop]\n");
  EXPECT_EQ(faults(), place("sources.d/late.toml") + ":2:10: sources.shop: is a source of " +
                          place("t.toml") +
                          " already; a source has one file, so remove or rename one of them\n");
}

TEST_F(SourceFiles, SoHasAPath) {
  write("sources.d/a.toml", "[sources.a]\npath = \"/one\"\n");
  write("sources.d/b.toml", "[sources.b]\npath = \"/one\"\n");
  const std::string said = faults();
  EXPECT_NE(said.find(place("sources.d/b.toml") + ":1:1: "), std::string::npos) << said;
  EXPECT_NE(said.find("/one is another source's path already, in " + place("sources.d/a.toml")),
            std::string::npos)
      << said;
}

TEST_F(SourceFiles, HoldNothingButSources) {
  write("sources.d/a.toml", "[intake]\nlisten = \"0.0.0.0:80\"\n[sources.a]\n");
  EXPECT_EQ(faults(), place("sources.d/a.toml") +
                          ":1:2: intake: only [sources.NAME] may stand in this file; the rest belongs to " +
                          place("t.toml") + "\n");
}

TEST_F(SourceFiles, FaultsOfAllFilesAreReportedAtOnce) {
  write("t.toml", "[intake]\nlisten = 1\n");
  write("sources.d/a.toml", "[sources.a]\nverfy = \"github\"\n");
  write("sources.d/b.toml", "[sources\n");
  const std::string said = faults();
  EXPECT_NE(said.find(place("t.toml") + ":2:"), std::string::npos) << said;
  EXPECT_NE(
      said.find(place("sources.d/a.toml") + ":2:1: sources.a.verfy: unknown key; did you mean \"verify\"?"),
      std::string::npos)
      << said;
  EXPECT_NE(said.find(place("sources.d/b.toml") + ":1:"), std::string::npos) << said;
  EXPECT_NE(said.find("is not TOML here"), std::string::npos) << said;
}

TEST_F(SourceFiles, TheirPathsCountFromTheirOwnFolder) {
  write("sources.d/a.toml", "[sources.a]\nverify = \"github\"\nsecrets = [{ file = \"a.secret\" }]\n");
  write("sources.d/a.secret", "s3cret\n");
  ::chmod((folder_ / "sources.d/a.secret").c_str(), 0600);
  const auto config = load();
  ASSERT_TRUE(config) << config.error().lines.front();
  EXPECT_EQ(config->sources[0].secrets, Names{"s3cret"});
}

TEST_F(SourceFiles, ThatCannotBeReadAreAFault) {
  std::filesystem::create_symlink("/nowhere/at/all", folder_ / "sources.d/gone.toml");
  EXPECT_EQ(load().error().kind, ConfigFaults::Kind::kNoFile);
  EXPECT_NE(faults().find("sources.d/gone.toml: cannot be read"), std::string::npos) << faults();
  std::filesystem::remove(folder_ / "sources.d/gone.toml");
  ASSERT_EQ(::mkfifo((folder_ / "sources.d/pipe.toml").c_str(), 0600), 0);
  EXPECT_NE(faults().find("is not a regular file"), std::string::npos) << faults();
}

TEST_F(SourceFiles, NameTheSourcesOfAnOpenListener) {
  write("t.toml", "[intake]\nlisten = \"0.0.0.0:8080\"\n");
  EXPECT_NE(faults().find("the sources must be named"), std::string::npos);
  write("sources.d/a.toml", "[sources.a]\n");
  EXPECT_EQ(names(), Names{"a"});
}

TEST_F(SourceFiles, HaveLimits) {
  write("sources.d/a.toml", std::string(kSourceFileBytesMax + 1, '#'));
  EXPECT_NE(faults().find("a.toml: is larger than"), std::string::npos) << faults();
  write("sources.d/a.toml", "");
  for (std::size_t i = 0; i < kSourceFilesBytesMax / kSourceFileBytesMax; ++i)
    write("sources.d/" + std::to_string(i) + ".toml", std::string(kSourceFileBytesMax, '\n'));
  EXPECT_EQ(names(), Names{}) << "as many bytes as may be";
  write("sources.d/more.toml", "\n");
  EXPECT_NE(faults().find("sources.d: its files *.toml are together larger than 16 MiB"), std::string::npos)
      << faults();
}

TEST_F(SourceFiles, AreSoManyAtMost) {
  for (std::size_t i = 0; i <= kSourceFilesMax; ++i) write("sources.d/" + std::to_string(i) + ".toml", "");
  EXPECT_NE(faults().find("has 1025 files *.toml, more than 1024"), std::string::npos) << faults();
  std::filesystem::remove(folder_ / "sources.d/0.toml");
  EXPECT_EQ(names(), Names{});
}

TEST_F(SourceFiles, CountAsSourcesTogether) {
  std::string many;
  for (int i = 0; i < 1'024; ++i) many += "[sources.s" + std::to_string(i) + "]\n";
  write("t.toml", many);
  EXPECT_EQ(names().size(), 1'024u);
  write("sources.d/a.toml", "[sources.a]\n");
  EXPECT_NE(faults().find(place("sources.d/a.toml") + ":"), std::string::npos) << faults();
  EXPECT_NE(faults().find("sources: are 1025, more than 1024"), std::string::npos) << faults();
}

}  // namespace
}  // namespace hookspool::agent

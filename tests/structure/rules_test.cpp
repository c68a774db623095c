// Each rule on a small tree that breaks it, and on one that does not: a rule that cannot fail checks nothing.
#include "tests/structure/rules.h"

#include <gtest/gtest.h>

namespace hookspool::structure {
namespace {

constexpr const char* kHeader = "// What it is for.\n#pragma once\n";

// The rule finds exactly one fault, and it names `expected`.
void expect_fault(const Faults& faults, const std::string& expected) {
  ASSERT_EQ(faults.size(), 1u) << (faults.empty() ? "no fault found" : faults.back());
  EXPECT_NE(faults.front().find(expected), std::string::npos) << faults.front();
}

Files tree(std::initializer_list<std::pair<const char*, std::string>> texts) {
  Files files;
  for (const auto& [path, text] : texts) files.push_back(make_source(path, text));
  return files;
}

std::string including(const std::string& path) {
  return "#include \"" + path + "\"\n";
}

TEST(LayerRule, TakesTheWayOfAnEvent) {
  const Files files =
      tree({{"storage/model/event.h", kHeader},
            {"storage/journal/journal.h", including("storage/model/event.h")},
            {"net/pg/link/pool.h", including("storage/model/event.h")},
            {"net/http/server.h", including("storage/model/event.h") + including("storage/base/mutex.h")},
            {"storage/base/mutex.h", kHeader},
            {"agent/app/main.cpp", including("storage/journal/journal.h") + including("net/pg/link/pool.h")},
            {"tests/unit/agent/main_test.cpp", including("net/http/server.h")}});
  EXPECT_TRUE(check_layers(files).empty());
}

TEST(LayerRule, RefusesWhatFlowsBack) {
  const std::pair<const char*, const char*> kForbidden[] = {
      {"storage/journal/journal.cpp", "net/pg/link/pool.h"},
      {"storage/journal/journal.cpp", "agent/config/config.h"},
      {"storage/model/uuid.cpp", "storage/file/folder.h"},
      {"storage/base/mutex.h", "storage/model/uuid.h"},
      {"storage/segment/segment.cpp", "storage/journal/journal.h"},
      {"net/pg/link/pool.cpp", "storage/journal/journal.h"},
      {"net/pg/link/pool.cpp", "net/pg/tables/schema.h"},
      {"net/http/server.cpp", "net/pg/link/pool.h"},
      {"net/pg/link/pool.cpp", "net/http/server.h"},
      {"net/pg/link/pool.cpp", "agent/config/config.h"},
      {"agent/base/log.cpp", "agent/config/config.h"},
      {"agent/intake/admission.cpp", "agent/delivery/lane.h"},
      {"agent/app/main.cpp", "tests/support/wait.h"},
  };
  for (const auto& [from, to] : kForbidden) {
    expect_fault(check_layers(tree({{from, including(to)}, {to, ""}})), to);
  }
}

TEST(LayerRule, TakesAHeaderThatTheBuildMakes) {
  EXPECT_TRUE(check_layers(tree({{"agent/app/main.cpp", including("agent/base/version.h")},
                                 {"agent/base/version.h.in", ""}}))
                  .empty());
}

TEST(LayerRule, RefusesAFileOutsideAndAnIncludeOfNothing) {
  expect_fault(check_layers(tree({{"util/misc.h", kHeader}})), "no layer");
  expect_fault(check_layers(tree({{"agent/misc.h", kHeader}})), "no layer");
  expect_fault(check_layers(tree({{"agent/app/main.cpp", including("main.h")}})), "no such file");
}

TEST(DefinitionRule, RefusesTwoTypesOfOneName) {
  std::size_t found = 0;
  const std::string connection =
      "namespace hookspool::net {\nclass Connection {\n};\n}  // namespace hookspool::net\n";
  const std::string derived =
      "namespace hookspool::net {\nstruct Connection final : Base {\n};\n}  // namespace hookspool::net\n";
  expect_fault(check_definitions(tree({{"net/http/a.h", connection}, {"net/pg/b.h", derived}}), found),
               "hookspool::net::Connection");
  EXPECT_EQ(found, 2u);
}

TEST(DefinitionRule, TakesDeclarationsFunctionsOtherNamespacesAndUnnamedOnes) {
  std::size_t found = 0;
  const std::string named = "namespace a {\nclass Connection {\n};\n}  // namespace a\n";
  const std::string declared =
      "namespace a {\nclass Connection;\nstruct Connection make() {\n}\n}  // namespace a\n";
  const std::string other = "namespace b {\nenum class Connection { kOne };\n}  // namespace b\n";
  const std::string unnamed =
      "namespace a {\nnamespace {\nclass Connection : Base {\n};\n}  // namespace\n}  // namespace a\n";
  EXPECT_TRUE(
      check_definitions(
          tree({{"a.h", named}, {"b.h", declared}, {"c.h", other}, {"d.cpp", unnamed}, {"e.cpp", unnamed}}),
          found)
          .empty());
  EXPECT_EQ(found, 4u);
}

TEST(LibraryRule, KnowsWhoWrapsWhat) {
  EXPECT_TRUE(check_libraries(tree({{"net/pg/link/connection.cpp", "#include <libpq-fe.h>\n"},
                                    {"storage/journal.cpp", "#include <SQLiteCpp/Database.h>\n"},
                                    {"agent/config/config.cpp", "#include <toml++/toml.h>\n"},
                                    {"tests/pg_test.cpp", "#include <libpq-fe.h>\n"}}))
                  .empty());
  for (const auto& [path, text] : std::initializer_list<std::pair<const char*, const char*>>{
           {"agent/lane.cpp", "#include <libpq-fe.h>\n"},
           {"agent/lane.cpp", "#include <SQLiteCpp/Database.h>\n"},
           {"agent/lane.cpp", "#include <httplib.h>\n"},
           {"net/pg/tables/schema.cpp", "#include <libpq-fe.h>\n"},
           {"net/pg/pool.cpp", "#include <sqlite3.h>\n"},
           {"net/pg/pool.cpp", "#include <spdlog/spdlog.h>\n"},
           {"storage/journal.cpp", "#include <toml++/toml.h>\n"},
           {"storage/journal.cpp", "#include <CLI/CLI.hpp>\n"},
       }) {
    expect_fault(check_libraries(tree({{path, text}})), "another layer");
  }
  expect_fault(check_libraries(tree({{"agent/lane.cpp", including("storage/journal.h")},
                                     {"storage/journal.h", including("storage/sqlite.h")},
                                     {"storage/sqlite.h", "#include <sqlite3.h>\n"}})),
               "agent/lane.cpp -> storage/journal.h -> storage/sqlite.h -> sqlite3.h");
  expect_fault(check_libraries(tree({{"net/http/server.h", "#include <httplib.h>\n"}})), "into a .cpp");
}

TEST(RouteRule, SeesRoutesOfTheLibraryAndRegularExpressions) {
  const std::string library = "#include <httplib.h>\n";
  EXPECT_TRUE(check_routes(tree({{"net/http/a.cpp", library + "client.send(x);\nauto y = my_Get(x);\n"},
                                 {"net/http/b.cpp", "server.Get(\"/x\", handler);\n"},
                                 {"tests/net/c.cpp", library + "server.Get(\"/x\", handler);\n"}}))
                  .empty());
  expect_fault(check_routes(tree({{"net/http/a.cpp", library + "server.Get(\"/x\", handler);\n"}})),
               "std::regex");
  expect_fault(check_routes(tree({{"net/http/a.cpp", library + "  Post(\"/x\", handler);\n"}})),
               "std::regex");
  expect_fault(check_libraries(tree({{"net/http/a.cpp", "#include <regex>\n"}})), "another layer");
}

TEST(CycleRule, FindsOneOverSeveralFiles) {
  EXPECT_TRUE(
      check_cycles(tree({{"a.h", including("b.h")}, {"b.h", including("c.h")}, {"c.h", ""}})).empty());
  expect_fault(
      check_cycles(tree({{"a.h", including("b.h")}, {"b.h", including("c.h")}, {"c.h", including("a.h")}})),
      "a.h -> b.h -> c.h -> a.h");
}

std::string function_of(std::size_t lines) {
  std::string text = "int answer(int a,\n           int b) {\n";
  for (std::size_t i = 2; i < lines; ++i) text += "  ++a;\n";
  return text + "}\n";
}

TEST(SizeRule, CountsFilesAndFunctions) {
  EXPECT_TRUE(check_sizes(tree({{"agent/a.cpp", function_of(kFunctionLinesMax)}})).empty());
  expect_fault(check_sizes(tree({{"agent/a.cpp", function_of(kFunctionLinesMax + 1)}})), "function of");
  EXPECT_TRUE(check_sizes(tree({{"tests/a.cpp", function_of(kTestLinesMax)}})).empty());
  expect_fault(check_sizes(tree({{"tests/a.cpp", function_of(kTestLinesMax + 1)}})), "function of");
  expect_fault(note_sizes(tree({{"agent/a.cpp", function_of(kFunctionLinesSoft + 1)}})), "function of");

  std::string text;
  for (std::size_t i = 0; i < kFileLinesMax; ++i) text += "// a line\n";
  EXPECT_TRUE(check_sizes(tree({{"agent/a.cpp", text}})).empty());
  expect_fault(check_sizes(tree({{"agent/a.cpp", text + "// one more\n"}})), "split it");
}

TEST(SizeRule, DoesNotTakeATypeForAFunction) {
  std::string text = "struct Table {\n";
  for (std::size_t i = 0; i < kFunctionLinesMax + 1; ++i) text += "  int a" + std::to_string(i) + ";\n";
  EXPECT_TRUE(check_sizes(tree({{"agent/a.h", text + "};\n"}})).empty());
}

TEST(WordRule, FindsUnfinishedWorkAndMachinesPaths) {
  EXPECT_TRUE(check_words(tree({{"agent/a.cpp", "// finished: mkdtemp wants XXXXXX\n"}})).empty());
  for (const std::string& word :
       {std::string("TO") + "DO", std::string("FIX") + "ME", std::string("XX") + "X",
        std::string("place") + "holder", std::string("not ") + "implemented"}) {
    expect_fault(check_words(tree({{"agent/a.cpp", "// " + word + "\n"}})), "unfinished");
  }
  expect_fault(check_words(tree({{"dev", "cd " + std::string("/ho") + "me/somebody\n"}})), "machine");
}

TEST(LinkRule, WantsFilesAndHeadings) {
  std::size_t found = 0;
  const auto exists = [](const std::string& path) { return path == "README.md" || path == "docs/a.md"; };
  const std::string headings = "# What is `[it]`?\n```sh\n# no heading\n```\n";
  const auto faults_of = [&](const std::string& text) {
    return check_links(tree({{"README.md", text}, {"docs/a.md", headings}}), exists, found);
  };
  EXPECT_TRUE(faults_of("[a](docs/a.md#what-is-it), [b](https://example.org/none), [c](#d)\n## D\n").empty());
  EXPECT_EQ(found, 2u);
  EXPECT_TRUE(faults_of("```\n[a](none.md)\n```\n").empty());
  expect_fault(faults_of("[a](none.md)\n"), "README.md:1: links to none.md");
  expect_fault(faults_of("[a](docs/a.md#no-heading)\n"), "no heading");
  expect_fault(faults_of("[a](#nowhere)\n"), "no heading");
  expect_fault(check_links(tree({{"docs/a.md", "[a](b.md)\n"}}), exists, found), "docs/b.md");
}

TEST(ReadmeRule, CountsLines) {
  std::string text;
  for (std::size_t i = 0; i < kReadmeLinesMax; ++i) text += "a line\n";
  EXPECT_TRUE(check_readme(tree({{"README.md", text}})).empty());
  expect_fault(check_readme(tree({{"README.md", text + "one more\n"}})), "limit 150");
  expect_fault(check_readme(tree({{"a.md", text}})), "missing");
}

TEST(PhraseRule, IsARatchet) {
  std::vector<PhraseCount> counts;
  const std::vector<Phrase> phrases = {{"odd words", "plain ones", 1, 0}};
  EXPECT_TRUE(check_phrases(tree({{"a.md", "Odd words.\n"}, {"a.cpp", "// oddwords, odd wordsmith\n"}}),
                            phrases, counts)
                  .empty());
  EXPECT_EQ(counts.front().documents, 1u);
  expect_fault(check_phrases(tree({{"a.md", "odd words, odd words\n"}}), phrases, counts),
               "2 times in documents");
  expect_fault(check_phrases(tree({{"a.cpp", "// odd words\n"}}), phrases, counts), "a.cpp:1: ");
}

TEST(HeaderRule, WantsACommentAndAGuard) {
  EXPECT_TRUE(check_headers(tree({{"agent/a.h", kHeader}})).empty());
  expect_fault(check_headers(tree({{"agent/a.h", "// What it is for.\nint a;\n"}})), "#pragma once");
  expect_fault(check_headers(tree({{"agent/a.h", "#pragma once\n// Late.\n"}})), "opens with a comment");
}

TEST(LockRule, WantsLocksThatAreChecked) {
  std::size_t found = 0;
  EXPECT_TRUE(check_locks(tree({{"agent/a.h", including("storage/base/mutex.h")},
                                {"storage/base/mutex.h", "#include <mutex>\n"},
                                {"tests/b.cpp", "#include <mutex>\n"}}),
                          found)
                  .empty());
  EXPECT_EQ(found, 1u);
  for (const char* header : {"mutex", "shared_mutex", "condition_variable"}) {
    const std::string include = "#include <" + std::string(header) + ">\n";
    expect_fault(check_locks(tree({{"net/a.cpp", include}}), found), "storage/base/mutex.h");
  }
}

TEST(ThreadRule, WantsEachThreadInTheList) {
  std::size_t found = 0;
  const auto faults =
      check_threads(tree({{"agent/base/log.cpp", "  std::thread([this] { run(); }).detach();\n"},
                          {"agent/new.h", "  std::jthread thread_;\n"},
                          {"agent/owner.h", "  OwnedThreads thread_;\n"},
                          {"agent/c.cpp", "  std::this_thread::yield();\n"},
                          {"tests/b.cpp", "  std::thread other;\n"}}),
                    found);
  EXPECT_EQ(found, 3u);
  ASSERT_GE(faults.size(), 2u);
  EXPECT_NE(faults[0].find("agent/new.h:1: "), std::string::npos) << faults[0];
  EXPECT_NE(faults[1].find("agent/owner.h:1: "), std::string::npos) << faults[1];
  // Each of the list that this tree does not have.
  for (std::size_t i = 2; i < faults.size(); ++i) {
    EXPECT_NE(faults[i].find("has no thread any more"), std::string::npos) << faults[i];
    EXPECT_EQ(faults[i].find("agent/base/log"), std::string::npos);
  }
  EXPECT_GT(faults.size(), 5u);
}

TEST(ThreadSafetyRule, WantsAWordInTheFirstComment) {
  std::size_t found = 0;
  const auto faults_of = [&](const std::string& text) {
    return check_thread_safety(tree({{"agent/a.h", text}, {"tests/b.h", kHeader}, {"agent/c.cpp", ""}}),
                               found);
  };
  for (const char* says : {"// A map. Thread-safe.\n", "// A map.\n//\n// Not thread-safe: one owner.\n",
                           "// Sums. Pure functions.\n", "// Two numbers. Plain values.\n"}) {
    EXPECT_TRUE(faults_of(says).empty()) << says;
    EXPECT_EQ(found, 1u);
  }
  for (const char* says : {kHeader, "// On thread-safety.\n", "// A map.\n#pragma once\n// Thread-safe.\n"})
    expect_fault(faults_of(says), "agent/a.h:1: ");
}

}  // namespace
}  // namespace hookspool::structure

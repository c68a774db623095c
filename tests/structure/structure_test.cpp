// The rules of the tree, tried on the tree itself. Prints how much was looked at, and fails when that is
// nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "tests/structure/rules.h"

namespace hookspool::structure {
namespace {

class TheTree : public ::testing::Test {
 protected:
  void SetUp() override {
    files_ = read_tree(HOOKSPOOL_SOURCE_DIR);
    for (const SourceFile& file : files_) {
      includes_ += file.includes.size();
      headers_ += file.is_header() ? 1u : 0u;
      sources_ += file.is_cpp() ? 1u : 0u;
    }
    std::cout << "looked at " << files_.size() << " files, " << sources_ << " of C++, " << headers_
              << " headers, " << includes_ << " includes\n";
    ASSERT_GT(files_.size(), 0u);
    ASSERT_GT(sources_, 0u);
    ASSERT_GT(headers_, 0u);
    ASSERT_GT(includes_, 0u);
    for (std::string_view layer :
         {"storage/journal/", "net/http/", "net/pg/link/", "agent/intake/", "tests/"}) {
      const bool seen = std::any_of(files_.begin(), files_.end(),
                                    [&](const auto& file) { return file.path.starts_with(layer); });
      ASSERT_TRUE(seen) << "no file of " << layer;
    }
  }

  static void expect_none(const Faults& faults) {
    for (const std::string& fault : faults) ADD_FAILURE() << fault;
  }

  Files files_;
  std::size_t includes_ = 0;
  std::size_t headers_ = 0;
  std::size_t sources_ = 0;
};

TEST_F(TheTree, KeepsItsLayersApart) {
  expect_none(check_layers(files_));
}
TEST_F(TheTree, KeepsAnOrder) {
  std::cout << "looked at " << layers_count() << " layers\n";
  EXPECT_GT(layers_count(), 20u);
  expect_none(check_order());
}
TEST_F(TheTree, ShowsALibraryOnlyInItsLayer) {
  expect_none(check_libraries(files_));
}
TEST_F(TheTree, HasNoCycleOfIncludes) {
  expect_none(check_cycles(files_));
}
TEST_F(TheTree, HasNoRouteThatIsARegularExpression) {
  expect_none(check_routes(files_));
}
TEST_F(TheTree, HasNoUnfinishedWordAndNoMachinesPath) {
  expect_none(check_words(files_));
}
TEST_F(TheTree, HasHeadersThatSayWhatTheyAreFor) {
  expect_none(check_headers(files_));
}

TEST_F(TheTree, HasHeadersThatSayHowThreadsMayUseThem) {
  std::size_t found = 0;
  expect_none(check_thread_safety(files_, found));
  std::cout << "looked at " << found << " headers of the product\n";
  EXPECT_GT(found, 150u);
}

TEST_F(TheTree, LocksWithWhatIsChecked) {
  std::size_t found = 0;
  expect_none(check_locks(files_, found));
  std::cout << "looked at " << found << " files that lock\n";
  EXPECT_GT(found, 20u);
}

TEST_F(TheTree, KnowsItsThreads) {
  std::size_t found = 0;
  expect_none(check_threads(files_, found));
  std::cout << "looked at " << found << " kinds of threads\n";
  EXPECT_GT(found, 5u);
}

TEST_F(TheTree, DefinesEachTypeOnce) {
  std::size_t found = 0;
  expect_none(check_definitions(files_, found));
  std::cout << "looked at " << found << " definitions of types\n";
  EXPECT_GT(found, 100u);
}

TEST_F(TheTree, LinksToWhatIsThere) {
  std::size_t found = 0;
  const std::filesystem::path root = HOOKSPOOL_SOURCE_DIR;
  expect_none(check_links(
      files_, [&](const std::string& path) { return std::filesystem::exists(root / path); }, found));
  std::cout << "looked at " << found << " links\n";
  EXPECT_GT(found, 20u);
}

TEST_F(TheTree, HasAReadmeThatIsShort) {
  expect_none(check_readme(files_));
}

TEST_F(TheTree, SaysWhatThingsAre) {
  std::vector<PhraseCount> counts;
  expect_none(check_phrases(files_, odd_phrases(), counts));
  std::size_t documents = 0, sources = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    documents += counts[i].documents;
    sources += counts[i].sources;
    const Phrase& phrase = odd_phrases()[i];
    if (counts[i].documents < phrase.documents_max || counts[i].sources < phrase.sources_max)
      std::cout << "note: \"" << phrase.text << "\" can be lowered to " << counts[i].documents << ", "
                << counts[i].sources << '\n';
  }
  std::cout << "counted " << counts.size() << " phrases: " << documents << " in documents, " << sources
            << " in sources\n";
  EXPECT_GT(counts.size(), 0u);
}

TEST_F(TheTree, StaysWithinItsSizes) {
  for (const std::string& note : note_sizes(files_)) std::cout << "note: " << note << '\n';
  expect_none(check_sizes(files_));
}

}  // namespace
}  // namespace hookspool::structure

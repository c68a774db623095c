// Another process at the journal's files: the one being written is deleted, renamed, replaced; one is held open by a
// long reader; a second agent is started on the same folder.
#include <sqlite3.h>
#include <sysexits.h>

#include "tests/integration/disk/fixture.h"

namespace hookspool::testing {
namespace {

class Meddling : public FaultyDisk {
 protected:
  std::filesystem::path active_segment() const {
    std::filesystem::path newest;
    for (const auto& entry : std::filesystem::directory_iterator(agent_->journal())) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("segment-") && name.ends_with(".db") && entry.path() > newest)
        newest = entry.path();
    }
    return newest;
  }

  // Nothing is acknowledged from it any more (unless the cursors' write met it first, a group is refused), and the next
  // group goes into another file.
  void expect_noticed() {
    EXPECT_TRUE(wait_health("/journal/segments_sealed_after_error", "1")) << agent_->health();
    EXPECT_TRUE(load_->wait_acknowledged(kSomeAcknowledged));
    EXPECT_EQ(load_->counts().unknown, 0u);
    EXPECT_TRUE(ready());
    expect_all_kept();
  }
};

TEST_F(Meddling, ADeletedSegmentIsNoticedBeforeTheNextAnswer) {
  start();
  post();
  std::filesystem::remove(active_segment());
  expect_noticed();
}

TEST_F(Meddling, ARenamedSegmentIsNoticedBeforeTheNextAnswer) {
  start();
  post();
  const std::filesystem::path segment = active_segment();
  std::filesystem::rename(segment, segment.string() + ".away");
  expect_noticed();
}

TEST_F(Meddling, AReplacedSegmentIsNoticedBeforeTheNextAnswer) {
  start();
  post();
  const std::filesystem::path segment = active_segment();
  std::filesystem::copy_file(segment, segment.string() + ".copy");
  std::filesystem::rename(segment.string() + ".copy", segment);
  expect_noticed();
}

TEST_F(Meddling, ALongReaderHoldsUpNeitherIntakeNorTheSpaceForGood) {
  start(nullptr, "max_bytes = \"32MiB\"\n");  // segments of 1 MiB
  Load& load = post();
  const std::filesystem::path segment = active_segment();
  sqlite3* reader = nullptr;
  ASSERT_EQ(sqlite3_open_v2(segment.c_str(), &reader, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM events", nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(reader);
  // Over the end of this segment and of the two that follow.
  const auto rotations = [&] { return active_segment(); };
  for (int i = 0; i < 3; ++i) {
    const std::filesystem::path before = rotations();
    EXPECT_TRUE(wait_until(std::chrono::seconds(60), [&] { return rotations() != before; }));
  }
  EXPECT_EQ(load.counts().fail + load.counts().unknown, 0u);
  EXPECT_TRUE(ready());
  sqlite3_close_v2(reader);
  EXPECT_TRUE(wait_until(std::chrono::seconds(30), [&] {
    return !std::filesystem::exists(segment) && !std::filesystem::exists(segment.string() + "-wal");
  }));
  expect_all_kept();
}

TEST_F(Meddling, ASecondAgentOnTheSameJournalEndsAtOnce) {
  start();
  Load& load = post();
  AgentOptions options = agent_->options();
  options.journal = agent_->journal();
  AgentProcess second(options);
  second.launch();
  const auto end = second.wait_end(std::chrono::seconds(30));
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->code, EX_UNAVAILABLE);
  EXPECT_NE(second.log().find("is open in process " + std::to_string(agent_->pid())), std::string::npos)
      << second.log();
  EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  EXPECT_EQ(load.counts().fail + load.counts().unknown, 0u);
  expect_all_kept();
}

}  // namespace
}  // namespace hookspool::testing

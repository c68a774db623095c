// The disk answers with an error: on a sync, a write, a read, a checkpoint. What it said no to is never
// acknowledged, the file is never written again, and another one takes over.
#include "tests/integration/disk/fixture.h"

namespace hookspool::testing {
namespace {

using FailingDisk = FaultyDisk;

std::vector<std::filesystem::path> segment_files(const std::filesystem::path& journal, int count,
                                                 const std::string& suffix = {}) {
  std::vector<std::filesystem::path> files;
  for (int number = 1; number <= count; ++number) {
    std::string digits = std::to_string(number);
    digits.insert(0, 8 - digits.size(), '0');
    files.push_back(journal / ("segment-" + digits + ".db" + suffix));
  }
  return files;
}

TEST_F(FailingDisk, OneFailedSyncSealsTheFileAndTheNextGroupIsTaken) {
  AgentProcess& agent = start();
  Load& load = post();
  const std::string epoch = agent.health("/epoch");
  {
    const Injector fault(agent.pid(), {.thread = "journal", .faults = {"fdatasync:error=EIO:when=1"}});
    fault.wait_hits(1);
    EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
    EXPECT_EQ(fault.hits(), 1u);
  }
  // Of a group, or of a checkpoint between two.
  EXPECT_GT(
      load.counts().fail + static_cast<std::uint64_t>(agent.health_number("/journal/checkpoint_failures")),
      0u)
      << "the group whose sync failed was answered as if it were on disk";
  EXPECT_EQ(load.counts().unknown, 0u);
  EXPECT_NE(agent.health("/epoch"), epoch);
  EXPECT_EQ(agent.health("/journal/segments_sealed_after_error"), "1");
  EXPECT_TRUE(ready());
  expect_all_kept();
}

TEST_F(FailingDisk, SyncsThatFailForGoodRefuseAndDrainUntilTheDiskIsBack) {
  AgentProcess& agent = start();
  Load& load = post();
  {
    const Injector fault(agent.pid(),
                         {.thread = "journal", .faults = {"fdatasync:error=EIO", "fsync:error=EIO"}});
    agent.wait_mode("failed");
    EXPECT_FALSE(ready());
    EXPECT_TRUE(wait_drained());
    const LoadCounts before = load.counts();
    ASSERT_TRUE(wait_until(std::chrono::seconds(30), [&] { return load.counts().fail > before.fail + 50; }));
    EXPECT_EQ(load.counts().ok, before.ok) << "acknowledged although no sync has succeeded";
  }
  EXPECT_TRUE(wait_ready(true)) << "it does not recover without help: " << agent.health();
  EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  EXPECT_EQ(load.counts().unknown, 0u);
  expect_all_kept();
}

// The group that failed may be read back from the file's pages after a restart: it was not acknowledged, and must
// not be taken for one that was.
TEST_F(FailingDisk, AKillRightAfterAFailedSyncLosesAndDoublesNothing) {
  AgentProcess& agent = start();
  Load& load = post();
  for (int life = 0; life < 3; ++life) {
    {
      const Injector fault(agent.pid(), {.thread = "journal", .faults = {"fdatasync:error=EIO:when=3"}});
      fault.wait_hits(1);
      agent.kill();
    }
    agent.start();
    EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  }
  expect_all_kept();
}

TEST_F(FailingDisk, OneFailedWriteSealsTheFileAndTheNextGroupIsTaken) {
  AgentProcess& agent = start();
  Load& load = post();
  {
    // A group's own: the record beside the segment may fail, and the group is taken all the same.
    const Injector fault(agent.pid(), {.thread = "journal",
                                       .faults = {"pwrite64:error=EIO:when=5"},
                                       .only_files = segment_files(agent.journal(), 60, "-wal")});
    fault.wait_hits(1);
    EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  }
  EXPECT_GT(load.counts().fail, 0u);
  EXPECT_EQ(agent.health("/journal/segments_sealed_after_error"), "1");
  expect_all_kept();
}

TEST_F(FailingDisk, AReadThatFailsIsTriedAgainAndNothingIsSkipped) {
  postgres_.stop();
  AgentProcess& agent = start();
  Load& load = post();
  load.stop();
  // The lanes' workers read what waits. The writer has nothing to do.
  {
    const Injector fault(agent.pid(), {.faults = {"pread64:error=EIO"}});
    postgres_.start();
    fault.wait_hits(3);
    EXPECT_EQ(postgres_.value("SELECT count(*) FROM hookspool.events"), "0");
    EXPECT_TRUE(wait_until(std::chrono::seconds(20), [&] {
      return agent.health().find("I/O error") != std::string::npos;
    })) << agent.health();
  }
  expect_all_kept();
}

TEST_F(FailingDisk, AFailedCheckpointIsCountedAndSealsTheFile) {
  AgentProcess& agent =
      start(nullptr, "max_bytes = \"32MiB\"\n");  // segments of 1 MiB, checkpoints at 256 KiB
  Load& load = post();
  {
    // Only the databases: their WALs, where groups are committed, are written as ever.
    const Injector fault(agent.pid(), {.thread = "journal",
                                       .faults = {"pwrite64:error=EIO:when=1"},
                                       .only_files = segment_files(agent.journal(), 60)});
    fault.wait_hits(1);
    EXPECT_TRUE(wait_health("/journal/segments_sealed_after_error", "1"));
    // At a checkpoint between two groups, or at the one that closes a full segment.
    EXPECT_GE(
        agent.health_number("/journal/checkpoint_failures") + agent.health_number("/journal/commit_failures"),
        1);
    EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  }
  EXPECT_EQ(load.counts().unknown, 0u);
  expect_all_kept();
}

TEST_F(FailingDisk, ADiskThatWentReadOnlyRefusesAndDrains) {
  AgentProcess& agent = start(Volume::ext4(32));
  Load& load = post();
  if (volume_->is_ext4()) {
    volume_->stop_writing();
    agent.wait_mode("failed");
    EXPECT_TRUE(wait_ready(false));
    EXPECT_TRUE(wait_drained());
    // A file system that aborted is only writable again when it was mounted anew, so its users have to go.
    EXPECT_NE(agent.terminate().code, -1);
    volume_->check_and_mount_again();
    agent.start();
    EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  }
  {
    const Injector fault(agent.pid(),
                         {.thread = "journal", .faults = {"pwrite64:error=EROFS", "openat:error=EROFS"}});
    agent.wait_mode("failed");
    EXPECT_FALSE(ready());
    EXPECT_TRUE(wait_drained());
  }
  EXPECT_TRUE(wait_ready(true));
  EXPECT_TRUE(load.wait_acknowledged(kSomeAcknowledged));
  expect_all_kept();
}

}  // namespace
}  // namespace hookspool::testing

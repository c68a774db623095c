// No room: a full disk, a quota, no inodes left, a limit on file sizes. Senders get 503, what waits is delivered, and
// when there is room again everything goes on without help.
#include "tests/integration/disk/fixture.h"

namespace hookspool::testing {
namespace {

class NoRoom : public FaultyDisk {
 protected:
  void expect_refusal(const std::string& mode) {
    agent_->wait_mode(mode);
    EXPECT_TRUE(wait_ready(false));
    EXPECT_TRUE(wait_drained()) << agent_->health();
    const LoadCounts before = load_->counts();
    EXPECT_TRUE(wait_until(std::chrono::seconds(30), [&] { return load_->counts().fail > before.fail; }));
  }
  void expect_recovery() {
    EXPECT_TRUE(wait_ready(true)) << "it does not recover without help: " << agent_->health();
    EXPECT_TRUE(load_->wait_acknowledged(kSomeAcknowledged));
    EXPECT_EQ(load_->counts().unknown, 0u);
    expect_all_kept();
  }
};

TEST_F(NoRoom, OnAFullExt4RefusesAndGoesOnAfterward) {
  start(Volume::ext4(24));
  post();
  volume_->fill();
  expect_refusal("refusing");
  volume_->make_room();
  expect_recovery();
}

TEST_F(NoRoom, OnAFullTmpfsRefusesAndGoesOnAfterward) {
  start(Volume::tmpfs("size=12m"));
  post();
  volume_->fill();
  expect_refusal("refusing");
  volume_->make_room();
  expect_recovery();
}

TEST_F(NoRoom, BelowTheFreeSpaceLimitRefusesBeforeTheDiskIsFull) {
  start(Volume::ext4(24), "", [](AgentOptions& options) {
    options.more_journal = "min_free_bytes = \"4MiB\"\nkeep_delivered = \"0s\"\n";
  });
  post();
  // Not to the end: between the agent's look at the disk and its write there must be room for what it then writes.
  volume_->fill_down_to(2u << 20);
  expect_refusal("refusing");
  EXPECT_EQ(agent_->health("/journal/commit_failures"), "0") << "it found out by failing";
  volume_->make_room();
  expect_recovery();
}

TEST_F(NoRoom, WithoutInodesForTheNextSegmentTheFullOneGoesOn) {
  start(Volume::tmpfs("size=64m,nr_inodes=40"), "max_bytes = \"32MiB\"\n");  // segments of 1 MiB
  post();
  volume_->fill_inodes();
  EXPECT_TRUE(wait_until(std::chrono::seconds(60), [&] {
    return agent_->health_number("/journal/rotation_failures") > 0;
  })) << agent_->health();
  EXPECT_TRUE(load_->wait_acknowledged(kSomeAcknowledged));
  EXPECT_EQ(load_->counts().fail, 0u);
  EXPECT_TRUE(ready());
  volume_->make_room();
  expect_recovery();
}

TEST_F(NoRoom, OverAQuotaIsARefusalAndNoFailure) {
  start();
  post();
  {
    const Injector fault(agent_->pid(), {.thread = "journal", .faults = {"pwrite64:error=EDQUOT"}});
    expect_refusal("refusing");
  }
  expect_recovery();
}

TEST_F(NoRoom, AFileSizeLimitDoesNotEndTheAgent) {
  start();
  post();
  as_root({"prlimit", "--pid", std::to_string(agent_->pid()), "--fsize=4096:unlimited"});
  expect_refusal("failed");
  as_root({"prlimit", "--pid", std::to_string(agent_->pid()), "--fsize=unlimited:unlimited"});
  expect_recovery();
}

}  // namespace
}  // namespace hookspool::testing

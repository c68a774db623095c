// The thread in front of the index of deliveries.
#include "agent/intake/dedupe_writer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "tests/support/temp_folder.h"

namespace hookspool::agent {
namespace {

Uuid id_at(std::uint64_t number, std::uint8_t last) {
  Uuid id;
  for (std::size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<std::uint8_t>(number >> (8 * (7 - i)));
  id.bytes[15] = last;
  return id;
}

// Off the journal's writer's way: what its thread has not written is known all the same, also after a write has failed.
TEST(DedupeWriter, WhatCouldNotBeWrittenIsKnownAndWrittenLater) {
  const testing::TempFolder folder("hookspool-dedupe");
  auto opened = storage::DedupeIndex::open({folder.path() / "dedupe"}, storage::DedupeIndex::Clock::now());
  ASSERT_EQ(opened.unopened, "");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tiny{1024, before.rlim_max};
  DedupeWriter writer(*opened.index);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tiny), 0);
  std::vector<DedupeWriter::Entry> entries;
  for (std::uint64_t i = 1; i <= 3'000; ++i) entries.push_back({id_at(i, 1), id_at(i, 2)});
  EXPECT_EQ(writer.add(entries), 0u);
  const bool written = writer.flush(std::chrono::seconds(30));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(written);
  EXPECT_TRUE(opened.index->failed());
  for (const auto& entry : entries) EXPECT_EQ(writer.find(entry.key), entry.event_id);
  ASSERT_TRUE(opened.index->reopen().ok());
  writer.resume();
  EXPECT_TRUE(writer.flush(std::chrono::seconds(30)));
  EXPECT_EQ(writer.unwritten(), 0u);
  for (const auto& entry : entries) {
    const auto found = opened.index->find(entry.key);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(*found, entry.event_id);
  }
}

TEST(DedupeWriter, EveryKeyIsKnownFromTheMomentItWasAdded) {
  const testing::TempFolder folder("hookspool-dedupe");
  auto opened = storage::DedupeIndex::open({folder.path() / "dedupe"}, storage::DedupeIndex::Clock::now());
  ASSERT_EQ(opened.unopened, "");
  DedupeWriter writer(*opened.index);
  constexpr std::uint64_t kKeys = 5'000;
  std::atomic<std::uint64_t> added{0};
  std::jthread adding([&] {
    for (std::uint64_t i = 1; i <= kKeys; ++i) {
      const DedupeWriter::Entry entry{id_at(i, 1), id_at(i, 2)};
      EXPECT_EQ(writer.add({&entry, 1}), 0u);
      added = i;
    }
  });
  for (std::uint64_t last = 0; last < kKeys;) {
    last = added;
    if (last == 0) continue;
    auto found = writer.find(id_at(last, 1));
    if (!found) found = *opened.index->find(id_at(last, 1));
    ASSERT_EQ(found, id_at(last, 2)) << last;
  }
  adding.join();
  EXPECT_TRUE(writer.stop(std::chrono::seconds(30))) << "it writes what it has, and ends";
  EXPECT_EQ(writer.unwritten(), 0u);
  EXPECT_EQ(opened.index->figures().keys, kKeys);
}

}  // namespace
}  // namespace hookspool::agent

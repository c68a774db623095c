// Salvage and import: what is whole comes back under its own number and id, and doing it again adds nothing.
#include "storage/salvage/salvage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/unit/storage/salvage_fixture.h"

namespace hookspool::storage {
namespace {

namespace fs = std::filesystem;

// The opening sets it aside, because its header is gone; salvage gives it all back, under the same number.
TEST_F(SalvageTest, ASegmentThatWasSetAsideComesBackWhole) {
  fill(true);
  std::string bytes = read_file(segment_file(1));
  std::fill_n(bytes.begin(), 100, '\xff');
  write_file(segment_file(1), bytes);
  open();
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_EQ(journal_->admin().stats().lost, sent_.size());
  append("github", 500);
  close();
  const auto report = salvage_all();
  ASSERT_EQ(report.files.size(), 1u);
  EXPECT_EQ(report.files[0].imported, sent_.size());
  EXPECT_EQ(report.files[0].segments, (std::vector<std::string>{"segment-00000001.db"}));
  EXPECT_EQ(report.files[0].renamed_to, "salvaged-segment-00000001.db");
  EXPECT_TRUE(salvage_all().files.empty()) << "it is through";
  // Given by name it is looked at again, and adds nothing.
  const auto again = salvage_all({options_.folder / "salvaged-segment-00000001.db"});
  ASSERT_EQ(again.files.size(), 1u);
  EXPECT_EQ(again.files[0].imported, 0u);
  EXPECT_EQ(again.files[0].already_there, sent_.size());

  open();
  EXPECT_TRUE(notes_.empty()) << notes_.front();
  const auto runs = journal_->runs("github");
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].epoch, epoch_) << "the older epoch comes first";
  for (const char* lane : {"github", "shop"}) {
    for (const EventPtr& event : read_all(lane)) {
      if (event->epoch != epoch_) continue;
      EXPECT_EQ(event->id, sent_.at({lane, event->seq})->id);
      EXPECT_EQ(event->event.body, sent_.at({lane, event->seq})->event.body);
      sent_.erase({lane, event->seq});
    }
  }
  EXPECT_TRUE(sent_.empty());
}

TEST_F(SalvageTest, WhatIsLostLeavesAHoleAndIsNamed) {
  fill(true);
  std::string bytes = read_file(segment_file(1));
  const std::string body = body_of("github", 5, 200);
  int copies = 0;  // a page's unused part may hold remnants
  for (std::size_t at = bytes.find(body); at != std::string::npos; at = bytes.find(body, at + 1), ++copies)
    bytes[at + 50] ^= 1;
  ASSERT_GT(copies, 0);
  std::fill_n(bytes.begin(), 100, '\0');
  write_file(segment_file(1), bytes);
  open();
  close();
  // A dry run says the same, and changes nothing.
  const auto before = file_names();
  const auto dry = salvage_all({}, true);
  ASSERT_EQ(dry.files.size(), 1u);
  EXPECT_EQ(dry.files[0].imported, sent_.size() - 1);
  EXPECT_EQ(dry.files[0].damaged, 1u);
  ASSERT_EQ(dry.files[0].missing.size(), 1u);
  EXPECT_EQ(dry.files[0].missing[0].first_seq, 5u);
  EXPECT_TRUE(dry.files[0].segments.empty());
  EXPECT_EQ(file_names(), before);
  const auto report = salvage_all();
  ASSERT_EQ(report.files.size(), 1u);
  EXPECT_EQ(report.files[0].imported, sent_.size() - 1);
  EXPECT_EQ(report.files[0].damaged, 1u);
  ASSERT_EQ(report.files[0].damaged_rows.size(), 1u);
  EXPECT_EQ(report.files[0].damaged_rows[0].lane, "github");
  EXPECT_EQ(report.files[0].damaged_rows[0].seq, 5u);
  EXPECT_EQ(report.files[0].damaged_rows[0].id, sent_.at({"github", 5})->id);
  ASSERT_EQ(report.files[0].missing.size(), 1u);
  EXPECT_EQ(report.files[0].missing[0].first_seq, 5u);
  EXPECT_EQ(report.files[0].missing[0].last_seq, 5u);
  open();
  EXPECT_EQ(journal_->read("github", epoch_, 1, 100, 1 << 20)->size(), 4u);
  EXPECT_EQ(journal_->read("github", epoch_, 5, 1, 1 << 20).error().kind, JournalError::Kind::kCorrupt);
  EXPECT_EQ(*journal_->next_readable("github", epoch_, 5, 10), 6u);
  EXPECT_EQ(journal_->read("github", epoch_, 6, 100, 1 << 20)->size(), 7u);
  EXPECT_EQ(read_all("shop").size(), 12u);
  close();
  EXPECT_TRUE(salvage_all().files.empty());
}

// The segment is in use; a copy of it from before the damage gives what has been damaged since, and nothing else.
TEST_F(SalvageTest, ACopyMendsASegmentThatIsInUse) {
  fill(true);
  const fs::path backup = folder_ / "backup.db";
  fs::copy_file(segment_file(1), backup);
  std::string bytes = read_file(segment_file(1));
  const std::string body = body_of("github", 5, 200);
  for (std::size_t at = bytes.find(body); at != std::string::npos; at = bytes.find(body, at + 1))
    bytes[at + 50] ^= 1;
  write_file(segment_file(1), bytes);
  open();
  EXPECT_EQ(journal_->read("github", epoch_, 5, 1, 1 << 20).error().kind, JournalError::Kind::kCorrupt);
  journal_->confirm("shop", epoch_, {7, sent_.at({"shop", 7})->id});
  close();
  for (int round = 0; round < 2; ++round) {
    const auto report = salvage_all({backup});
    ASSERT_EQ(report.files.size(), 1u);
    EXPECT_EQ(report.files[0].imported, round == 0 ? 1u : 0u);
    EXPECT_EQ(report.files[0].already_there, sent_.size() - (round == 0 ? 1 : 0));
    EXPECT_TRUE(report.files[0].missing.empty());
  }
  EXPECT_TRUE(fs::exists(options_.folder / "salvaged-segment-00000001.db"));
  open();
  EXPECT_TRUE(notes_.empty()) << notes_.front();
  EXPECT_EQ(read_all("github").size(), 12u);
  EXPECT_EQ(read_all("shop").size(), 12u);
  EXPECT_EQ(journal_->runs("shop")[0].confirmed.seq, 7u);
}

// Two files with half of the rows each, and then the whole: all of them, once, whatever came first.
TEST_F(SalvageTest, PartsOfASegmentAddUp) {
  fill(true, 30);
  const std::string whole = read_file(segment_file(1));
  std::string even = whole, odd = whole;
  for (std::size_t page = 1; (page + 1) * kPageBytes <= whole.size(); ++page)
    std::fill_n((page % 2 == 0 ? even : odd).begin() + static_cast<std::ptrdiff_t>(page * kPageBytes),
                kPageBytes, '\0');
  write_file(folder_ / "even.db", even);
  write_file(folder_ / "odd.db", odd);
  write_file(folder_ / "whole.db", whole);
  fs::remove_all(options_.folder);
  open();
  close();
  SalvageOptions options;
  options.folder = options_.folder;
  options.epochs = {epoch_};
  options.lanes = {"github", "shop"};
  std::uint64_t imported = 0;
  for (const char* name : {"even.db", "odd.db", "whole.db", "even.db"}) {
    options.files = {folder_ / name};
    const auto report = salvage(options);
    ASSERT_TRUE(report.ok()) << report.error().text;
    if (std::string(name) == "odd.db") {
      EXPECT_GT(report->files[0].imported, 0u);
    }
    imported += report->files[0].imported;
  }
  EXPECT_EQ(imported, sent_.size());
  open();
  for (const char* lane : {"github", "shop"}) {
    std::uint64_t seq = 0;
    for (const EventPtr& event : read_all(lane)) {
      EXPECT_EQ(event->seq, ++seq);
      EXPECT_EQ(event->id, sent_.at({lane, seq})->id);
    }
    EXPECT_EQ(seq, 30u);
  }
}

// A frame of the WAL is damaged, so SQLite sees nothing of those after it; they are there all the same.
TEST_F(SalvageTest, TheEndOfAWalBehindADamagedFrameComesBack) {
  fill(false, 30);
  const fs::path wal = segment_file(1).string() + "-wal";
  std::string bytes = read_file(wal);
  bytes[bytes.size() / 2] ^= 1;
  write_file(wal, bytes);
  open();
  const std::uint64_t lost = journal_->admin().stats().lost;
  EXPECT_GT(lost, 10u);
  close();
  ASSERT_EQ(salvage_all().files.size(), 1u);
  open();
  EXPECT_LE(journal_->admin().stats().lost, 2u);
  std::size_t read = 0;
  for (const char* lane : {"github", "shop"}) {
    for (std::uint64_t seq = 1; seq <= 30; ++seq) {
      const auto event = journal_->read(lane, epoch_, seq, 1, 1);
      if (!event) continue;
      EXPECT_EQ(event->front()->id, sent_.at({lane, seq})->id);
      ++read;
    }
  }
  EXPECT_GE(read, sent_.size() - 2);
}

// It stays until its lanes have been held against PostgreSQL, although the cursors have passed its numbers.
TEST_F(SalvageTest, ASegmentThatCameBackIsKeptUntilItHasBeenCompared) {
  fill(true);
  open();
  confirm_all();
  append("github", 600);
  close();
  const fs::path kept = folder_ / "kept.db";
  fs::copy_file(segment_file(1), kept);
  fs::remove(segment_file(1));
  ASSERT_EQ(salvage_all({kept}).files.at(0).imported, sent_.size());
  for (int opening = 0; opening < 2; ++opening) {
    open();
    confirm_all();
    const auto segments = journal_->admin().segments();
    const auto found =
        std::find_if(segments.begin(), segments.end(), [](const auto& s) { return s.events == 24; });
    ASSERT_NE(found, segments.end());
    EXPECT_FALSE(found->delivered);
    EXPECT_FALSE(journal_->admin().drop_segment(found->number).ok());
    if (opening == 0) {
      close();
      continue;
    }
    journal_->compared("github");
    EXPECT_FALSE(journal_->admin().drop_segment(found->number).ok()) << "the other lane has not";
    journal_->compared("shop");
    EXPECT_TRUE(journal_->admin().drop_segment(found->number).ok());
  }
}

TEST_F(SalvageTest, OldSegmentsAreImportedAndCopiesAreHarmless) {
  fill(true);
  const fs::path old = folder_ / "old.db";
  fs::rename(segment_file(1), old);
  fs::remove_all(options_.folder);
  open();
  append("github", 700);
  close();
  fs::copy_file(old, options_.folder / "segment from the old disk.db");
  write_file(options_.folder / "somebody's.db", "not a segment, and none of our business");
  open();
  ASSERT_EQ(notes_.size(), 1u) << notes_.back();
  EXPECT_NE(notes_[0].find("hookspool import"), std::string::npos) << notes_[0];
  EXPECT_EQ(read_all("github").size(), 1u);
  close();
  const auto report = salvage_all();
  ASSERT_EQ(report.files.size(), 1u);
  EXPECT_EQ(report.files[0].imported, sent_.size());
  EXPECT_EQ(report.files[0].renamed_to, "salvaged-segment from the old disk.db");
  open();
  EXPECT_TRUE(notes_.empty()) << notes_.front();
  EXPECT_EQ(read_all("shop").size(), 12u);
  EXPECT_EQ(read_all("github").size(), 13u);
  close();
  fs::copy_file(old, options_.folder / "segment-00000017.db");
  open();
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find("like a copy"), std::string::npos) << notes_[0];
  EXPECT_TRUE(fs::exists(options_.folder / "duplicate-segment-00000017.db"));
  EXPECT_EQ(read_all("github").size(), 13u);
  close();
  const auto copy = salvage_all();
  ASSERT_EQ(copy.files.size(), 1u);
  EXPECT_EQ(copy.files[0].imported, 0u);
  EXPECT_EQ(copy.files[0].already_there, sent_.size());
  open();
  EXPECT_EQ(read_all("github").size(), 13u);
  EXPECT_TRUE(fs::exists(options_.folder / "somebody's.db"));
}

// Their own numbers lie between others: what is in a segment is known by the events' numbers, not by its own.
TEST_F(SalvageTest, SegmentsOfOneEpochAreImportedInAnyOrder) {
  options_.segment_bytes_max = 64 << 10;
  open();
  for (int n = 1; n <= 60; ++n) append("github", n, 4000);
  epoch_ = journal_->epoch();
  close();
  const fs::path old = folder_ / "old";
  fs::rename(options_.folder, old);
  open();
  append("github", 700);
  close();
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(old)) {
    if (entry.path().extension() == ".db") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  ASSERT_GT(files.size(), 3u);
  std::swap(files[0], files[2]);
  std::uint64_t imported = 0;
  for (const fs::path& file : files) imported += salvage_all({file}).files.at(0).imported;
  EXPECT_EQ(imported, 60u);
  open();
  EXPECT_TRUE(notes_.empty()) << notes_.front();
  std::uint64_t seq = 0;
  for (const EventPtr& event : read_all("github")) {
    if (event->epoch != epoch_) continue;
    EXPECT_EQ(event->seq, ++seq);
  }
  EXPECT_EQ(seq, 60u);
  // Delivered in part: that part may go, whatever the segments' numbers are.
  for (const auto& segment : journal_->admin().segments())
    EXPECT_FALSE(segment.delivered && segment.events > 0);
  journal_->compared("github");
  journal_->confirm("github", epoch_, {40, Uuid{}});
  std::uint64_t delivered = 0;
  for (const auto& segment : journal_->admin().segments()) {
    if (segment.epoch != epoch_ || !segment.delivered) continue;
    delivered += segment.events;
    EXPECT_TRUE(journal_->admin().drop_segment(segment.number).ok());
  }
  EXPECT_GT(delivered, 10u);
  EXPECT_LE(delivered, 40u);
  EXPECT_EQ(journal_->read("github", epoch_, 41, 100, 1 << 20)->front()->seq, 41u);
}

TEST_F(SalvageTest, AJournalThatIsOpenIsLeftAlone) {
  fill(true);
  open();
  SalvageOptions options;
  options.folder = options_.folder;
  const auto refused = salvage(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, JournalError::Kind::kLocked);
  options.folder = folder_ / "nowhere";
  EXPECT_EQ(salvage(options).error().kind, JournalError::Kind::kNotFound);
  EXPECT_FALSE(fs::exists(folder_ / "nowhere"));
}

}  // namespace
}  // namespace hookspool::storage

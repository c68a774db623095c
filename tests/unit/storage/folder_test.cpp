// The journal's folder: small texts, and who may read what lies there.
#include "storage/file/folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

namespace fs = std::filesystem;

class FolderTest : public JournalTest {
 protected:
  static mode_t mode_of(const fs::path& file) {
    struct stat status {};
    EXPECT_EQ(::stat(file.c_str(), &status), 0) << file;
    return status.st_mode & 07777;
  }
  void expect_private() const {
    for (const auto& entry : fs::directory_iterator(options_.folder))
      EXPECT_EQ(mode_of(entry.path()) & 077u, 0u) << entry.path();
  }
};

TEST_F(FolderTest, WhatIsWrittenAsANoteIsReadAfterARestart) {
  open();
  // As long as the agent's list of lost deliveries may get: 1,000 lines of two ids and a lane's name.
  std::string text;
  for (int n = 0; n < 1000; ++n)
    text += std::string(36 + 1 + 36 + 1 + 104, static_cast<char>('a' + n % 26)) + "\n";
  ASSERT_TRUE(journal_->notes().write("lost-deliveries", text).ok());
  reopen();
  const auto read = journal_->notes().read("lost-deliveries");
  ASSERT_TRUE(read.ok()) << read.error().text;
  EXPECT_EQ(read->value_or(""), text);
}

TEST_F(FolderTest, ANoteThatCouldNotBeReadIsNotWritten) {
  open();
  ASSERT_TRUE(journal_->notes().write("sink", "as it was").ok());
  const auto written = journal_->notes().write("sink", std::string(Folder::kTextBytesMax + 1, 'x'));
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().kind, JournalError::Kind::kTooLarge);
  EXPECT_NE(written.error().text.find("note-sink"), std::string::npos) << written.error().text;
  EXPECT_EQ(journal_->notes().read("sink")->value_or(""), "as it was");
  ASSERT_TRUE(journal_->notes().write("sink", std::string(Folder::kTextBytesMax, 'x')).ok());
  EXPECT_TRUE(journal_->notes().read("sink").ok());
}

TEST_F(FolderTest, WritersOfOneNoteDoNotMixTheirTexts) {
  open();
  std::vector<std::thread> writers;
  for (char c = 'a'; c < 'e'; ++c) {
    writers.emplace_back([this, c] {
      for (int n = 0; n < 20; ++n) EXPECT_TRUE(journal_->notes().write("sink", std::string(20'000, c)).ok());
    });
  }
  for (std::thread& writer : writers) writer.join();
  const auto text = journal_->notes().read("sink")->value_or("");
  ASSERT_EQ(text.size(), 20'000u);
  EXPECT_EQ(text.find_first_not_of(text.front()), std::string::npos);
}

TEST_F(FolderTest, FilesAreReadableForTheirOwnerAlone) {
  const mode_t before = ::umask(0);
  options_.reserve_bytes = 1 << 20;
  open();
  append("a", 1);
  ASSERT_TRUE(journal_->notes().write("sink", "text").ok());
  expect_private();
  EXPECT_EQ(mode_of(options_.folder), 0700u);
  close();
  expect_private();
  ::umask(before);
}

TEST_F(FolderTest, FilesOfAnEarlierVersionAreClosedToOthersAndAnOpenFolderIsTold) {
  open();
  append("a", 1);
  close();
  for (const auto& entry : fs::directory_iterator(options_.folder)) ::chmod(entry.path().c_str(), 0644);
  ::chmod(options_.folder.c_str(), 0755);
  open();
  expect_private();
  EXPECT_EQ(mode_of(options_.folder), 0755u) << "the folder's mode is its owner's to choose";
  const auto told = [&](const std::string& text) {
    return std::any_of(notes_.begin(), notes_.end(),
                       [&](const std::string& note) { return note.find(text) != std::string::npos; });
  };
  EXPECT_TRUE(told("could be read by other users"));
  EXPECT_TRUE(told("chmod o-rwx " + options_.folder.string()));
  close();
  ::chmod(options_.folder.c_str(), 0700);
  open();
  EXPECT_FALSE(told("other users")) << "once is enough";
}

}  // namespace
}  // namespace hookspool::storage

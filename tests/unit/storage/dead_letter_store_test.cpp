// The local copy of the dead letters: kept over lives, bounded, and never in the way.
#include "storage/side/dead_letter_store.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temp_folder.h"

namespace hookspool::storage {
namespace {

DeadLetter letter(int number, const std::string& lane = "a", std::size_t body_bytes = 3) {
  DeadLetter letter;
  letter.id.bytes[15] = static_cast<std::uint8_t>(number);
  letter.epoch.bytes[0] = 7;
  letter.seq = static_cast<std::uint64_t>(number);
  letter.lane = lane;
  letter.received_at_us = 1'000 + number;
  letter.failed_at_us = 2'000 + number;
  letter.sqlstate = "23514";
  letter.message = "violates check";
  letter.request = R"({"method":"POST"})";
  letter.body = std::string(body_bytes, '\0');
  letter.body_bytes = letter.body.size();
  return letter;
}

class DeadLetterStoreTest : public ::testing::Test {
 protected:
  DeadLetterStoreTest() { open(); }
  void open(DeadLetterStore::Limits limits = {}) {
    store_.reset();
    auto opened = DeadLetterStore::open(folder_.path(), limits);
    ASSERT_TRUE(opened) << opened.error().text;
    store_ = std::move(opened->store);
    notes_ = opened->notes;
  }
  std::string listed(const std::string& lane = "") const {
    const auto letters = store_->list(lane, {}, 1'000);
    std::string numbers;
    for (const auto& each : *letters) numbers += std::to_string(each.seq) + (each.put_back ? "* " : " ");
    return numbers;
  }

  testing::TempFolder folder_;
  std::unique_ptr<DeadLetterStore> store_;
  std::vector<std::string> notes_;
};

TEST_F(DeadLetterStoreTest, KeepsThemWholeOverLives) {
  ASSERT_TRUE(store_->keep(letter(2, "b")));
  ASSERT_TRUE(store_->keep(letter(1)));
  open();
  EXPECT_EQ(listed(), "1 2 ");
  EXPECT_EQ(listed("b"), "2 ");
  EXPECT_EQ(store_->count(), 2u);
  const auto found = store_->find(letter(2).id);
  ASSERT_TRUE(found && *found);
  const DeadLetter expected = letter(2, "b");
  EXPECT_EQ((*found)->epoch, expected.epoch);
  EXPECT_EQ((*found)->received_at_us, expected.received_at_us);
  EXPECT_EQ((*found)->failed_at_us, expected.failed_at_us);
  EXPECT_EQ((*found)->message, expected.message);
  EXPECT_EQ((*found)->request, expected.request);
  EXPECT_EQ((*found)->body, expected.body);
  EXPECT_FALSE(*store_->find(letter(9).id));
}

TEST_F(DeadLetterStoreTest, PutBackAndRemoved) {
  for (const int number : {1, 2, 3}) ASSERT_TRUE(store_->keep(letter(number)));
  ASSERT_TRUE(store_->mark_put_back({letter(2).id, letter(9).id}));
  EXPECT_EQ(listed(), "1 2* 3 ");
  ASSERT_TRUE(store_->keep(letter(2)));  // refused once more
  ASSERT_TRUE(store_->remove({letter(1).id, letter(9).id}));
  EXPECT_EQ(listed(), "2 3 ");
  EXPECT_EQ(store_->count(), 2u);
}

TEST_F(DeadLetterStoreTest, TheNewestAreKeptAndOldBodiesGoFirst) {
  open({.letters_max = 4, .body_bytes_max = 250});
  for (int number = 1; number <= 6; ++number) ASSERT_TRUE(store_->keep(letter(number, "a", 100)));
  EXPECT_EQ(listed(), "3 4 5 6 ");
  for (const int number : {5, 6}) EXPECT_TRUE((*store_->find(letter(number).id))->has_body());
  for (const int number : {3, 4}) {
    const auto found = store_->find(letter(number).id);
    EXPECT_FALSE((*found)->has_body());
    EXPECT_EQ((*found)->body_bytes, 100u);
  }
}

// Of all bytes: headers and error texts are a client's as bodies are.
TEST_F(DeadLetterStoreTest, TheFileHasABoundThatCountsAllOfIt) {
  const DeadLetterStore::Limits limits{
      .letters_max = 1'000, .body_bytes_max = 100'000, .text_bytes_max = 200'000};
  open(limits);
  for (int number = 1; number <= 200; ++number) {
    DeadLetter each = letter(number, "a", 20'000);
    each.message = std::string(1'000'000, 'x');
    each.request = R"({"headers":")" + std::string(30'000, 'h') + "\"}";
    ASSERT_TRUE(store_->keep(each));
    if (number == 100) open(limits);  // what is there counts over lives
  }
  std::uintmax_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_.path())) bytes += file.file_size();
  EXPECT_LT(bytes, 700'000u);
  const auto newest = store_->find(letter(200).id);
  ASSERT_TRUE(newest && *newest);
  EXPECT_TRUE((*newest)->has_body());
  EXPECT_LE((*newest)->message.size(), DeadLetterStore::kMessageBytesMax + 4);
  EXPECT_GE(store_->count(), 4u);
}

TEST_F(DeadLetterStoreTest, ADamagedFileIsSetAsideAndANewOneBegun) {
  ASSERT_TRUE(store_->keep(letter(1)));
  store_.reset();
  std::ofstream(folder_ / "dead-letters.db", std::ios::binary | std::ios::in)
      .write("not a database at all", 21);
  open();
  EXPECT_EQ(notes_.size(), 1u);
  EXPECT_EQ(listed(), "");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "damaged-dead-letters-1.db"));
  ASSERT_TRUE(store_->keep(letter(2)));
  EXPECT_EQ(listed(), "2 ");
}

TEST_F(DeadLetterStoreTest, WhatCannotBeOpenedNowIsOpenedLater) {
  const auto opened = DeadLetterStore::open(folder_ / "absent");
  ASSERT_TRUE(opened) << opened.error().text;
  ASSERT_EQ(opened->notes.size(), 1u);
  EXPECT_NE(opened->notes[0].find("dead-letters.db"), std::string::npos) << opened->notes[0];
  const auto refused = opened->store->keep(letter(1));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("dead-letters.db"), std::string::npos);
  EXPECT_EQ(opened->store->count(), 0u);
  std::filesystem::create_directory(folder_ / "absent");
  EXPECT_TRUE(opened->store->keep(letter(1)));
  EXPECT_EQ(opened->store->count(), 1u);
}

TEST_F(DeadLetterStoreTest, AFileOfANewerVersionIsLeftAlone) {
  ASSERT_TRUE(store_->keep(letter(1)));
  store_.reset();
  const unsigned char newer[4] = {0, 0, 0, 99};  // user_version, sqlite.org/fileformat2.html section 1.3.17
  std::fstream file(folder_ / "dead-letters.db", std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(60);
  file.write(reinterpret_cast<const char*>(newer), sizeof newer);
  file.close();
  const auto opened = DeadLetterStore::open(folder_.path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, JournalError::Kind::kTooNew);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "damaged-dead-letters-1.db"));
}

}  // namespace
}  // namespace hookspool::storage

// The quarantine's file: kept over lives, and bounded whatever clients do.
#include "storage/side/quarantine_store.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temp_folder.h"

namespace hookspool::storage {
namespace {

Uuid id_of(unsigned number) {
  Uuid id;
  id.bytes[0] = 1;  // the nil id stands for none
  id.bytes[14] = static_cast<std::uint8_t>(number >> 8);
  id.bytes[15] = static_cast<std::uint8_t>(number);
  return id;
}

Quarantined request(unsigned number, const std::string& source = "a", const std::string& peer = "192.0.2.1",
                    std::size_t body_bytes = 3) {
  Quarantined request;
  request.id = id_of(number);
  request.source = source;
  request.peer = peer;
  request.received_at_us = 1'000 + number;
  request.reason = "no_secret_fits";
  request.method = "POST";
  request.path = "/hooks/a";
  request.query = "x=1";
  request.remote_addr = peer;
  request.headers = {{"x-sig", "abc"}, {"x-twice", ""}, {"x-twice", "b: c"}};
  request.body = std::string(body_bytes, '\0');
  return request;
}

class QuarantineStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    store_.reset();
    auto opened = QuarantineStore::open(folder_.path(), limits_);
    ASSERT_TRUE(opened) << opened.error().text;
    store_ = std::move(opened->store);
    notes_ = opened->notes;
  }
  QuarantineStore::Kept keep(const Quarantined& request) {
    const auto kept = store_->keep(request);
    EXPECT_TRUE(kept) << kept.error().text;
    return kept ? *kept : QuarantineStore::Kept{};
  }
  std::string listed(const std::string& source = "") const {
    const auto requests = store_->list(source, {}, 100'000);
    std::string numbers;
    for (const auto& each : *requests) {
      numbers += (numbers.empty() ? "" : " ") + std::to_string(each.id.bytes[14] * 256 + each.id.bytes[15]);
    }
    return numbers;
  }
  std::uint64_t count_of(const std::string& peer) const {
    std::uint64_t count = 0;
    const auto requests = store_->list("", {}, 100'000);
    for (const auto& each : *requests) count += each.peer == peer ? 1u : 0u;
    return count;
  }

  testing::TempFolder folder_;
  QuarantineStore::Limits limits_{.free_bytes_min = 0};
  std::unique_ptr<QuarantineStore> store_;
  std::vector<std::string> notes_;
};

TEST_F(QuarantineStoreTest, KeepsWholeRequestsOverLives) {
  EXPECT_TRUE(keep(request(1)).kept);
  EXPECT_TRUE(keep(request(2, "b")).kept);
  open();
  EXPECT_EQ(listed(), "1 2");
  EXPECT_EQ(listed("b"), "2");
  EXPECT_EQ(store_->count(), 2u);
  EXPECT_GT(store_->bytes(), 2 * QuarantineStore::kOverheadBytes);
  const auto found = store_->find(id_of(1));
  ASSERT_TRUE(found && *found);
  const Quarantined wanted = request(1), got = **found;
  EXPECT_EQ(got.headers, wanted.headers);
  EXPECT_EQ(got.body, wanted.body);
  EXPECT_EQ(got.query, wanted.query);
  EXPECT_EQ(got.received_at_us, wanted.received_at_us);
  EXPECT_FALSE(got.admitting);
  EXPECT_EQ(store_->remove({id_of(1), id_of(7)})->size(), 1u);
  EXPECT_EQ(listed(), "2");
  EXPECT_EQ(*store_->remove_older(1'002), 0u);
  EXPECT_EQ(*store_->remove_older(1'003), 1u);
  EXPECT_EQ(store_->count(), 0u);
}

TEST_F(QuarantineStoreTest, AStrangerDisplacesHimselfFirst) {
  limits_.source_requests_max = 50;
  open();
  for (unsigned i = 0; i < 10; ++i) keep(request(i, "a", "198.51.100.7"));
  for (unsigned i = 10; i < 500; ++i) EXPECT_TRUE(keep(request(i, "a", "203.0.113.9")).kept);
  EXPECT_EQ(store_->count(), 50u);
  EXPECT_EQ(count_of("198.51.100.7"), 10u) << "the sender's own few are still there";
  EXPECT_NE(listed().find("499"), std::string::npos) << "the newest of the stranger's";
  // And the other way round: many small ones of the sender, few huge ones of the stranger.
  limits_.source_requests_max = 1'000;
  limits_.source_bytes_max = 100'000;
  open();
  for (unsigned i = 500; i < 600; ++i) keep(request(i, "a", "203.0.113.9", 20'000));
  EXPECT_EQ(count_of("198.51.100.7"), 10u);
  EXPECT_LE(store_->bytes(), limits_.source_bytes_max);
}

TEST_F(QuarantineStoreTest, ASourceDisplacesItselfFirst) {
  limits_.requests_max = 100;
  limits_.source_requests_max = 90;
  open();
  for (unsigned i = 0; i < 20; ++i) keep(request(i, "quiet", "198.51.100.7"));
  for (unsigned i = 20; i < 400; ++i) keep(request(i, "loud", "203.0.113." + std::to_string(i % 5)));
  EXPECT_EQ(store_->count(), 100u);
  EXPECT_EQ(store_->list("quiet", {}, 1'000)->size(), 20u);
}

TEST_F(QuarantineStoreTest, OneRequestIsNeverMostOfIt) {
  limits_.source_bytes_max = 100'000;
  open();
  EXPECT_FALSE(keep(request(1, "a", "192.0.2.1", 30'000)).kept);
  EXPECT_TRUE(keep(request(2, "a", "192.0.2.1", 20'000)).kept);
}

TEST_F(QuarantineStoreTest, NothingIsKeptNearTheDisksReserve) {
  limits_.free_bytes_min = 1ull << 60;
  open();
  EXPECT_FALSE(keep(request(1)).kept);
  EXPECT_EQ(store_->count(), 0u);
}

// Of requests of every size, from many addresses, for many sources: the file's size is what counts in the end.
TEST_F(QuarantineStoreTest, TheFileIsBounded) {
  limits_.requests_max = 400;
  limits_.bytes_max = 2u << 20;
  limits_.source_bytes_max = 1u << 20;
  open();
  std::uint64_t shed = 0;
  for (unsigned i = 0; i < 3'000; ++i) {
    shed +=
        keep(request(i, "s" + std::to_string(i % 4), "p" + std::to_string(i % 7), (i * 977) % 60'000)).shed;
  }
  EXPECT_GT(shed, 1'000u);
  EXPECT_LE(store_->count(), limits_.requests_max);
  EXPECT_LE(store_->bytes(), limits_.bytes_max);
  std::uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder_.path())) bytes += file.file_size();
  EXPECT_LE(bytes, 2 * limits_.bytes_max + (4u << 20) + (4u << 20))
      << "database, and what SQLite writes beside it";
}

TEST_F(QuarantineStoreTest, RemembersAnAdmissionThatWasBegun) {
  keep(request(1));
  keep(request(2));
  const Uuid epoch = id_of(77);
  ASSERT_TRUE(store_->begin_admission(id_of(1), epoch, 41));
  open();
  const auto begun = store_->admissions();
  ASSERT_TRUE(begun && begun->size() == 1);
  EXPECT_EQ(begun->front().id, id_of(1));
  EXPECT_TRUE(begun->front().admitting);
  EXPECT_EQ(begun->front().admitting_epoch, epoch);
  EXPECT_EQ(begun->front().admitting_seq, 41u);
  EXPECT_EQ(*store_->remove_older(1'000'000), 1u) << "not the one that is under way";
  ASSERT_TRUE(store_->cancel_admission(id_of(1)));
  EXPECT_TRUE(store_->admissions()->empty());
  EXPECT_EQ(listed(), "1");
}

TEST_F(QuarantineStoreTest, ADamagedFileIsSetAside) {
  keep(request(1));
  store_.reset();
  std::ofstream(folder_.path() / "quarantine.db", std::ios::trunc) << std::string(5'000, 'x');
  open();
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find("damaged-quarantine-1.db"), std::string::npos) << notes_[0];
  EXPECT_EQ(listed(), "");
  EXPECT_TRUE(keep(request(2)).kept);
}

}  // namespace
}  // namespace hookspool::storage

#include "storage/segment/row.h"

#include <gtest/gtest.h>

#include <functional>

#include "storage/file/crc32c.h"
#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

TEST(Crc32c, KnownVectors) {
  EXPECT_EQ(crc32c(0, "123456789", 9), 0xE3069283u);
  EXPECT_EQ(crc32c(0, "", 0), 0u);
  // RFC 3720 section B.4.
  EXPECT_EQ(crc32c(0, std::string(32, '\0').data(), 32), 0x8A9136AAu);
  EXPECT_EQ(crc32c(0, std::string(32, '\xff').data(), 32), 0x62A8AB43u);
}

TEST(Crc32c, TableAndInstructionAgree) {
  std::mt19937 engine(20261123);
  std::string data(300, '\0');
  for (char& c : data) c = static_cast<char>(engine());
  for (std::size_t size = 0; size < data.size(); ++size) {
    ASSERT_EQ(crc32c(size & 0xff, data.data(), size), crc32c_by_table(size & 0xff, data.data(), size))
        << size;
  }
}

TEST(Crc32c, GoesOnWhereItStopped) {
  EXPECT_EQ(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xE3069283u);
}

TEST(Row, EveryFieldCountsInTheChecksum) {
  StoredEvent original;
  original.id = random_uuid(test_random_bytes());
  original.epoch = random_uuid(test_random_bytes());
  original.seq = 7;
  original.event = make_event("github", 7);
  original.event.dedupe_key = random_uuid(test_random_bytes());
  const std::vector<std::function<void(StoredEvent&)>> changes = {
      [](StoredEvent& e) { e.id.bytes[15] ^= 1; },
      [](StoredEvent& e) { e.epoch.bytes[0] ^= 1; },
      [](StoredEvent& e) { e.seq = 8; },
      [](StoredEvent& e) { e.event.received_at_us += 1; },
      [](StoredEvent& e) { e.event.lane = "gitlab"; },
      [](StoredEvent& e) { e.event.delivery_id += "x"; },
      [](StoredEvent& e) { e.event.method = "PUT"; },
      [](StoredEvent& e) { e.event.path += "x"; },
      [](StoredEvent& e) { e.event.query.clear(); },
      [](StoredEvent& e) { e.event.remote_addr = "::1"; },
      [](StoredEvent& e) { e.event.content_type += "x"; },
      [](StoredEvent& e) { e.event.headers = "{}"; },
      [](StoredEvent& e) { e.event.body.back() ^= 1; },
      [](StoredEvent& e) { e.event.requeued_id = e.id; },
      [](StoredEvent& e) { e.event.quarantine_id = e.id; },
      [](StoredEvent& e) { e.event.dedupe_key.bytes[0] ^= 1; },
      [](StoredEvent& e) { e.event.dedupe_key = {}; },
      // The same bytes, divided otherwise.
      [](StoredEvent& e) {
        std::swap(e.event.delivery_id, e.event.method), std::swap(e.event.path, e.event.query);
      },
      [](StoredEvent& e) { e.event.headers += e.event.body.substr(0, 1), e.event.body.erase(0, 1); },
  };
  const std::uint32_t crc = row_crc(original);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    StoredEvent changed = original;
    changes[i](changed);
    EXPECT_NE(row_crc(changed), crc) << "change " << i;
  }
  EXPECT_EQ(row_crc(StoredEvent(original)), crc);
}

TEST(Row, KeysSortByLaneThenNumber) {
  EXPECT_LT(row_key(1, kSeqMax), row_key(2, 0));
  EXPECT_LT(row_key(2, 1), row_key(2, 2));
  EXPECT_GT(row_key(kLaneNumberMax, kSeqMax), 0);
  EXPECT_EQ(key_seq(row_key(kLaneNumberMax, 12345)), 12345u);
}

}  // namespace
}  // namespace hookspool::storage

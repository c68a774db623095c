// Long bodies lie packed in a segment, and that shows nowhere else.
#include "storage/segment/packed_body.h"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

TEST(PackedBody, WhatIsPackedComesBack) {
  for (const std::size_t bytes : {kPackBytesMin, std::size_t{12'000}, std::size_t{3'000'000}}) {
    const std::string body = packable_body(7, bytes);
    const std::string packed = pack_body(body);
    ASSERT_FALSE(packed.empty()) << bytes;
    EXPECT_LT(packed.size(), body.size() / 2) << bytes;
    EXPECT_EQ(unpack_body(packed), body) << bytes;
  }
  const std::string zeros(1'000'000, '\0');
  EXPECT_EQ(unpack_body(pack_body(zeros)), zeros) << "as much shorter as it gets";
}

TEST(PackedBody, WhatIsShortOrStaysLongIsLeftAsItCame) {
  EXPECT_TRUE(pack_body("").empty());
  EXPECT_TRUE(pack_body(std::string(kPackBytesMin - 1, 'x')).empty());
  EXPECT_TRUE(pack_body(testing::noise(1, 100'000)).empty());
}

TEST(PackedBody, WhatIsNotPackedIsNotUnpacked) {
  const std::string packed = pack_body(packable_body(1, 12'000));
  EXPECT_FALSE(unpack_body(""));
  EXPECT_FALSE(unpack_body(packed.substr(0, packed.size() - 1)));
  EXPECT_FALSE(unpack_body(testing::noise(1, 12'000)));
  EXPECT_FALSE(unpack_body("\xff\xff\xff\xff\x0fxyz")) << "four gigabytes, it says";
  EXPECT_FALSE(unpack_body("\x80\x80\x80\x20xyz")) << "sixty-four megabytes, it says";
}

class PackedJournalTest : public JournalTest {
 protected:
  EventPtr append_packable(int n, std::size_t bytes) {
    Event event = make_event("a", n);
    event.body = packable_body(n, bytes);
    const auto stored = journal_->append(event);
    EXPECT_TRUE(stored.ok());
    return stored.ok() ? *stored : nullptr;
  }
  std::string column(const std::string& expression, int n) {
    SQLite::Database database(segment_file(1).string(), SQLite::OPEN_READONLY);
    SQLite::Statement select(database, "SELECT " + expression + " FROM events WHERE delivery_id = ?");
    select.bind(1, "delivery-" + std::to_string(n));
    return select.executeStep() ? select.getColumn(0).getString() : "no row";
  }
};

TEST_F(PackedJournalTest, ReadersGetTheBodyAsItCame) {
  open();
  for (int n = 1; n <= 20; ++n) append_packable(n, static_cast<std::size_t>(n) * 1000);
  const auto check = [this] {
    const auto events = read_all("a");
    ASSERT_EQ(events.size(), 20u);
    for (int n = 1; n <= 20; ++n)
      EXPECT_EQ(events[static_cast<std::size_t>(n) - 1]->event.body,
                packable_body(n, static_cast<std::size_t>(n) * 1000));
  };
  check();
  reopen();
  check();
  close();
  EXPECT_EQ(column("packing", 1), "0");
  EXPECT_EQ(column("CAST(body AS TEXT)", 1), packable_body(1, 1000))
      << "short ones can be read with any tool";
  EXPECT_EQ(column("packing", 20), "1");
  EXPECT_LT(std::stoul(column("length(body)", 20)), 10'000u);
}

TEST_F(PackedJournalTest, WhatWaitsCountsAsItLiesThere) {
  open();
  const EventPtr stored = append_packable(1, 100'000);
  EXPECT_GT(journal_->admin().stats().pending_bytes, 1'000u);
  EXPECT_LT(journal_->admin().stats().pending_bytes, stored->event.body.size() / 2);
}

TEST_F(PackedJournalTest, ABodyThatDoesNotUnpackIsADamagedRow) {
  open();
  const Uuid epoch = journal_->epoch();
  for (int n = 1; n <= 3; ++n) append_packable(n, 12'000);
  close();
  {
    SQLite::Database database(segment_file(1).string(), SQLite::OPEN_READWRITE);
    ASSERT_EQ(database.exec("UPDATE events SET body = substr(body, 1, 100) WHERE delivery_id = 'delivery-2'"),
              1);
  }
  open();
  ASSERT_TRUE(journal_->read("a", epoch, 1, 1, 1).ok());
  const auto damaged = journal_->read("a", epoch, 2, 1, 1);
  ASSERT_FALSE(damaged.ok());
  EXPECT_EQ(damaged.error().kind, JournalError::Kind::kCorrupt) << damaged.error().text;
  const auto next = journal_->read("a", epoch, 3, 1, 1);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->front()->event.body, packable_body(3, 12'000));
}

}  // namespace
}  // namespace hookspool::storage

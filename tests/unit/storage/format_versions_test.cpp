// Journals of other format versions: an older one is read and drained, a newer one is left exactly as it is.
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "storage/file/crc32c.h"
#include "tests/unit/storage/crash_workload.h"
#include "tests/unit/storage/journal_fixture.h"

namespace hookspool::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kVersionOffset = 63;  // the last byte of PRAGMA user_version, big-endian at 60

// What v1/log and v2/log say of an event.
struct Promised {
  std::string id, epoch, lane;
  std::uint64_t seq = 0;
  int n = 0;
};

std::vector<Promised> promised_by(const std::string& version) {
  std::vector<Promised> all;
  std::istringstream lines(read_file(fs::path(STORAGE_FIXTURES) / version / "log"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind;
    Promised one;
    words >> kind >> one.id >> one.epoch >> one.lane >> one.seq >> one.n;
    if (kind == "ack") all.push_back(one);
  }
  return all;
}

// The events of v2 whose N is a multiple of 3 have such a body, and those with an even N a key.
Event event_of_v2(const std::string& lane, int n) {
  Event event = crash_event(lane, n);
  if (n % 3 == 0) {
    event.body = "{\"list\":[";
    for (int i = 0; event.body.size() < 9000 + static_cast<std::size_t>(n); ++i)
      event.body += "{\"number\":" + std::to_string(i) + ",\"name\":\"an entry of a long body\"},";
    event.body += "{}]}";
  }
  for (std::size_t i = 0; n % 2 == 0 && i < event.dedupe_key.bytes.size(); ++i)
    event.dedupe_key.bytes[i] = static_cast<std::uint8_t>(static_cast<std::size_t>(n) + i);
  return event;
}

std::vector<Event> rich_events() {
  Event first;
  first.lane = "rich";
  first.received_at_us = 1'700'000'001'234'567;
  first.delivery_id = "delivery-\u00fc-1";
  first.method = "PUT";
  first.path = "/hooks/rich";
  first.query = "a=1&b=%20";
  first.remote_addr = "2001:db8::1";
  first.content_type = "application/octet-stream";
  first.headers = R"({"x-a":["1","2"]})";
  for (int i = 0; i < 9000; ++i) first.body.push_back(static_cast<char>(i * 7 % 256));
  Event empty;
  empty.lane = "rich";
  empty.received_at_us = 1'700'000'001'234'568;
  empty.method = "POST";
  empty.headers = "{}";
  Event again = first;
  again.received_at_us = 1'700'000'001'234'569;
  again.body = "put back";
  again.requeued_id = *Uuid::parse("018bcfe5-0000-7000-8000-000000000001");
  return {first, empty, again};
}

void expect_same(const Event& found, const Event& wanted, const std::string& which) {
  EXPECT_EQ(found.lane, wanted.lane) << which;
  EXPECT_EQ(found.received_at_us, wanted.received_at_us) << which;
  EXPECT_EQ(found.delivery_id, wanted.delivery_id) << which;
  EXPECT_EQ(found.method, wanted.method) << which;
  EXPECT_EQ(found.path, wanted.path) << which;
  EXPECT_EQ(found.query, wanted.query) << which;
  EXPECT_EQ(found.remote_addr, wanted.remote_addr) << which;
  EXPECT_EQ(found.content_type, wanted.content_type) << which;
  EXPECT_EQ(found.headers, wanted.headers) << which;
  EXPECT_EQ(found.body, wanted.body) << which;
  EXPECT_EQ(found.requeued_id, wanted.requeued_id) << which;
  EXPECT_TRUE(found.dedupe_key == wanted.dedupe_key) << which;
}

class FormatVersionsTest : public JournalTest {
 protected:
  void take(const std::string& version) {
    fs::remove_all(options_.folder);
    fs::copy(fs::path(STORAGE_FIXTURES) / version / "journal", options_.folder, fs::copy_options::recursive);
    fs::permissions(options_.folder, fs::perms::owner_all);
  }
  void take_v1() {
    take("v1");
    for (std::uint64_t number = 1; number <= 5; ++number) {
      ASSERT_EQ(read_file(segment_file(number)).at(kVersionOffset), 1) << "segment " << number;
    }
  }
  std::map<std::string, EventPtr> everything() {
    std::map<std::string, EventPtr> found;
    for (const std::string& lane : journal_->lanes()) {
      for (const LaneRun& run : journal_->runs(lane)) {
        for (std::uint64_t next = run.first_seq; next <= run.last_seq;) {
          const auto events = journal_->read(lane, run.epoch, next, 4, 1 << 20);
          EXPECT_TRUE(events.ok()) << (events.ok() ? "" : events.error().text);
          if (!events.ok()) return found;
          for (const EventPtr& event : *events) {
            EXPECT_EQ(event->seq, next++);
            EXPECT_TRUE(found.emplace(event->id.to_string() + "/" + lane, event).second) << "twice";
          }
        }
      }
    }
    return found;
  }
};

TEST_F(FormatVersionsTest, AJournalOfVersion1IsReadWholeAndGoesOnInTheNewFormat) {
  take_v1();
  open();
  const auto found = everything();
  const auto promised = promised_by("v1");
  ASSERT_EQ(promised.size(), 21u);
  for (const Promised& one : promised) {
    const auto entry = found.find(one.id + "/" + one.lane);
    ASSERT_NE(entry, found.end()) << "lost: " << one.id;
    EXPECT_EQ(entry->second->epoch.to_string(), one.epoch);
    EXPECT_EQ(entry->second->seq, one.seq);
    expect_same(entry->second->event, crash_event(one.lane, one.n), one.id);
  }
  EXPECT_EQ(found.size(), promised.size() + 3);
  const LaneRun rich = journal_->runs("rich").front();
  const auto events = journal_->read("rich", rich.epoch, 1, 10, 1 << 20);
  ASSERT_TRUE(events.ok() && events->size() == 3);
  const auto wanted = rich_events();
  for (std::size_t i = 0; i < 3; ++i)
    expect_same((*events)[i]->event, wanted[i], "rich " + std::to_string(i));
  EXPECT_EQ((*events)[2]->id, wanted[2].requeued_id) << "the one put back keeps its id";
  EXPECT_EQ(journal_->runs("a").front().confirmed.seq, 3u);
  EXPECT_EQ(journal_->runs("b").front().confirmed.seq, 1u);
}

TEST_F(FormatVersionsTest, AJournalOfVersion2IsReadWholeAndItsKeysAreKnown) {
  take("v2");
  open();
  const auto found = everything();
  const auto promised = promised_by("v2");
  ASSERT_EQ(promised.size(), 24u);
  for (const Promised& one : promised) {
    const auto entry = found.find(one.id + "/" + one.lane);
    ASSERT_NE(entry, found.end()) << "lost: " << one.id;
    EXPECT_EQ(entry->second->epoch.to_string(), one.epoch);
    EXPECT_EQ(entry->second->seq, one.seq);
    expect_same(entry->second->event, event_of_v2(one.lane, one.n), one.id);
  }
  EXPECT_TRUE(losses_.empty());
  int keys = 0;
  ASSERT_TRUE(journal_->admin().scan_dedupe_keys(0, [&](const auto&...) { ++keys; }).ok());
  EXPECT_EQ(keys, 12);
  Event packed = event_of_v2("a", 3);
  ASSERT_TRUE(journal_->append(packed).ok());
  reopen();
  EXPECT_EQ(read_all("a").back()->event.body, packed.body);
}

TEST_F(FormatVersionsTest, OldSegmentsAreDrainedAndDroppedAndNewOnesHaveTheNewFormat) {
  take_v1();
  open();
  Event keyed = make_event("a", 1);
  keyed.dedupe_key = random_uuid(test_random_bytes());
  const auto stored = journal_->append(keyed);
  ASSERT_TRUE(stored.ok()) << stored.error().text;
  for (const std::string& lane : journal_->lanes()) {
    for (const LaneRun& run : journal_->runs(lane)) {
      if (run.epoch == journal_->epoch()) continue;
      const auto last = journal_->read(lane, run.epoch, run.last_seq, 1, 1);
      ASSERT_TRUE(last.ok());
      journal_->confirm(lane, run.epoch, {run.last_seq, last->front()->id});
    }
  }
  int dropped = 0;
  for (const SegmentInfo& segment : journal_->admin().segments()) {
    if (segment.active) continue;
    ASSERT_TRUE(journal_->admin().drop_segment(segment.number).ok()) << segment.number;
    ++dropped;
  }
  EXPECT_GE(dropped, 3);
  reopen();
  EXPECT_EQ(read_file(segment_file(6)).at(kVersionOffset), 3);
  const auto read = journal_->read("a", (*stored)->epoch, 1, 10, 1 << 20);
  ASSERT_TRUE(read.ok()) << read.error().text;
  ASSERT_EQ(read->size(), 1u);
  expect_same(read->front()->event, keyed, "the new event");
  EXPECT_GT(read->front()->id.to_string(), promised_by("v1").back().id);
}

// One newer segment among many is enough; also when it is the oldest, or the only one.
TEST_F(FormatVersionsTest, ANewerFormatAnywhereIsRefusedUntouched) {
  int checked = 0;
  for (std::uint64_t newer = 1; newer <= 5; ++newer) {
    take_v1();
    std::string bytes = read_file(segment_file(newer));
    bytes[kVersionOffset] = 4;
    write_file(segment_file(newer), bytes);
    write_file(segment_file(6), "garbage that would be set aside");
    write_file(options_.folder / "segment-00000007.new", "a remnant that would be removed");
    write_file(options_.folder / "segment-00000008.dropped", "a remnant that would be removed");
    const auto contents = [&] {
      std::map<std::string, std::string> all;
      for (const auto& entry : fs::directory_iterator(options_.folder)) {
        const std::string name = entry.path().filename().string();
        if (name != "lock") all[name] = read_file(entry.path());  // the lock says who tried last
      }
      return all;
    };
    const auto before = contents();
    const auto opened = Journal::open(options_);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().kind, JournalError::Kind::kTooNew);
    const std::string& text = opened.error().text;
    EXPECT_NE(text.find(segment_file(newer).string()), std::string::npos) << text;
    EXPECT_NE(text.find("version 4"), std::string::npos) << text;
    EXPECT_NE(text.find("up to 3"), std::string::npos) << text;
    EXPECT_NE(text.find("install the newer hookspool"), std::string::npos) << text;
    EXPECT_TRUE(before == contents()) << "something was changed";
    ++checked;
  }
  EXPECT_EQ(checked, 5);
}

// The record of what was acknowledged has a version of its own; its segment need not be there any more.
TEST_F(FormatVersionsTest, ANewerRecordOfWhatWasAcknowledgedIsRefusedUntouched) {
  for (const bool with_segment : {true, false}) {
    fs::remove_all(options_.folder);
    open();
    append("a", 1);
    close();
    fs::path record = segment_file(1);
    record.replace_extension(".acked");
    std::string bytes = read_file(record);
    bytes.at(12) = 3;
    const std::string number(4, '\0');
    const std::uint32_t crc = crc32c(crc32c(0, bytes.data() + 4, 124), number.data(), number.size());
    for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<char>(crc >> (8 * i));
    write_file(record, bytes);
    write_file(segment_file(6), "garbage that would be set aside");
    if (!with_segment) fs::remove(segment_file(1));
    const auto names = file_names();
    const auto opened = Journal::open(options_);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().kind, JournalError::Kind::kTooNew);
    EXPECT_NE(opened.error().text.find(record.string()), std::string::npos) << opened.error().text;
    EXPECT_EQ(file_names(), names);
    EXPECT_EQ(read_file(record), bytes);
  }
}

// Of slot `number` of a record, made by FORMAT.md alone.
void set_slot_checksum(std::string& record, std::uint32_t number) {
  const std::size_t slot = std::size_t{128} * number;
  const std::string tail{static_cast<char>(number), 0, 0, 0};
  const std::uint32_t crc = crc32c(crc32c(0, record.data() + slot + 4, 124), tail.data(), tail.size());
  for (std::size_t i = 0; i < 4; ++i) record[slot + i] = static_cast<char>(crc >> (8 * i));
}

// "Rows beyond it were refused: an opening does not see them."
TEST_F(FormatVersionsTest, ACompleteRecordIsReadAsItIsDocumented) {
  open();
  for (int n = 1; n <= 3; ++n) append("a", n);
  append("b", 1);
  const Uuid epoch = journal_->epoch();
  close();
  fs::path file = segment_file(1);
  file.replace_extension(".acked");
  std::string record = read_file(file);
  record.at(128 + 4) = 1;       // complete
  record.at(2 * 128 + 16) = 2;  // the last number of the first lane that was acknowledged
  set_slot_checksum(record, 1);
  set_slot_checksum(record, 2);
  write_file(file, record);
  open();
  EXPECT_TRUE(notes_.empty()) << notes_.front();
  const auto seen = [&](const std::string& lane) {
    const auto read = journal_->read(lane, epoch, 1, 100, 1 << 20);
    return read.ok() ? read->size() : std::size_t{100};
  };
  EXPECT_EQ(seen("a"), 2u);
  EXPECT_EQ(seen("b"), 1u);
  EXPECT_EQ(journal_->admin().stats().lost, 0u) << "what was refused is not lost";
}

}  // namespace
}  // namespace hookspool::storage

// What the journal's tests have in common: a folder, small options, events that say who they are.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/journal/journal.h"
#include "tests/support/noise.h"
#include "tests/support/temp_folder.h"

namespace hookspool::storage {

inline RandomBytes test_random_bytes() {
  struct Source {
    std::mutex mutex;
    std::mt19937_64 engine{std::random_device{}()};
  };
  return [source = std::make_shared<Source>()](std::span<std::byte> bytes) {
    const std::lock_guard lock(source->mutex);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(source->engine());
  };
}

// Where it is long enough to be packed, it is of a kind that does not get shorter: tests count bytes.
inline std::string body_of(std::string_view lane, int n, std::size_t bytes = 100) {
  std::string body = std::string(lane) + ":" + std::to_string(n) + ":";
  if (bytes >= 2000) return body + testing::noise(static_cast<std::uint64_t>(n), bytes - body.size());
  if (body.size() < bytes) body.resize(bytes, static_cast<char>('a' + n % 26));
  return body;
}

// JSON like senders write it, which packs well.
inline std::string packable_body(int n, std::size_t bytes) {
  std::string body = "{\"number\":" + std::to_string(n) + ",\"list\":[0";
  for (int i = 0; body.size() < bytes; ++i)
    body += ",{\"id\":" + std::to_string(n * i) + ",\"name\":\"an entry\"}";
  return body + "]}";
}

constexpr std::int64_t kStartUs = 1'700'000'000'000'000;

inline Event make_event(const std::string& lane, int n, std::size_t body_bytes = 100) {
  Event event;
  event.lane = lane;
  event.received_at_us = kStartUs + n;
  event.delivery_id = "delivery-" + std::to_string(n);
  event.method = "POST";
  event.path = "/hooks/" + lane;
  event.query = "n=" + std::to_string(n);
  event.remote_addr = "127.0.0.1";
  event.content_type = "application/octet-stream";
  event.headers = R"({"x-n":")" + std::to_string(n) + R"("})";
  event.body = body_of(lane, n, body_bytes);
  return event;
}

inline std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

inline void write_file(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    ::umask(077);  // as the agent: what a test puts there is no finding
    options_.folder = folder_ / "journal";
    options_.random_bytes = test_random_bytes();
    options_.free_bytes_min = 1;
    options_.reserve_bytes = 0;  // has tests of its own; the others count files
  }

  void open() {
    JournalResult<Journal::Opened> opened = Journal::open(options_);
    ASSERT_TRUE(opened.ok()) << opened.error().text;
    journal_ = std::move(opened->journal);
    notes_ = std::move(opened->notes);
    losses_ = std::move(opened->losses);
  }
  void close() {
    const JournalResult<void> closed = journal_->close();
    ASSERT_TRUE(closed.ok()) << closed.error().text;
    journal_.reset();
  }
  void reopen() {
    close();
    open();
  }

  EventPtr append(const std::string& lane, int n, std::size_t body_bytes = 100) {
    const JournalResult<EventPtr> stored = journal_->append(make_event(lane, n, body_bytes));
    EXPECT_TRUE(stored.ok()) << stored.error().text;
    return stored.ok() ? *stored : nullptr;
  }
  JournalError::Kind append_fails(const std::string& lane, int n, std::size_t body_bytes = 100) {
    const JournalResult<EventPtr> stored = journal_->append(make_event(lane, n, body_bytes));
    EXPECT_FALSE(stored.ok());
    return stored.ok() ? JournalError::Kind::kNotFound : stored.error().kind;
  }

  // Everything retained of a lane, all epochs, in order, read in small portions.
  std::vector<EventPtr> read_all(const std::string& lane, std::size_t events_max = 7) {
    std::vector<EventPtr> all;
    for (const LaneRun& run : journal_->runs(lane)) {
      for (std::uint64_t next = run.first_seq; next <= run.last_seq;) {
        const auto events = journal_->read(lane, run.epoch, next, events_max, 1 << 20);
        EXPECT_TRUE(events.ok()) << events.error().text;
        if (!events.ok()) return all;
        for (const EventPtr& event : *events) EXPECT_EQ(event->seq, next++);
        all.insert(all.end(), events->begin(), events->end());
      }
    }
    return all;
  }
  std::vector<std::string> bodies(const std::string& lane) {
    std::vector<std::string> result;
    for (const EventPtr& event : read_all(lane)) result.push_back(event->event.body);
    return result;
  }
  static std::vector<std::string> expected_bodies(const std::string& lane, int first, int last,
                                                  std::size_t bytes = 100) {
    std::vector<std::string> result;
    for (int n = first; n <= last; ++n) result.push_back(body_of(lane, n, bytes));
    return result;
  }
  void confirm_all() {
    for (const std::string& lane : journal_->lanes()) {
      for (const LaneRun& run : journal_->runs(lane)) {
        journal_->confirm(lane, run.epoch, Position{run.last_seq, Uuid{}});
      }
    }
  }
  std::filesystem::path segment_file(std::uint64_t number) const {
    const std::string digits = std::to_string(number);
    return options_.folder / ("segment-" + std::string(8 - digits.size(), '0') + digits + ".db");
  }
  std::vector<std::string> file_names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(options_.folder)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  testing::TempFolder folder_;
  JournalOptions options_;
  std::unique_ptr<Journal> journal_;
  std::vector<std::string> notes_;
  std::vector<std::string> losses_;
};

}  // namespace hookspool::storage

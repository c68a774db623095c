#include "tests/bench/size/backlog.h"

#include <sys/random.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

#include "storage/dedupe/dedupe_index.h"
#include "storage/file/folder.h"
#include "storage/segment/segment.h"

namespace hookspool::testing {
namespace {

constexpr std::uint64_t kGroupEvents = 8192;
constexpr std::uint64_t kSegmentBytes = 64u << 20;  // as the agent's with a large budget
constexpr std::uint64_t kWalBytes = 8u << 20;

void random_bytes(std::span<std::byte> bytes) {
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error("no random numbers");
}

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

template <class R>
auto taken(R result) {
  if (!result) throw std::runtime_error(result.error().text);
  return std::move(*result);
}

class Filler {
 public:
  Filler(const std::filesystem::path& path, std::size_t body_bytes)
      : body_bytes_(body_bytes),
        folder_(taken(storage::Folder::open(path))),
        epoch_(random_uuid(random_bytes)),
        ids_(random_bytes, Uuid{}),
        now_us_(now_us()) {}

  void add(std::uint64_t events) {
    for (std::uint64_t done = 0; done < events; done += kGroupEvents) {
      commit(std::min(kGroupEvents, events - done));
    }
    finish();
  }

 private:
  EventPtr next() {
    auto stored = std::make_shared<StoredEvent>();
    const std::uint64_t lane = made_ % kBacklogLanes;
    Event& event = stored->event;
    event.lane = "backlog-" + std::to_string(lane);
    event.received_at_us = now_us_ + static_cast<std::int64_t>(made_ / 1000);
    event.method = "POST";
    event.path = "/hooks/" + event.lane;
    event.remote_addr = "127.0.0.1";
    event.content_type = "application/json";
    event.headers = R"({"content-type":"application/json","user-agent":"backlog"})";
    event.body = R"({"n": )" + std::to_string(made_) + R"(, "filler": ")";
    event.body.append(body_bytes_ - event.body.size() - 2, 'x');
    event.body += R"("})";
    stored->id = ids_.next(event.received_at_us / 1000);
    stored->epoch = epoch_;
    stored->seq = made_ / kBacklogLanes + 1;
    ++made_;
    return stored;
  }

  void commit(std::uint64_t events) {
    storage::Group group;
    if (!segment_) {
      segment_ = taken(storage::ActiveSegment::create(*folder_, "", {++segments_, epoch_, greatest_id_}));
      for (std::uint32_t lane = 0; lane < kBacklogLanes; ++lane)
        group.new_lanes.push_back({lane + 1, "backlog-" + std::to_string(lane)});
    }
    for (std::uint64_t i = 0; i < events; ++i) {
      group.lane_numbers.push_back(static_cast<std::uint32_t>(made_ % kBacklogLanes) + 1);
      group.events.push_back(next());
    }
    greatest_id_ = group.events.back()->id;
    check(segment_->commit(group));
    check(segment_->checkpoint_if_due(kWalBytes));
    if (segment_->bytes() >= kSegmentBytes) finish();
  }

  void finish() {
    if (segment_) check(segment_->finish());
    segment_.reset();
  }

  static void check(const Result<void, storage::SegmentFailure>& result) {
    if (!result) throw std::runtime_error(result.error().error.text);
  }

  const std::size_t body_bytes_;
  std::unique_ptr<storage::Folder> folder_;
  Uuid epoch_;
  UuidV7Source ids_;
  std::int64_t now_us_;
  Uuid greatest_id_;
  std::uint64_t made_ = 0;
  std::uint64_t segments_ = 0;
  std::unique_ptr<storage::ActiveSegment> segment_;
};

}  // namespace

void make_backlog(const std::filesystem::path& folder, std::uint64_t events, std::size_t body_bytes) {
  Filler(folder, body_bytes).add(events);
}

void index_backlog(const std::filesystem::path& folder) {
  std::uint64_t newest = 0;
  {
    const auto opened = taken(storage::Folder::open(folder));
    newest = taken(opened->list()).greatest_number;
  }
  auto index = storage::DedupeIndex::open({folder / "dedupe"}, storage::DedupeIndex::Clock::now()).index;
  if (const auto whole = index->set_complete_before(newest + 1, storage::DedupeIndex::Clock::now()); !whole)
    throw std::runtime_error(whole.error().text);
}

}  // namespace hookspool::testing

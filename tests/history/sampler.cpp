#include "tests/history/sampler.h"

#include <chrono>
#include <stdexcept>

#include "tests/history/wall_clock.h"

namespace hookspool::history {
namespace {

constexpr std::chrono::milliseconds kLookEvery{400};

}  // namespace

Sampler::Sampler(std::function<std::string()> conninfo)
    : conninfo_(std::move(conninfo)), thread_([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          look();
          std::this_thread::sleep_for(kLookEvery);
        }
      }) {}

void Sampler::look() {
  testing::PgTable table;
  const std::int64_t began_us = wall_clock_us();
  try {
    table = testing::pg_query(conninfo_(), "SELECT epoch, lane, seq FROM hookspool.watermarks");
  } catch (const std::runtime_error&) {
    return;  // PostgreSQL is away
  }
  const std::lock_guard lock(mutex_);
  Sample sample{.at_us = wall_clock_us()};
  for (const auto& row : table) {
    const std::uint64_t seq = std::stoull(row[2].value_or("0"));
    std::uint64_t& seen = seen_[{row[0].value_or(""), row[1].value_or("")}];
    if (seq < seen) {
      went_back_.push_back({.after_us = samples_.empty() ? began_us : samples_.back().at_us,
                            .at_us = sample.at_us,
                            .epoch = row[0].value_or(""),
                            .lane = row[1].value_or(""),
                            .from_seq = seen,
                            .to_seq = seq});
    }
    seen = seq;
    sample.delivered += seq;
  }
  samples_.push_back(sample);
}

std::uint64_t Sampler::delivered() const {
  const std::lock_guard lock(mutex_);
  return samples_.empty() ? 0 : samples_.back().delivered;
}

void Sampler::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

std::vector<Sample> Sampler::samples() const {
  const std::lock_guard lock(mutex_);
  return samples_;
}

std::vector<WentBack> Sampler::went_back() const {
  const std::lock_guard lock(mutex_);
  return went_back_;
}

}  // namespace hookspool::history

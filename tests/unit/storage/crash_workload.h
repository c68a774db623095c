// What the killed process and its judge must agree on.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>

#include "storage/journal/journal.h"

namespace hookspool::storage {

constexpr std::size_t kCrashBodyBytes = 1500;

// So small that a life of a few dozen events closes, checkpoints and drops segments.
inline JournalOptions crash_options(const std::filesystem::path& folder) {
  struct Source {
    std::mutex mutex;
    std::mt19937_64 engine{std::random_device{}()};
  };
  JournalOptions options;
  options.folder = folder;
  options.free_bytes_min = 1;
  options.segment_bytes_max = 80 << 10;
  options.reserve_bytes = 64 << 10;
  options.random_bytes = [source = std::make_shared<Source>()](std::span<std::byte> bytes) {
    const std::lock_guard lock(source->mutex);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(source->engine());
  };
  return options;
}

inline Event crash_event(const std::string& lane, int n) {
  Event event;
  event.lane = lane;
  event.received_at_us = 1'700'000'000'000'000 + n;
  event.method = "POST";
  event.path = "/hooks/" + lane;
  event.headers = "{}";
  event.body = lane + ":" + std::to_string(n) + ":";
  event.body.resize(kCrashBodyBytes, static_cast<char>('a' + n % 26));
  return event;
}

}  // namespace hookspool::storage

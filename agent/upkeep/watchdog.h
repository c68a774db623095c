// Decides when systemd's watchdog is fed: as long as the upkeep goes round, which needs an answer of the journal's writer,
// or as long as the thread that is late waits for the disk. A restart heals a stalled thread, not a stalled disk.
// Not thread-safe: belongs to the main thread. Time is a parameter; it waits for nothing and says nothing itself.
#pragma once

#include <chrono>

namespace hookspool::agent {

class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds kStalledAfterMin{5'000};  // no round within this long is nothing yet

  // `interval`: how often systemd is to hear of us; 0: it does not watch us.
  explicit Watchdog(milliseconds interval) : interval_(interval) {}

  struct Verdict {
    bool feed = false;
    bool stalled = false;
    bool stall_is_new = false;
  };
  // `last_round`: when the upkeep's last one ended. `at_disk`: it, or the journal's writer, waits for the disk.
  Verdict judge(Clock::time_point now, Clock::time_point last_round, bool at_disk);

  // How often judge() is to be called: often enough that one call that comes late is no missed word.
  milliseconds tick() const;

 private:
  const milliseconds interval_;
  bool was_stalled_ = false;
  Clock::time_point next_feed_{};
};

}  // namespace hookspool::agent

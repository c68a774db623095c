// Which sources are silent for unusually long, each measured by its own past.
//
// For each hour of the week the longest pause between two events is kept, as it was in the weeks before: at night or on a
// Sunday a source may be quiet. It is silent once the present pause is kFactor times as long as the longest one at this hour,
// and kPauseLeast at least. An hour that has not been seen yet takes the longest pause since the start. Nothing is said of
// a source before it has been watched for kWatchedBefore and has sent kEventsBefore.
// What was learned can be taken out and given to the next process (silence_file.h); a pause begins anew there.
// State: some 700 bytes a source, for the sources that are configured. Pure: the time is a parameter. Not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hookspool::agent {

class SilentSources {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Seconds = std::chrono::seconds;
  static constexpr unsigned kFactor = 2;
  static constexpr Seconds kPauseLeast{15 * 60};
  static constexpr Seconds kWatchedBefore{24 * 3'600};
  static constexpr std::uint64_t kEventsBefore = 50;
  static constexpr std::size_t kHours = 7 * 24;

  // How many requests a source has sent since the start: those that became events, and repeats.
  struct Count {
    std::string source;
    std::uint64_t requests = 0;
  };
  struct Silent {
    std::string source;
    Seconds pause{0}, usual{0};  // now, and the longest at this hour so far
  };

  // What is known of one source.
  struct Known {
    std::string source;
    Seconds watched{0};
    std::uint64_t requests = 0;                 // meanwhile
    Seconds longest{0};                         // pause of all that have ended
    std::array<std::uint32_t, kHours> hours{};  // longest pause in each, in seconds; 0: not seen yet
  };
  std::vector<Known> known(TimePoint now) const;
  // What an earlier process knew. Of a source that has been looked at already it counts as well.
  void restore(const std::vector<Known>& known, TimePoint now);

  // About once a second; sources that are not named any more are forgotten. `hour_of_week`: 0 to 167, by the wall clock.
  std::vector<Silent> look(const std::vector<Count>& counts, TimePoint now, std::size_t hour_of_week);

 private:
  struct Source {
    TimePoint since{}, last_event{};
    std::uint64_t first_requests = 0, requests = 0;
    std::size_t hour = kHours;                    // that is being seen
    Seconds longest_now{0};                       // pause in it
    Seconds longest_ever{0};                      // that has ended
    std::array<std::uint32_t, kHours> longest{};  // in seconds, of the weeks before; 0: not seen yet
    bool silent = false;
    bool seen = false;  // in this look
  };

  static void learn(Source& source, std::size_t hour_of_week, Seconds pause);
  static Seconds usual(const Source& source, std::size_t hour_of_week);

  std::map<std::string, Source, std::less<>> sources_;
};

}  // namespace hookspool::agent

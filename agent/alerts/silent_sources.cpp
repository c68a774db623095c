#include "agent/alerts/silent_sources.h"

#include <algorithm>

namespace hookspool::agent {
namespace {

// A pause that was long once counts for less with each week.
constexpr std::uint32_t faded(std::uint32_t longest) {
  return longest - longest / 4;
}

}  // namespace

// The pause that is an alert teaches nothing: else a silence would make the next one usual.
void SilentSources::learn(Source& source, std::size_t hour_of_week, Seconds pause) {
  if (source.hour != hour_of_week) {
    if (source.hour < kHours && !source.silent) {
      std::uint32_t& longest = source.longest[source.hour];
      const auto seen = static_cast<std::uint32_t>(std::max<Seconds::rep>(source.longest_now.count(), 1));
      longest = std::max(seen, faded(longest));
    }
    source.hour = hour_of_week;
    source.longest_now = Seconds(0);
  }
  if (!source.silent) source.longest_now = std::max(source.longest_now, pause);
}

SilentSources::Seconds SilentSources::usual(const Source& source, std::size_t hour_of_week) {
  const std::uint32_t known = source.longest[hour_of_week];
  return known > 0 ? Seconds(known) : source.longest_ever;
}

std::vector<SilentSources::Known> SilentSources::known(TimePoint now) const {
  std::vector<Known> all;
  for (const auto& [name, source] : sources_) {
    all.push_back({name, std::chrono::duration_cast<Seconds>(now - source.since),
                   source.requests - source.first_requests, source.longest_ever, source.longest});
  }
  return all;
}

// The count of requests may be smaller in this process than it was: the differences are right all the same.
void SilentSources::restore(const std::vector<Known>& known, TimePoint now) {
  for (const Known& before : known) {
    const auto [at, is_new] = sources_.try_emplace(before.source);
    Source& source = at->second;
    if (is_new) source.since = source.last_event = now;
    source.since -= before.watched;
    source.first_requests -= before.requests;
    source.longest_ever = std::max(source.longest_ever, before.longest);
    for (std::size_t hour = 0; hour < kHours; ++hour)
      source.longest[hour] = std::max(source.longest[hour], before.hours[hour]);
  }
}

std::vector<SilentSources::Silent> SilentSources::look(const std::vector<Count>& counts, TimePoint now,
                                                       std::size_t hour_of_week) {
  std::vector<Silent> silent;
  for (const Count& count : counts) {
    const auto [at, is_new] = sources_.try_emplace(count.source);
    Source& source = at->second;
    source.seen = true;
    if (is_new) {
      source.since = source.last_event = now;
      source.first_requests = source.requests = count.requests;
    }
    const auto pause = std::chrono::duration_cast<Seconds>(now - source.last_event);
    const bool was_silent = source.silent;
    if (count.requests != source.requests) {
      source.requests = count.requests;
      source.last_event = now;
      source.silent = false;
      if (!was_silent) source.longest_ever = std::max(source.longest_ever, pause);
    }
    if (!was_silent) learn(source, hour_of_week % kHours, pause);
    const Seconds now_quiet = std::chrono::duration_cast<Seconds>(now - source.last_event);
    const Seconds usual_pause = usual(source, hour_of_week % kHours);
    const bool known =
        now - source.since >= kWatchedBefore && source.requests - source.first_requests >= kEventsBefore;
    source.silent = source.silent || (known && now_quiet >= std::max(kPauseLeast, kFactor * usual_pause));
    if (source.silent) silent.push_back({count.source, now_quiet, usual_pause});
  }
  std::erase_if(sources_, [](const auto& entry) { return !entry.second.seen; });
  for (auto& entry : sources_) entry.second.seen = false;
  return silent;
}

}  // namespace hookspool::agent

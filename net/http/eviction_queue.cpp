#include "net/http/eviction_queue.h"

namespace hookspool::net {

EvictionQueue::Place EvictionQueue::add(std::uint64_t id, Clock::time_point now) {
  auto& rank = ranks_[static_cast<std::size_t>(Rank::kNewcomer)];
  return rank.insert(rank.end(), Entry{id, now, Rank::kNewcomer});
}

void EvictionQueue::move(Place place, Rank rank, Clock::time_point now) {
  auto& to = ranks_[static_cast<std::size_t>(rank)];
  to.splice(to.end(), ranks_[static_cast<std::size_t>(place->rank)], place);
  place->rank = rank;
  place->since = now;
}

void EvictionQueue::remove(Place place) {
  ranks_[static_cast<std::size_t>(place->rank)].erase(place);
}

std::optional<std::uint64_t> EvictionQueue::next_to_evict(Clock::time_point now,
                                                          Clock::duration least) const {
  for (const Rank rank : {Rank::kLeaving, Rank::kNewcomer, Rank::kRegular}) {
    const auto& entries = ranks_[static_cast<std::size_t>(rank)];
    if (!entries.empty() && now - entries.front().since >= least) return entries.front().id;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> EvictionQueue::next_to_evict(
    Clock::time_point now, Clock::duration least, const std::function<bool(std::uint64_t)>& holds) const {
  for (const Rank rank : {Rank::kLeaving, Rank::kNewcomer, Rank::kRegular}) {
    for (const Entry& entry : ranks_[static_cast<std::size_t>(rank)]) {
      if (now - entry.since < least) break;
      if (holds(entry.id)) return entry.id;
    }
  }
  return std::nullopt;
}

bool AddressCounts::try_add(const IpAddress& holder, std::size_t most) {
  std::size_t& count = counts_[holder];
  if (most != 0 && count >= most) return false;
  ++count;
  return true;
}

void AddressCounts::remove(const IpAddress& holder) {
  const auto found = counts_.find(holder);
  if (found != counts_.end() && --found->second == 0) counts_.erase(found);
}

}  // namespace hookspool::net

#include "agent/base/shared_rate.h"

#include <algorithm>

namespace hookspool::agent {

bool SharedRate::take(const std::string& source, const std::string& peer, Clock::time_point now) {
  Tokens& all = sources_.try_emplace(source, Tokens(2 * limits_.at_once, now)).first->second;
  all.fill(limits_.per_second, 2 * limits_.at_once, now);
  Tokens& own = tokens_of(source, peer, now);
  if (all.count() >= limits_.at_once + 1) return all.take();
  return all.count() >= 1 && own.take() && all.take();
}

Tokens& SharedRate::tokens_of(const std::string& source, const std::string& peer, Clock::time_point now) {
  Key key{source, peer};
  const auto found = peers_.find(key);
  if (found != peers_.end()) {
    seen_.splice(seen_.end(), seen_, found->second.place);
    found->second.tokens.fill(limits_.peer_per_second, limits_.peer_at_once, now);
    return found->second.tokens;
  }
  while (peers_.size() >= limits_.peers_max) {
    peers_.erase(seen_.front());
    seen_.pop_front();
  }
  seen_.push_back(key);
  const Peer made{Tokens(limits_.peer_at_once, now), std::prev(seen_.end())};
  return peers_.emplace(std::move(key), made).first->second.tokens;
}

void SharedRate::forget_sources(const std::function<bool(const std::string&)>& unless) {
  std::erase_if(sources_, [&](const auto& source) { return !unless(source.first); });
}

}  // namespace hookspool::agent

#include "agent/base/shared_rate.h"

#include <algorithm>

namespace hookspool::agent {

void SharedRate::Bucket::fill(double per_second, double most, Clock::time_point now) {
  const std::chrono::duration<double> passed = now - std::exchange(filled, std::max(now, filled));
  if (passed.count() > 0) tokens = std::min(most, tokens + passed.count() * per_second);
}

bool SharedRate::Bucket::take() {
  if (tokens < 1) return false;
  tokens -= 1;
  return true;
}

bool SharedRate::take(const std::string& source, const std::string& peer, Clock::time_point now) {
  Bucket& all = sources_.try_emplace(source, Bucket{2 * limits_.at_once, now}).first->second;
  all.fill(limits_.per_second, 2 * limits_.at_once, now);
  Bucket& own = bucket_of(source, peer, now);
  if (all.tokens >= limits_.at_once + 1) return all.take();
  return all.tokens >= 1 && own.take() && all.take();
}

SharedRate::Bucket& SharedRate::bucket_of(const std::string& source, const std::string& peer,
                                          Clock::time_point now) {
  Key key{source, peer};
  const auto found = peers_.find(key);
  if (found != peers_.end()) {
    seen_.splice(seen_.end(), seen_, found->second.place);
    found->second.bucket.fill(limits_.peer_per_second, limits_.peer_at_once, now);
    return found->second.bucket;
  }
  while (peers_.size() >= limits_.peers_max) {
    peers_.erase(seen_.front());
    seen_.pop_front();
  }
  seen_.push_back(key);
  const Peer made{{limits_.peer_at_once, now}, std::prev(seen_.end())};
  return peers_.emplace(std::move(key), made).first->second.bucket;
}

void SharedRate::forget_sources(const std::function<bool(const std::string&)>& unless) {
  std::erase_if(sources_, [&](const auto& source) { return !unless(source.first); });
}

}  // namespace hookspool::agent

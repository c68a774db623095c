// A rate that many peers of a source share, so that one of them cannot use it up for the others.
//
// Each source has a bucket of tokens of 2 * at_once. Its upper half is for any peer, as long as there is some; of the lower
// half a peer gets only what its own, much smaller bucket allows. So a peer that is alone has nearly the whole rate, and one
// that floods leaves half of the bucket to the others. Peers that were not seen for longest are forgotten beyond peers_max.
// Not thread-safe. The time is given: a steady clock's.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <utility>

#include "agent/base/token_bucket.h"

namespace hookspool::agent {

class SharedRate {
 public:
  using Clock = Tokens::Clock;
  struct Limits {
    double per_second = 20;  // of a source, in all
    double at_once = 200;    // of a source after a quiet time, from any one peer
    double peer_per_second = 2;
    double peer_at_once = 20;
    std::size_t peers_max = 4'096;  // of all sources together
  };

  explicit SharedRate(const Limits& limits) : limits_(limits) {}

  bool take(const std::string& source, const std::string& peer, Clock::time_point now);
  bool knows(const std::string& source) const { return sources_.contains(source); }
  void forget_sources(const std::function<bool(const std::string&)>& unless);
  std::size_t peers() const { return peers_.size(); }

 private:
  using Key = std::pair<std::string, std::string>;  // source, peer
  struct Peer {
    Tokens tokens;
    std::list<Key>::iterator place;
  };
  Tokens& tokens_of(const std::string& source, const std::string& peer, Clock::time_point now);

  const Limits limits_;
  std::map<std::string, Tokens> sources_;
  std::map<Key, Peer> peers_;
  std::list<Key> seen_;  // the peers, in the order in which they were last seen
};

}  // namespace hookspool::agent

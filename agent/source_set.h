// The sources as they are served at one moment, found by path or by name. Immutable: a reload makes another one, and a
// request keeps the one that it began with. What a source counts for itself (its rate, when it was last in the log)
// outlives that, for a reload must neither let a sender begin its burst again nor a stranger fill the log.
// Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config.h"
#include "agent/token_bucket.h"

namespace hookspool::agent {

// When something about a source may stand in the log again, and what has not been told meanwhile.
struct Telling {
  std::atomic<std::int64_t> next_ms{0};  // steady clock
  std::atomic<std::uint64_t> untold{0};
};

struct ServedSource {
  SourceConfig config;
  std::shared_ptr<TokenBucket> bucket{};  // null: no limit
  std::shared_ptr<Telling> telling{};     // null: nothing is told of it
};

class SourceSet {
 public:
  // `before`: the set that this one replaces; nullptr for the first.
  explicit SourceSet(const std::vector<SourceConfig>& sources, const SourceSet* before = nullptr);
  SourceSet(const SourceSet&) = delete;
  SourceSet& operator=(const SourceSet&) = delete;

  bool empty() const { return by_name_.empty(); }  // then any path /hooks/<name> is a source
  const ServedSource* at_path(std::string_view path) const;
  const ServedSource* named(std::string_view name) const;

 private:
  std::map<std::string, ServedSource, std::less<>> by_name_;
  std::map<std::string_view, const ServedSource*> by_path_;  // into by_name_
};

}  // namespace hookspool::agent

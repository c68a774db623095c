// The sources as they are served at one moment, found by path or by name. Immutable: a reload makes another one, and a
// request keeps the one that it began with. What a source counts for itself (its rate, when it was last in the log)
// outlives that, for a reload must neither let a sender begin its burst again nor a client fill the log.
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

#include "agent/base/token_bucket.h"
#include "agent/config/config.h"
#include "agent/intake/source_log.h"

namespace hookspool::agent {

// What one source has sent, since the start. Thread-safe: atomics.
struct SourceFigures {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> duplicates{0};
  std::atomic<std::int64_t> last_accepted_us{0};  // wall clock; 0: none yet
};

struct ServedSource {
  SourceConfig config;
  std::shared_ptr<TokenBucket> bucket{};     // null: no limit
  std::shared_ptr<SourceLog> log{};          // null: nothing is logged of it
  std::vector<std::string> body_pointers{};  // body_pointers() of it
  std::shared_ptr<SourceFigures> figures{};  // null: nothing is counted of it alone
  bool is_declared = true;  // false: made up for a path, where the configuration names no source
};

// Where the handshake, the delivery id and the dedupe rule of a source look in a body: JSON pointers.
std::vector<std::string> body_pointers(const SourceConfig& source);

// Headers that are the secret itself, which no table should hold. Lower case.
std::vector<std::string> hidden_headers(const SourceConfig& source);

class SourceSet {
 public:
  // `before`: the set that this one replaces; nullptr for the first.
  explicit SourceSet(const std::vector<SourceConfig>& sources, const SourceSet* before = nullptr);
  SourceSet(const SourceSet&) = delete;
  SourceSet& operator=(const SourceSet&) = delete;

  bool empty() const { return by_name_.empty(); }  // then any path /hooks/<name> is a source
  const ServedSource* at_path(std::string_view path) const;
  const ServedSource* named(std::string_view name) const;
  const std::map<std::string, ServedSource, std::less<>>& by_name() const { return by_name_; }
  void close_logs(SourceLog::Clock::time_point now) const;  // SourceLog::close of each
  void finish_logs() const;

 private:
  std::map<std::string, ServedSource, std::less<>> by_name_;
  std::map<std::string_view, const ServedSource*> by_path_;  // into by_name_
};

}  // namespace hookspool::agent

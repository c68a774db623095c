// Looks at the watermarks every so often: does the sum grow, does one go back? Its own thread; thread-safe.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "tests/history/result.h"
#include "tests/support/pg_cluster.h"

namespace hookspool::history {

class Sampler {
 public:
  // `conninfo` names the server that counts at the moment.
  explicit Sampler(std::function<std::string()> conninfo);

  std::uint64_t delivered() const;  // at the last look
  void stop();
  std::vector<Sample> samples() const;
  std::vector<WentBack> went_back() const;

 private:
  void look();

  const std::function<std::string()> conninfo_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> seen_;  // by epoch and lane
  std::vector<Sample> samples_;
  std::vector<WentBack> went_back_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace hookspool::history

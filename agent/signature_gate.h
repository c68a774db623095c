// What stands before the admission of a source that has a verify: does the request come from its sender?
//
// A sender is told 401 and a general text only; what did not match goes to the log, at most once in kTellInterval a
// source, and nothing of it is a secret or anything that a stranger chose. Thread-safe: called by the intake's workers.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/config.h"
#include "net/http/server.h"
#include "net/verify/verifier.h"

namespace hookspool::agent {

class SignatureGate {
 public:
  static constexpr std::chrono::seconds kTellInterval{10};

  // `sources` outlives this.
  explicit SignatureGate(const std::vector<SourceConfig>& sources);

  net::Verdict check(const net::HttpRequest& request, const SourceConfig& source);
  // The same for everybody, whatever it was that did not match.
  static net::HttpAnswer refusal(const SourceConfig& source);

 private:
  struct Telling {
    std::atomic<std::int64_t> next_ms{0};  // steady clock
    std::atomic<std::uint64_t> untold{0};
  };
  void tell(const net::HttpRequest& request, const SourceConfig& source, const net::Verdict& verdict);

  std::map<std::string, Telling, std::less<>> telling_;  // by source; never changed after construction
};

}  // namespace hookspool::agent

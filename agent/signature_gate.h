// What stands before the admission of a source that has a verify: does the request come from its sender, and is it a
// handshake instead of a webhook?
//
// A sender is told 401 and a general text only; what did not match goes to the log, at most once in kTellInterval a
// source, and nothing of it is a secret or anything that a stranger chose. Thread-safe: called by the intake's workers.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "net/http/server.h"
#include "net/verify/handshake.h"
#include "net/verify/verifier.h"

namespace hookspool::agent {

class SignatureGate {
 public:
  static constexpr std::chrono::seconds kTellInterval{10};

  // `sources` outlives this.
  explicit SignatureGate(const std::vector<SourceConfig>& sources);

  net::Verdict check(const net::HttpRequest& request, const SourceConfig& source);
  // The answer to a handshake, before or after the check; nothing: it is none.
  std::optional<net::HttpAnswer> open_handshake(const net::HttpRequest& request, const SourceConfig& source);
  std::optional<net::HttpAnswer> signed_handshake(const net::HttpRequest& request,
                                                  const SourceConfig& source);
  // The same for everybody, whatever it was that did not match.
  static net::HttpAnswer refusal(const SourceConfig& source);

 private:
  struct Telling {
    std::atomic<std::int64_t> next_ms{0};  // steady clock
    std::atomic<std::uint64_t> untold{0};
  };
  // To the log, for once in a while: whoever can reach the listener can make us say it.
  void tell(const SourceConfig& source, const net::HttpRequest& request, const std::string& what);
  std::optional<net::HttpAnswer> answer(std::optional<net::HandshakeAnswer> handshake,
                                        const SourceConfig& source, const net::HttpRequest& request);

  std::map<std::string, Telling, std::less<>> telling_;  // by source; never changed after construction
};

}  // namespace hookspool::agent

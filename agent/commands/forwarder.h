// Passes webhooks on, byte by byte and with the headers that came, to one URL. Each is sent once: what the receiver makes of
// it is reported and has no other consequence. Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http/web_address.h"
#include "storage/model/result.h"

namespace hookspool::agent {

// On what is passed on, so that it is not passed on again if it comes back by whatever way.
inline constexpr std::string_view kForwardedHeader = "hookspool-forwarded";

struct Forwarded {
  int status = 0;  // of the receiver's answer; 0: there is none
  std::string error{};
  std::chrono::milliseconds took{0};
};

class Forwarder {
 public:
  // The error says what is wrong with the URL. `intake`: of the agent itself, which must not be where it leads.
  static Result<Forwarder, std::string> to(const std::string& url, const std::string& intake);

  // `headers`: lower-case names. Those that belong to a connection are left out.
  Forwarded send(const std::string& method, const std::string& query,
                 const std::vector<std::pair<std::string, std::string>>& headers,
                 const std::string& body) const;
  const std::string& url() const { return text_; }

 private:
  Forwarder(std::string text, net::WebAddress url) : text_(std::move(text)), url_(std::move(url)) {}

  std::string text_;  // as it was given
  net::WebAddress url_;
};

}  // namespace hookspool::agent

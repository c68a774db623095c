// What is known of each sender: one table, read by the configuration (verify = "NAME"), the admission, and whoever
// has to know what a sender does with an answer.
//
// Made once, never written: thread-safe. Sources: each provider's documentation and SDKs, named in providers.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/verify/scheme.h"

namespace hookspool::net {

// Where a sender's own id of a delivery is; the same for each of its attempts. Empty: it sends none.
struct DeliveryIdRule {
  std::vector<std::string> headers;  // the first that is there; lower case
  std::string pointer;               // else this JSON pointer into the body
};

enum class Handshake { kNone, kMeta, kSlack, kZoom, kMicrosoftGraph, kDropbox };

// Does the sender send again what was answered 503?
enum class SenderRetries { kUnknown, kNo, kYes };

struct Provider {
  std::string_view name;   // verify = "..."
  std::string_view title;  // for people
  Scheme scheme;
  DeliveryIdRule delivery_id;
  SenderRetries retries = SenderRetries::kUnknown;
  Handshake handshake = Handshake::kNone;
  bool own_rules = false;  // "hmac" and "token": the configuration says header, prefix, ... in `signature`
};

std::span<const Provider> providers();
const Provider* find_provider(std::string_view name);  // nullptr: none of that name
std::vector<std::string> provider_names();

// What the rule finds in a request: at most kDeliveryIdBytesMax bytes as they were sent, none of them a control
// character; empty if there is none.
inline constexpr std::size_t kDeliveryIdBytesMax = 255;
std::string delivery_id(const DeliveryIdRule& rule,
                        const std::vector<std::pair<std::string, std::string>>& headers,
                        std::string_view body);

}  // namespace hookspool::net

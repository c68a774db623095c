// What is known of each sender: one table, read by the configuration (verify = "NAME"), the admission, and the code that
// has to know what a sender does with an answer.
//
// Made once, never written: thread-safe. Sources: each provider's documentation and SDKs, named in providers.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/verify/delivery_id.h"
#include "net/verify/scheme.h"

namespace hookspool::net {

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

}  // namespace hookspool::net

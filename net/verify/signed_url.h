// The URL as a sender that signs it has written it: our side sees a path and a query, and what a proxy made of them.
// Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/verify/scheme.h"

namespace hookspool::net {

// The spellings that count, at least one. `public_url` is without a query; `query` is the request's, as sent.
std::vector<std::string> signed_urls(const Scheme& scheme, std::string_view public_url,
                                     std::string_view query);

// "https://hooks.example.com/in/twilio"; the error says what to write.
Result<void, std::string> check_public_url(std::string_view url);

}  // namespace hookspool::net

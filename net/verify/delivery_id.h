// A sender's own id of a delivery: the same for each of its attempts, so that a repeat can be distinguished from a new event.
//
// An id that the signature does not cover can be put on a replay of any signed request. Such an id says
// "a repeat" only together with the bytes that were signed: `is_signed` tells the caller which of the two it has.
// Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "net/verify/json_field.h"
#include "net/verify/scheme.h"
#include "net/verify/verifier.h"

namespace hookspool::net {

// Where the id is. Header names are lower case. Empty: the sender sends none.
struct DeliveryIdRule {
  std::vector<std::string> headers{};  // the first that is there
  std::string pointer{};               // else this JSON pointer into the body
  std::vector<std::string>
      beside{};  // headers that say what the id belongs to: the same id beside another is another
};

struct DeliveryId {
  std::string text{};      // as sent, 1 to kDeliveryIdBytesMax bytes without control characters; empty: none
  std::string where{};     // the header, or the pointer, that it was found at
  bool is_number = false;  // a JSON number of the body: 1 is not "1"
  bool is_signed = false;  // the signature covers it
  std::vector<std::string>
      beside{};  // the values of the rule's `beside`, in its order; empty texts where absent
};

inline constexpr std::size_t kDeliveryIdBytesMax = 255;

// REQUIRES of is_signed: verify() has found that the request fits `scheme`.
// What the scheme signs as {id} is the id, whatever the rule says. A text that is a time (RFC 3339) is none: a second
// has many deliveries.
DeliveryId find_delivery_id(const DeliveryIdRule& rule, const Scheme& scheme, const HeaderFields& headers,
                            JsonFields& body);

// Is it the header whose value the scheme signs as {id}?
bool is_signed_header(const Scheme& scheme, const HeaderFields& headers, std::string_view name);

}  // namespace hookspool::net

// The key by which a repeat of a delivery is known. Two requests with one key are one event, and the second of them is in
// no table: so a key holds what the sender vouches for, or the bytes of the event themselves.
//
//   an id that the signature covers           the id
//   any other id that was found               the id, and the digest of query and body
//   dedupe = "body"                           the digest of query and body
//   dedupe = "/json/pointer"                  the text or number there, with its type; an empty one is no key
//   dedupe = "header:NAME"                    its values; with the digest too where the request is signed and they are not
//
// Pure functions, thread-safe.
#pragma once

#include "agent/config/config.h"
#include "net/http/server.h"
#include "net/verify/delivery_id.h"
#include "net/verify/json_field.h"
#include "storage/model/uuid.h"

namespace hookspool::agent {

// Nil: nothing makes another request a repeat of this one. `id`: as found in the request by the source's rule.
// REQUIRES: the request has passed the source's verification.
// `body`: the fields of the request's.
Uuid repeat_key(const net::HttpRequest& request, const SourceConfig& source, const net::DeliveryId& id,
                net::JsonFields& body);

}  // namespace hookspool::agent

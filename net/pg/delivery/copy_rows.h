// How an event becomes a row: of the events table, and of the dead letters. Thread-safe: no state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/pg/delivery/copy_writer.h"
#include "net/pg/link/error.h"
#include "net/pg/tables/outgoing.h"
#include "storage/model/event.h"

namespace hookspool::net {

// The columns of hookspool.events in the order that write_event_row() writes them.
inline constexpr std::string_view kEventColumns =
    "id, agent_id, epoch, seq, source, received_at, delivery_id, method, path, query, remote_addr, "
    "content_type, "
    "headers, payload, body, payload_issue, feed, arrival";

// The place of a row in the order in which rows of its source become visible.
struct Arrival {
  std::int32_t feed = 0;
  std::int64_t number = 0;
};
// `utf8`: the database can hold any character. Where it cannot, what is not ASCII stays in `body` (payload_issue
// "encoding") and becomes '?' in the texts: an event is never refused for its characters.
void write_event_row(CopyWriter& copy, std::string_view agent_id, const Outgoing& outgoing,
                     const Arrival& arrival, bool utf8);

inline constexpr std::string_view kDeadLetterColumns =
    "id, agent_id, epoch, seq, source, received_at, sqlstate, message, request, body";
// Nothing in it can be refused: the request's metadata is JSON as bytes, the message is ASCII.
// That JSON: delivery_id, method, path, query, remote_addr, content_type, headers.
std::string dead_letter_request(const Event& event);
void write_dead_letter_row(CopyWriter& copy, std::string_view agent_id, const Outgoing& outgoing,
                           const PgError& why);

}  // namespace hookspool::net

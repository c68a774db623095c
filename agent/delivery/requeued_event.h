// A dead letter as the event that it was. Pure function, thread-safe.
#pragma once

#include <optional>

#include "storage/model/dead_letter.h"
#include "storage/model/event.h"

namespace hookspool::agent {

// The event as it was accepted, to be appended once more (Event::again). Nothing where its request is no JSON object.
std::optional<Event> event_of(const DeadLetter& letter);

}  // namespace hookspool::agent

// What of a source's webhooks is to be kept nowhere, and an event without it. Redacting is the same once and several times, so an
// event that was redacted before the journal, or comes back from the dead letters, is what it was. Plain values and pure
// functions, thread-safe; nothing throws but std::bad_alloc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "net/form/form_json.h"
#include "net/json/json.h"
#include "net/redact/json_redactor.h"
#include "storage/model/event.h"

namespace hookspool::net {

inline constexpr std::size_t kRedactedPlacesMax = 64;  // of one source
inline constexpr std::size_t kRedactedTokensMax = 16;  // of one pointer
// A body may grow to twice its size and so many bytes more, by "[redacted]" for what is shorter; beyond it goes whole.
inline constexpr std::size_t kRedactedGrowthBytesMax = 16u << 10;

struct Redaction {
  std::vector<JsonPointer> pointers{};  // "*": every element, every member; none is empty
  std::vector<std::string> headers{};   // lower case

  bool empty() const { return pointers.empty() && headers.empty(); }
  bool operator==(const Redaction& other) const;
};

// A body that redact() could not read and replaced as a whole.
bool is_withheld(const Event& event, const Redaction& redaction);

// The event without it. A body that cannot be read, so that it is unknown what it holds, is kRedacted as a whole; an empty one
// stays. Headers that say where a client is take `remote_addr` with them.
// `form`: how the source's forms are read; null: not at all, so that a form is a body that cannot be read.
void redact(Event& event, const Redaction& redaction, const FormRules* form);

}  // namespace hookspool::net

// What of a lane's bodies reaches PostgreSQL, and as what. Plain values, thread-safe while none is written.
#pragma once

#include <cstdint>
#include <optional>

#include "net/form/form_json.h"
#include "net/redact/redaction.h"

namespace hookspool::net {

// When the column `body` of the events table has the bytes.
enum class KeepRaw : std::uint8_t {
  kUnparsed,  // where the payload is not all of them, and of forms
  kAlways,
  kNever,  // beside a payload never; where there is none they are all that there is
};

struct BodyRules {
  std::optional<FormRules> form{};  // how forms are read as JSON; nothing: they are bytes
  Redaction redaction{};
  KeepRaw keep_raw = KeepRaw::kUnparsed;

  const FormRules* form_rules() const { return form ? &*form : nullptr; }
  bool operator==(const BodyRules&) const = default;
};

}  // namespace hookspool::net

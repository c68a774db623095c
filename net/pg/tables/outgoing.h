// An event as PostgreSQL may see it. Whatever writes a row, a dead letter or a part of one takes this and no StoredEvent, so that
// nothing redacted can go past it. Immutable once made, so thread-safe.
#pragma once

#include <optional>

#include "net/pg/tables/body_rules.h"
#include "storage/model/event.h"

namespace hookspool::net {

class Outgoing {
 public:
  // Both must outlive it. Memory: where something is redacted, that of the event once more.
  Outgoing(const StoredEvent& stored, const BodyRules& rules);
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  const StoredEvent& stored() const { return redacted_ ? *redacted_ : stored_; }
  const Event& event() const { return stored().event; }
  const BodyRules& rules() const { return rules_; }
  bool body_is_withheld() const { return is_withheld(event(), rules_.redaction); }

 private:
  const StoredEvent& stored_;
  const BodyRules& rules_;
  std::optional<StoredEvent> redacted_;
};

}  // namespace hookspool::net

#include "net/pg/tables/outgoing.h"

namespace hookspool::net {

Outgoing::Outgoing(const StoredEvent& stored, const BodyRules& rules) : stored_(stored), rules_(rules) {
  if (rules.redaction.empty()) return;
  redacted_ = stored;
  redact(redacted_->event, rules.redaction, rules.form_rules());
}

}  // namespace hookspool::net

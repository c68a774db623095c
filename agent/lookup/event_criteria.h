// Which of the retained events are wanted. Immutable once made, so thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "net/condition/condition.h"
#include "net/form/form_json.h"
#include "storage/model/event.h"

namespace hookspool::agent {

// How a source's forms are read as JSON, as `where` of a table sees them; nothing: they are bytes.
using FormRulesOf = std::function<std::optional<net::FormRules>(const std::string& source)>;

struct EventCriteria {
  std::string source;                              // empty: all
  std::optional<std::int64_t> since_us, until_us;  // of received_at; from, and before
  std::optional<Uuid> id;
  std::string delivery_id;              // empty: any
  std::optional<net::Condition> where;  // REQUIRES: none of its places is relative
  FormRulesOf form_rules;               // empty: no source has any

  bool hold(const StoredEvent& stored) const;
};

}  // namespace hookspool::agent

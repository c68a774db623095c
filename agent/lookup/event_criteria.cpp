#include "agent/lookup/event_criteria.h"

#include <string_view>
#include <utility>
#include <vector>

#include "net/json/json.h"
#include "net/pg/tables/mapping_json.h"

namespace hookspool::agent {
namespace {

// As `where` of a table does it, but over the body as the journal has it.
bool holds(const net::Condition& where, const Event& event, const FormRulesOf& form_rules) {
  const auto rules = form_rules ? form_rules(event.lane) : std::nullopt;
  auto reading = rules ? net::read_form(event.content_type, event.body, *rules) : std::nullopt;
  const std::string form = reading ? std::move(reading->json) : std::string();
  const net::JsonText body(!reading                   ? std::string_view(event.body)
                           : reading->refusal.empty() ? std::string_view(form)
                                                      : std::string_view());
  const net::JsonText headers(event.headers);
  std::vector<net::JsonPointer> pointers;
  for (const auto& place : where.places()) pointers.emplace_back(place.tokens);
  std::vector<std::optional<std::string>> found;
  for (const auto& name : where.headers()) found.push_back(net::header_value(headers, name));
  return where.holds({body.values(pointers), found});
}

}  // namespace

bool EventCriteria::hold(const StoredEvent& stored) const {
  const Event& event = stored.event;
  if (since_us && event.received_at_us < *since_us) return false;
  if (until_us && event.received_at_us >= *until_us) return false;
  if (id && stored.id != *id) return false;
  if (!delivery_id.empty() && event.delivery_id != delivery_id) return false;
  return !where || holds(*where, event, form_rules);
}

}  // namespace hookspool::agent

#include "agent/intake/keep_rule.h"

#include <optional>
#include <string>
#include <vector>

#include "agent/intake/event_headers.h"
#include "agent/intake/source_set.h"
#include "net/json/json.h"

namespace hookspool::agent {

bool is_kept(const SourceConfig& source, const net::HttpRequest& request, std::string_view body) {
  if (!source.keep) return true;
  std::vector<net::JsonPointer> pointers;
  for (const auto& place : source.keep->places()) pointers.emplace_back(place.tokens);
  std::vector<std::optional<std::string>> headers;
  for (const auto& name : source.keep->headers())
    headers.push_back(stored_header(request.headers, name, hidden_headers(source)));
  return source.keep->holds({net::find_json(body, pointers), headers});
}

}  // namespace hookspool::agent

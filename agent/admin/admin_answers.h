// What the administrator's requests have in common: how an answer is written, how a page and a list of ids are asked for,
// how a body is shown. `Json` is the JSON library's type, which headers do not include. Pure functions, thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/admin/admin_protocol.h"
#include "agent/base/admin_result.h"
#include "net/http/server.h"
#include "storage/base/hex.h"
#include "storage/base/text.h"
#include "storage/model/uuid.h"

namespace hookspool::agent {

inline constexpr std::size_t kListPage = 500;  // entries of a list in one answer

// Never kept by a cache: it is of this moment, and may hold what a webhook held.
net::HttpAnswer json_text_answer(std::string json, int status = 200);
net::HttpAnswer refused(const AdminError& refusal);
net::HttpAnswer bad_request(const std::string& what);
net::HttpAnswer no_such_request();
net::HttpAnswer not_an_id(const std::string& text);
net::HttpAnswer ids_needed();

template <class Json>
net::HttpAnswer json_answer(const Json& json) {
  return json_text_answer(json.dump(-1, ' ', true, Json::error_handler_t::replace));
}

// A list is asked for by its source ("": all) and the id after which it goes on.
struct PageWanted {
  std::string source;
  Uuid after;
};
PageWanted page_wanted(const net::HttpRequest& request);

// "ids" of a request: kApiIdsMax at most. Nothing: there is no such list. What is no id at all is an id that does not
// exist: unknown_ids() names it.
template <class Json>
std::optional<std::vector<Uuid>> ids_in(const Json& json) {
  const auto list = json.find("ids");
  if (list == json.end() || !list->is_array() || list->size() > kApiIdsMax) return std::nullopt;
  std::vector<Uuid> ids;
  for (const auto& each : *list) {
    if (!each.is_string()) return std::nullopt;
    if (const auto id = Uuid::parse(each.template get<std::string>())) ids.push_back(*id);
  }
  return ids;
}

// REQUIRES: ids_in(json)
template <class Json>
Json unknown_ids(const Json& json, const std::vector<Uuid>& known) {
  Json unknown = Json::array();
  for (const auto& each : json.at("ids")) {
    const auto id = Uuid::parse(each.template get<std::string>());
    if (!id || std::find(known.begin(), known.end(), *id) == known.end()) unknown.push_back(each);
  }
  return unknown;
}

template <class Json>
void add_body(Json& json, const std::string& body) {
  if (is_utf8(body)) {
    json["body"] = body;
  } else {
    json["body_hex"] = encode_hex(body);
  }
}

}  // namespace hookspool::agent

#include "net/pg/tables/mapping_advice.h"

#include <algorithm>

#include "net/pg/tables/schema.h"

namespace hookspool::net {
namespace {

bool is_index(const std::string& token) {
  return !token.empty() &&
         std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string escaped(const std::string& token) {
  std::string out;
  for (const char c : token) c == '~' ? out += "~0" : c == '/' ? out += "~1" : out += c;
  return out;
}

// "/entry/0/messaging/0/sender/id": what for_each and the column would be instead.
void advise_for_each(const MappedColumn& column, std::vector<std::string>& lines) {
  const auto& tokens = column.source.place.tokens;
  const auto last = std::find_if(tokens.rbegin(), tokens.rend(), is_index);
  if (last == tokens.rend()) return;
  std::string path, rest = ".";
  for (auto token = tokens.begin(); token != last.base(); ++token)
    path += is_index(*token) ? "/*" : "/" + escaped(*token);
  for (auto token = last.base(); token != tokens.end(); ++token) rest += "/" + escaped(*token);
  lines.push_back(
      "column " + column.name + " is filled from " + column.source.spec +
      ", one fixed element of a list: where a webhook holds several, the others make no row; write "
      "for_each = \"" +
      path + "\" and " + column.name + " = \"" + rest + "\"");
}

}  // namespace

std::vector<std::string> advice_on(const TableMapping& mapping) {
  std::vector<std::string> lines;
  if (!mapping.for_each) {
    for (const MappedColumn& column : mapping.columns) {
      // One line tells enough: the others are alike.
      if (lines.empty() && column.source.kind == ColumnSource::Kind::kPointer) advise_for_each(column, lines);
    }
    return lines;
  }
  if (!mapping.identified() && mapping.on_conflict == OnConflict::kError) {
    lines.emplace_back(
        "for_each makes several rows of one webhook, and nothing tells them from one another, so they cannot "
        "be "
        "compared with the journal after a failover; map event_id = \"@id\" and item = \"@item\", and give "
        "the table "
        "PRIMARY KEY (event_id, item)");
  }
  return lines;
}

}  // namespace hookspool::net

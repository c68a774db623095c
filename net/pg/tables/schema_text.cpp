#include "net/pg/tables/schema_text.h"

#include "net/pg/tables/schema.h"

namespace hookspool::net {
namespace {

// A dollar quote that does not occur in the schema's name.
std::string body_quote(std::string_view schema) {
  std::string tag = "$f$";
  while (schema.find(tag) != std::string_view::npos) tag.insert(1, "f");
  return tag;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

// A name within a string: 'S.events'.
std::string in_quotes(const std::string& quoted) {
  return replaced(quoted, "'", "''");
}

}  // namespace

std::string with_schema(std::string_view text, const std::string& schema) {
  const std::string quoted = quote_identifier(schema);
  std::string sql = replaced(std::string(text), "$f$", body_quote(quoted));
  // One pass, so that nothing in the name is taken for a place.
  std::string out;
  for (std::size_t at = 0; at < sql.size();) {
    const std::size_t next = sql.find("S.", at);
    if (next == std::string::npos) return out + sql.substr(at);
    const char before = next == 0 ? ' ' : sql[next - 1];
    out += sql.substr(at, next - at);
    if (before == '\'') {
      out += in_quotes(quoted) + ".";
    } else if (before == ' ' || before == '(' || before == '\n' || before == ',') {
      out += quoted + ".";
    } else {
      out += "S.";
    }
    at = next + 2;
  }
  return out;
}

}  // namespace hookspool::net

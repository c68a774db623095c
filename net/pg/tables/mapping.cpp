#include "net/pg/tables/mapping.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "net/pg/tables/schema.h"
#include "storage/base/text.h"

namespace hookspool::net {
namespace {

struct Field {
  std::string_view name;
  EventField field;
};

constexpr std::array kFields{
    Field{"@id", EventField::kId},
    Field{"@received_at", EventField::kReceivedAt},
    Field{"@source", EventField::kSource},
    Field{"@delivery_id", EventField::kDeliveryId},
    Field{"@payload", EventField::kPayload},
    Field{"@body", EventField::kBody},
    Field{"@seq", EventField::kSeq},
    Field{"@epoch", EventField::kEpoch},
    Field{"@agent_id", EventField::kAgentId},
    Field{"@method", EventField::kMethod},
    Field{"@path", EventField::kPath},
    Field{"@query", EventField::kQuery},
    Field{"@remote_addr", EventField::kRemoteAddr},
    Field{"@content_type", EventField::kContentType},
    Field{"@headers", EventField::kHeaders},
    Field{"@item", EventField::kItem},
};

constexpr std::string_view kHeaderPrefix = "header:";
constexpr std::string_view kBlanks = " ";

bool is_header_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

Result<ColumnSource, std::string> parse_column_source(std::string_view spec) {
  ColumnSource source;
  source.spec = spec;
  std::string_view what = trimmed(spec, kBlanks);
  if (const auto bar = what.rfind(" | "); bar != std::string_view::npos) {
    const std::string_view conversion = trimmed(what.substr(bar + 3), kBlanks);
    what = trimmed(what.substr(0, bar), kBlanks);
    if (conversion == "unix_ms") {
      source.conversion = ColumnSource::Conversion::kUnixMilliseconds;
    } else if (conversion == "unix_s") {
      source.conversion = ColumnSource::Conversion::kUnixSeconds;
    } else {
      return fail("\"" + std::string(conversion) + "\" is no conversion; there are unix_ms and unix_s");
    }
  }
  if (what.starts_with('/') || what.starts_with('.')) {
    source.kind = ColumnSource::Kind::kPointer;
    auto place = JsonPlace::parse(what);
    if (!place) {
      return fail(std::string(
          "is no JSON pointer: it begins with /, ./ or ../, and after ~ comes 0 (for ~) or 1 (for /)"));
    }
    source.place = std::move(*place);
    return source;
  }
  if (what.starts_with(kHeaderPrefix)) {
    source.kind = ColumnSource::Kind::kHeader;
    source.header = lower_case(trimmed(what.substr(kHeaderPrefix.size()), kBlanks));
    if (source.header.empty() || !std::all_of(source.header.begin(), source.header.end(), is_header_char)) {
      return fail(std::string("needs a header's name, as in \"header:x-github-event\""));
    }
    return source;
  }
  if (what.starts_with('@')) {
    const auto* found =
        std::find_if(kFields.begin(), kFields.end(), [&](const Field& field) { return field.name == what; });
    if (found == kFields.end()) return fail("\"" + std::string(what) + "\" is no field of an event");
    if (source.conversion != ColumnSource::Conversion::kNone) {
      return fail("\"" + std::string(what) + "\" is no number that could be converted; remove the |");
    }
    source.field = found->field;
    return source;
  }
  return fail(std::string(
      "needs a JSON pointer (\"/entry/0/id\"), a header (\"header:x-github-event\") or a field of the "
      "event (\"@received_at\")"));
}

const std::vector<std::string>& event_field_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Field& field : kFields) all.emplace_back(field.name);
    return all;
  }();
  return names;
}

std::string TableMapping::quoted_name() const {
  return (schema.empty() ? "" : quote_identifier(schema) + ".") + quote_identifier(table);
}

std::string TableMapping::shown_name() const {
  return (schema.empty() ? "" : schema + ".") + table;
}

const MappedColumn* TableMapping::column_of(EventField field) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const MappedColumn& column) {
    return column.source.kind == ColumnSource::Kind::kField && column.source.field == field;
  });
  return found == columns.end() ? nullptr : &*found;
}

bool LaneMapping::repeatable() const {
  return std::all_of(tables.begin(), tables.end(),
                     [](const TableMapping& table) { return table.repeatable(); });
}

std::string LaneMapping::shown_names() const {
  std::string names;
  for (const TableMapping& table : tables) names += (names.empty() ? "" : ", ") + table.shown_name();
  return names;
}

const BodyRules& body_rules(const LaneTables* tables, std::string_view lane) {
  static const BodyRules kUsual;
  if (tables == nullptr) return kUsual;
  const auto found = tables->bodies.find(lane);
  return found == tables->bodies.end() ? kUsual : found->second;
}

const LaneMapping* LaneTables::find(std::string_view lane) const {
  const auto found = by_lane.find(lane);
  return found == by_lane.end() ? nullptr : &found->second;
}

}  // namespace hookspool::net

#include "net/pg/delivery/target_rows.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <span>

#include "net/pg/link/text.h"
#include "storage/base/hex.h"

namespace hookspool::net {
namespace {

// A JSON string of `text`, which is UTF-8, in `out`.
void append_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto plain = std::find_if(text.begin(), text.end(), [](char c) {
      return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
    });
    out.append(text.begin(), plain);
    text.remove_prefix(static_cast<std::size_t>(plain - text.begin()));
    if (text.empty()) break;
    const auto c = static_cast<unsigned char>(text.front());
    if (c >= 0x20) {
      out += '\\';
      out += text.front();
    } else {
      out += "\\u00";
      append_hex(out, c);
    }
    text.remove_prefix(1);
  }
  out += '"';
}

// As PostgreSQL writes a timestamptz in UTC.
std::string utc_text(std::int64_t unix_us) {
  using namespace std::chrono;
  const sys_time<microseconds> at{microseconds(unix_us)};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss time(at - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d.%06d+00",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text.data();
}

// Several fields of one name are one list, as HTTP has it. A field that only looks like a list stays as it is.
std::optional<std::string> header_value(const JsonText& headers, const std::string& name) {
  const JsonPointer place({name});
  const auto value = headers.values(std::span(&place, 1)).front();
  if (!value || value->kind == JsonKind::kNull) return std::nullopt;
  if (value->kind != JsonKind::kArray) return value->characters();
  std::string all;
  each_element(*value, [&](const JsonValue& each) {
    if (each.kind == JsonKind::kString) all += (all.empty() ? "" : ", ") + each.characters();
    return true;
  });
  return all;
}

constexpr int kDimensionsMax = 6;  // of an array in PostgreSQL

// The longest text of a value in bytes: of an array that of its elements, which may be arrays again.
std::size_t longest_text(const JsonValue& value, int dimensions) {
  if (value.kind != JsonKind::kArray || dimensions == kDimensionsMax) return value.characters().size();
  std::size_t longest = 0;
  each_element(value, [&](const JsonValue& each) {
    longest = std::max(longest, longest_text(each, dimensions + 1));
    return true;
  });
  return longest;
}

// The same of a text that has been read as JSON.
std::size_t longest_text(std::string_view json) {
  const auto value = find_json(json, JsonPointer({}));
  return value ? longest_text(*value, 0) : json.size();
}

// The longest text that the member at `path` from `depth` on would get. A row literal is not taken apart: all of it counts.
std::size_t longest_member(const JsonValue& value, std::span<const std::string> path, int dimensions) {
  if (path.empty()) return longest_text(value, 0);
  if (value.kind == JsonKind::kNull) return 0;
  if (value.kind == JsonKind::kArray && dimensions < kDimensionsMax) {
    std::size_t longest = 0;
    each_element(value, [&](const JsonValue& each) {
      longest = std::max(longest, longest_member(each, path, dimensions + 1));
      return true;
    });
    return longest;
  }
  if (value.kind != JsonKind::kObject) return value.characters().size();
  const auto member = find_json(value.raw, JsonPointer({path.front()}));
  return member ? longest_member(*member, path.subspan(1), 0) : 0;
}

PgError too_long(const std::string& what, std::size_t bytes, const std::string& type, std::size_t bytes_max) {
  return {.error_class = ErrorClass::kEvent,
          .sqlstate = "22001",
          .text = "inserting rows: " + what + ": a value of " + std::to_string(bytes) +
                  " bytes is too long for type " + type + ", which holds " + std::to_string(bytes_max)};
}

}  // namespace

TargetRows::TargetRows(const TableMapping& mapping, const std::vector<TargetColumn>& columns,
                       const std::string& agent_id)
    : mapping_(mapping), agent_id_(agent_id) {
  for (const MappedColumn& mapped : mapping.columns) {
    const TargetColumn* column = find_column(columns, mapped.name);
    columns_.push_back(column == nullptr ? TargetColumn{} : *column);
    if (mapped.source.kind == ColumnSource::Kind::kPointer) pointers_.emplace_back(mapped.source.pointer);
  }
}

TargetRows::Value TargetRows::value_of(const JsonValue& found) {
  if (found.kind == JsonKind::kNull) return {};
  return {Value::Kind::kJson, found.kind, found.raw, {}};
}

PgResult<void> TargetRows::add(const StoredEvent& stored) {
  const JsonText payload(stored.event.body);
  const JsonText headers(stored.event.headers);
  const auto found = payload.values(pointers_);
  rows_ += count_ == 0 ? "{\"n\":" : ",{\"n\":";
  rows_ += std::to_string(++count_);
  auto next = found.begin();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const ColumnSource& source = mapping_.columns[i].source;
    Value value;
    if (source.kind == ColumnSource::Kind::kPointer) {
      const auto& at = *next++;
      if (at) value = value_of(*at);
    } else if (source.kind == ColumnSource::Kind::kHeader) {
      if (auto text = header_value(headers, source.header))
        value = {Value::Kind::kText, {}, {}, std::move(*text)};
    } else {
      value = field(source.field, columns_[i], stored, payload, headers);
    }
    if (auto added = member(i, columns_[i], value); !added) return added;
  }
  rows_ += '}';
  return {};
}

TargetRows::Value TargetRows::field(EventField field, const TargetColumn& column, const StoredEvent& stored,
                                    const JsonText& payload, const JsonText& headers) const {
  const Event& event = stored.event;
  const auto made = [](std::string characters) {
    return Value{Value::Kind::kText, {}, {}, std::move(characters)};
  };
  const auto text = [](std::string_view characters) { return Value{Value::Kind::kText, {}, characters, {}}; };
  const auto text_or_null = [&](std::string_view characters) {
    return characters.empty() ? Value{} : text(characters);
  };
  const auto whole = [](const JsonText& json) {
    const auto all = json.whole();
    return all ? Value{Value::Kind::kWholeJson, {}, *all, {}} : Value{};
  };
  switch (field) {
    case EventField::kId:
      return made(stored.id.to_string());
    case EventField::kReceivedAt:
      return made(utc_text(event.received_at_us));
    case EventField::kSource:
      return text(event.lane);
    case EventField::kDeliveryId:
      return text_or_null(event.delivery_id);
    case EventField::kPayload:
      return whole(payload);
    case EventField::kBody:
      return made("\\x" + encode_hex(event.body));
    case EventField::kSeq:
      return {Value::Kind::kNumber, {}, {}, std::to_string(stored.seq)};
    case EventField::kEpoch:
      return made(stored.epoch.to_string());
    case EventField::kAgentId:
      return text(agent_id_);
    case EventField::kMethod:
      return text(event.method);
    case EventField::kPath:
      return text(event.path);
    case EventField::kQuery:
      return text_or_null(event.query);
    case EventField::kRemoteAddr:
      // inet has no room for a zone: fe80::1%eth0
      return text_or_null(
          std::string_view(event.remote_addr)
              .substr(0, column.type == "inet" ? event.remote_addr.find('%') : std::string::npos));
    case EventField::kContentType:
      return text_or_null(event.content_type);
    case EventField::kHeaders:
      return whole(headers);
  }
  return {};
}

PgResult<void> TargetRows::member(std::size_t index, const TargetColumn& column, const Value& value) {
  if (value.kind == Value::Kind::kNull) return {};  // what is not there is NULL
  if (column.bytes_max > 0) {
    const bool is_json = value.kind == Value::Kind::kJson || value.kind == Value::Kind::kWholeJson;
    const std::size_t bytes = is_json ? longest_text(value.text()) : value.text().size();
    if (bytes > column.bytes_max)
      return fail(too_long("column " + column.name, bytes, column.type, column.bytes_max));
  }
  if (auto fits = check_members(column, value); !fits) return fits;
  rows_ += ",\"c" + std::to_string(index + 1) + "\":";
  const bool is_json = value.kind != Value::Kind::kText;
  switch (column.form) {
    case ValueForm::kJson:
      if (is_json) {
        append_string(rows_, value.text());
      } else {
        std::string string;
        append_string(string, value.text());
        append_string(rows_, string);
      }
      return {};
    case ValueForm::kObject:
      if (is_json && value.json != JsonKind::kObject && value.json != JsonKind::kString &&
          value.kind != Value::Kind::kWholeJson) {
        return fail(PgError{.error_class = ErrorClass::kEvent,
                            .sqlstate = "22P02",
                            .text = "inserting rows: column " + column.name +
                                    ": only an object, or a text, can be of type " + column.type});
      }
      [[fallthrough]];
    case ValueForm::kNested:
      if (is_json) {
        rows_ += value.text();
      } else {
        append_string(rows_, value.text());
      }
      return {};
    case ValueForm::kText:
      // A string's own text is a JSON string already, and a number is taken as it is written.
      if (value.kind == Value::Kind::kJson && value.json != JsonKind::kArray &&
          value.json != JsonKind::kObject) {
        rows_ += value.text();
      } else {
        append_string(rows_, value.text());
      }
      return {};
  }
  return {};
}

PgResult<void> TargetRows::check_members(const TargetColumn& column, const Value& value) {
  if (column.members.empty()) return {};
  const bool is_json = value.kind == Value::Kind::kJson || value.kind == Value::Kind::kWholeJson;
  const auto whole = is_json ? find_json(value.text(), JsonPointer({})) : std::nullopt;
  for (const TargetMember& member : column.members) {
    if (member.bytes_max == 0) continue;
    const std::size_t bytes = whole ? longest_member(*whole, member.path, 0) : value.text().size();
    if (bytes > member.bytes_max)
      return fail(too_long("column " + column.name + ", member " + joined(member.path, "."), bytes,
                           member.type, member.bytes_max));
  }
  return {};
}

const std::string& TargetRows::finish() {
  rows_ += ']';
  return rows_;
}

}  // namespace hookspool::net

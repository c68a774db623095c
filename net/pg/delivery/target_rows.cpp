#include "net/pg/delivery/target_rows.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <span>

#include "net/json/writer.h"
#include "net/pg/link/text.h"
#include "storage/base/hex.h"

namespace hookspool::net {
namespace {

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

constexpr std::string_view kAttempt = "inserting rows: ";

}  // namespace

void name_item(PgError& error, const std::string& item, const std::string& column) {
  if (item.empty()) return;
  const std::string place = item + (column.empty() ? ": " : ", column " + column + ": ");
  if (error.text.starts_with(kAttempt)) {
    const bool names_column = error.text.compare(kAttempt.size(), 7, "column ") == 0;
    error.text.insert(kAttempt.size(), names_column ? item + ", " : place);
  } else {
    error.text = place + error.text;
  }
}

TargetRows::TargetRows(const TableMapping& mapping, const std::vector<TargetColumn>& columns,
                       const std::string& agent_id, Send send)
    : mapping_(mapping), reader_(mapping), agent_id_(agent_id), send_(std::move(send)) {
  for (const MappedColumn& mapped : mapping.columns) {
    const TargetColumn* column = find_column(columns, mapped.name);
    columns_.push_back(column == nullptr ? TargetColumn{} : *column);
  }
}

TargetRows::Value TargetRows::value_of(const JsonValue& found) {
  if (found.kind == JsonKind::kNull) return {};
  return {Value::Kind::kJson, found.kind, found.raw, {}};
}

PgResult<void> TargetRows::add(const Outgoing& outgoing, const Range& wanted) {
  const JsonText payload(outgoing);
  const JsonText headers(outgoing.event().headers);
  Source source{outgoing.stored(), payload, headers};
  PgResult<void> added;
  const auto walked = reader_.each(payload, [&](const ItemReader::Item& item) {
    if (item.number < wanted.first) return true;
    if (item.number >= wanted.end) return false;
    if (!reader_.wanted(item, headers)) {
      ++counts_.rows_filtered;
      return true;
    }
    added = row(source, item);
    return added.ok();
  });
  items_ = walked.items;
  if (!added) return added;
  if (!mapping_.for_each) return {};
  if (walked.items == 0) ++counts_.items_empty;
  counts_.items_missing += walked.missing;
  return refused_walk(walked);
}

PgResult<void> TargetRows::refused_walk(const ItemReader::Walked& walked) const {
  if (walked.too_many) {
    return fail(PgError{.error_class = ErrorClass::kEvent,
                        .sqlstate = "54000",
                        .text = "inserting rows: for_each \"" + mapping_.for_each->text() +
                                "\": more than max_items (" + std::to_string(mapping_.items_max) +
                                ") elements in one webhook"});
  }
  if (walked.missing > 0 && mapping_.missing_is_refused) {
    return fail(PgError{.error_class = ErrorClass::kEvent,
                        .sqlstate = "22000",
                        .text = "inserting rows: " + walked.first_missing + ": for_each \"" +
                                mapping_.for_each->text() + "\" finds no list here"});
  }
  return {};
}

PgResult<void> TargetRows::row(Source& source, const ItemReader::Item& item) {
  if (mapping_.for_each) last_item_ = reader_.shown(item);
  const std::size_t before = rows_.size();
  rows_ += before == 1 ? "{\"n\":" : ",{\"n\":";
  rows_ += std::to_string(++count_);
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const ColumnSource& from = mapping_.columns[i].source;
    Value value;
    switch (from.kind) {
      case ColumnSource::Kind::kPointer:
        if (const auto& at = reader_.of_column(item, i)) value = value_of(*at);
        break;
      case ColumnSource::Kind::kHeader:
        if (auto text = header_value(source.headers, from.header))
          value = {Value::Kind::kText, {}, {}, std::move(*text)};
        break;
      case ColumnSource::Kind::kField:
        value = field(from.field, columns_[i], source, item);
        break;
    }
    if (auto added = member(i, columns_[i], value); !added) {
      PgError error = std::move(added).error();
      name_item(error, last_item_);
      return fail(std::move(error));
    }
  }
  rows_ += '}';
  source.bytes += rows_.size() - before;
  if (source.bytes > kEventRowsBytesMax) {
    return fail(PgError{.error_class = ErrorClass::kEvent,
                        .sqlstate = "54000",
                        .text = "inserting rows: the rows of one webhook take more than " +
                                std::to_string(kEventRowsBytesMax >> 20) +
                                " MiB; map less into each (@payload, @body and ../ are in every row)"});
  }
  return rows_.size() < kRowsBytesMax ? PgResult<void>() : send();
}

PgResult<void> TargetRows::send() {
  rows_ += ']';
  sent_ = true;
  auto sent = send_(rows_);
  rows_.assign(1, '[');
  return sent;
}

PgResult<void> TargetRows::finish() {
  return sent_ && rows_.size() == 1 ? PgResult<void>() : send();
}

TargetRows::Value TargetRows::field(EventField field, const TargetColumn& column, const Source& source,
                                    const ItemReader::Item& item) const {
  const StoredEvent& stored = source.stored;
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
      return whole(source.payload);
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
      return whole(source.headers);
    case EventField::kItem:
      return {Value::Kind::kNumber, {}, {}, std::to_string(item.number)};
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
        append_json_string(rows_, value.text());
      } else {
        std::string string;
        append_json_string(string, value.text());
        append_json_string(rows_, string);
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
        append_json_string(rows_, value.text());
      }
      return {};
    case ValueForm::kText:
      // A string's own text is a JSON string already, and a number is taken as it is written.
      if (value.kind == Value::Kind::kJson && value.json != JsonKind::kArray &&
          value.json != JsonKind::kObject) {
        rows_ += value.text();
      } else {
        append_json_string(rows_, value.text());
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

}  // namespace hookspool::net

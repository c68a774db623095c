#include "net/pg/target_own.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "net/pg/copy_writer.h"
#include "net/pg/mapping_json.h"
#include "net/pg/schema.h"
#include "net/pg/target_check.h"

namespace hookspool::net {
namespace {

constexpr std::string_view kStage = "pg_temp.hookspool_stage";
constexpr std::int16_t kStagedBefore = 2;  // n and id, before the mapped columns

void write_text(CopyWriter& copy, const std::optional<std::string>& value) {
  if (value) {
    copy.text(*value);
  } else {
    copy.null();
  }
}

// Several fields of one name are one list, as HTTP has it.
std::optional<std::string> header_value(const JsonText& headers, const std::string& name) {
  auto value = headers.at({name});
  if (!value || !value->starts_with('[')) return value;
  const auto list = nlohmann::json::parse(*value, nullptr, false);
  if (!list.is_array()) return value;
  std::string all;
  for (const auto& each : list) {
    if (each.is_string()) all += (all.empty() ? "" : ", ") + each.get<std::string>();
  }
  return all;
}

std::optional<std::string> whole(const JsonText& json) {
  const auto text = json.whole();
  return text ? std::optional<std::string>(*text) : std::nullopt;
}

class RowWriter {
 public:
  RowWriter(CopyWriter& copy, const TableMapping& mapping, const std::string& agent_id)
      : copy_(copy), mapping_(mapping), agent_id_(agent_id) {}

  void write(std::int64_t n, const StoredEvent& stored) {
    const JsonText payload(stored.event.body);
    const JsonText headers(stored.event.headers);
    copy_.row(static_cast<std::int16_t>(kStagedBefore + static_cast<std::int16_t>(mapping_.columns.size())));
    copy_.bigint(n);
    copy_.uuid(stored.id);
    for (const MappedColumn& column : mapping_.columns) {
      const ColumnSource& source = column.source;
      switch (source.kind) {
        case ColumnSource::Kind::kPointer:
          write_text(copy_, payload.at(source.pointer));
          break;
        case ColumnSource::Kind::kHeader:
          write_text(copy_, header_value(headers, source.header));
          break;
        case ColumnSource::Kind::kField:
          field(source.field, stored, payload, headers);
          break;
      }
    }
  }

 private:
  void field(EventField field, const StoredEvent& stored, const JsonText& payload, const JsonText& headers) {
    const Event& event = stored.event;
    switch (field) {
      case EventField::kId:
        return copy_.uuid(stored.id);
      case EventField::kReceivedAt:
        return copy_.timestamptz(event.received_at_us);
      case EventField::kSource:
        return copy_.text(event.lane);
      case EventField::kDeliveryId:
        return copy_.text_or_null(event.delivery_id);
      case EventField::kPayload:
        return write_text(copy_, whole(payload));
      case EventField::kBody:
        return copy_.bytea(event.body);
      case EventField::kSeq:
        return copy_.bigint(static_cast<std::int64_t>(stored.seq));
      case EventField::kEpoch:
        return copy_.uuid(stored.epoch);
      case EventField::kAgentId:
        return copy_.text(agent_id_);
      case EventField::kMethod:
        return copy_.text(event.method);
      case EventField::kPath:
        return copy_.text(event.path);
      case EventField::kQuery:
        return copy_.text_or_null(event.query);
      case EventField::kRemoteAddr:
        return copy_.text_or_null(event.remote_addr);
      case EventField::kContentType:
        return copy_.text_or_null(event.content_type);
      case EventField::kHeaders:
        return write_text(copy_, whole(headers));
    }
  }

  CopyWriter& copy_;
  const TableMapping& mapping_;
  const std::string& agent_id_;
};

// "INSERT 0 12"
std::uint64_t rows_of_tag(const std::string& tag) {
  std::uint64_t rows = 0;
  const std::size_t blank = tag.rfind(' ');
  if (blank != std::string::npos) std::from_chars(tag.data() + blank + 1, tag.data() + tag.size(), rows);
  return rows;
}

}  // namespace

OwnTable::OwnTable(Connection& connection, const PgOptions& options, const TableMapping& mapping,
                   std::string agent_id, std::string lane)
    : connection_(connection),
      options_(options),
      mapping_(mapping),
      agent_id_(std::move(agent_id)),
      lane_(std::move(lane)) {}

PgResult<void> OwnTable::stage(std::span<const EventPtr> events) {
  std::string sql =
      "DROP TABLE IF EXISTS " + std::string(kStage) + ";CREATE TEMP TABLE hookspool_stage (n bigint, id uuid";
  for (std::size_t i = 0; i < mapping_.columns.size(); ++i) {
    sql += ", c" + std::to_string(i + 1) + " " + std::string(staged_type(mapping_.columns[i].source));
  }
  const Deadline deadline = statement_deadline(options_);
  auto made = connection_.query(sql + ") ON COMMIT DROP", deadline, "staging rows");
  if (!made) return fail(not_the_event(std::move(made).error()));
  auto started =
      connection_.copy_start("COPY " + std::string(kStage) + " FROM STDIN (FORMAT binary)", deadline);
  if (!started) return fail(not_the_event(std::move(started).error()));
  CopyWriter copy(connection_, deadline);
  RowWriter writer(copy, mapping_, agent_id_);
  std::int64_t n = 0;
  for (const EventPtr& event : events) writer.write(++n, *event);
  auto copied = copy.finish();
  if (!copied) return fail(std::move(copied).error());
  return {};
}

// The types are read in the same transaction: whatever somebody has made of the table meanwhile counts.
PgResult<std::uint64_t> OwnTable::insert(bool only_missing) {
  auto types = connection_.query(column_types_sql(connection_, mapping_), statement_deadline(options_),
                                 "reading the columns' types");
  if (!types) return fail(not_the_event(std::move(types).error()));
  auto inserted =
      connection_.query(insert_sql(mapping_, column_types(*types), std::string(kStage), only_missing),
                        statement_deadline(options_), "inserting rows");
  if (!inserted) {
    PgError error = std::move(inserted).error();
    // Two rows of the batch hit one row although their keys differ as text: each alone is fine.
    if (error.sqlstate == "21000") error.error_class = ErrorClass::kEvent;
    return fail(std::move(error));
  }
  return rows_of_tag(inserted->command_tag);
}

PgResult<void> OwnTable::put(std::span<const EventPtr> events) {
  auto staged = stage(events);
  if (!staged) return staged;
  auto inserted = insert(false);
  if (!inserted) return fail(std::move(inserted).error());
  if (mapping_.on_conflict == OnConflict::kError && *inserted != events.size()) {
    return fail(PgError{
        .error_class = ErrorClass::kSetup,
        .text = "inserting rows: " + mapping_.shown_name() + " took " + std::to_string(*inserted) + " of " +
                std::to_string(events.size()) + " rows",
        .hint = "A trigger or a rule on the table drops rows: it must let every row in, or the source needs "
                "on_conflict = \"ignore\"."});
  }
  return {};
}

PgResult<std::set<Uuid>> OwnTable::dead_letters_among(std::span<const EventPtr> events) {
  std::set<Uuid> dead;
  std::string ids;
  for (const EventPtr& event : events) ids += (ids.empty() ? "'" : ", '") + event->id.to_string() + "'";
  if (ids.empty()) return dead;
  // Those that were discarded are to stay away as well.
  const std::string where = " WHERE id IN (" + ids + ")";
  auto rows = connection_.query("SELECT id FROM " + quote_identifier(options_.schema) + ".dead_letters" +
                                    where + " UNION ALL SELECT id FROM " + quote_identifier(options_.schema) +
                                    ".discarded" + where,
                                statement_deadline(options_), "looking at the dead letters");
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  for (const auto& row : rows->rows) {
    if (const auto id = Uuid::parse(row.at(0).value_or(""))) dead.insert(*id);
  }
  return dead;
}

PgResult<std::uint64_t> OwnTable::put_missing(std::span<const EventPtr> events) {
  if (!comparable()) {
    return fail(PgError{
        .error_class = ErrorClass::kSetup,
        .text = "rows of " + mapping_.shown_name() +
                " cannot be compared with the journal: no column holds the event's id",
        .hint = "Add a column for it and map it (id = \"@id\"), or set on_conflict and conflict_keys for " +
                std::string("[sources.") + lane_ + "]; then the lane goes on."});
  }
  auto dead = dead_letters_among(events);
  if (!dead) return fail(std::move(dead).error());
  std::vector<EventPtr> alive;
  std::copy_if(events.begin(), events.end(), std::back_inserter(alive),
               [&](const EventPtr& event) { return !dead->contains(event->id); });
  auto staged = stage(alive);
  if (!staged) return fail(std::move(staged).error());
  return insert(mapping_.id_column() != nullptr);
}

// The table has no epoch, no number and often no id: of what is in it only the watermark tells. Our own dead letters
// still show where somebody has edited the bookkeeping.
std::string OwnTable::exists_sql(const std::string& where) const {
  return "EXISTS (SELECT FROM " + quote_identifier(options_.schema) + ".dead_letters" + where + ")";
}

PgResult<void> OwnTable::begin(const std::string& before, std::string_view attempt) {
  auto done = connection_.query(before, statement_deadline(options_), attempt);
  if (!done) return fail(not_the_event(std::move(done).error()));
  return {};
}

PgError OwnTable::explained(PgError error) {
  constexpr std::array<std::string_view, 6> kTableChanged{"42703", "42P01", "42804",
                                                          "42846", "42501", "42P10"};
  if (std::find(kTableChanged.begin(), kTableChanged.end(), error.sqlstate) == kTableChanged.end())
    return error;
  auto checked = check_target(connection_, options_, lane_);
  if (checked || checked.error().error_class != ErrorClass::kSetup) return error;
  PgError found = std::move(checked).error();
  found.sqlstate = error.sqlstate;
  return found;
}

}  // namespace hookspool::net

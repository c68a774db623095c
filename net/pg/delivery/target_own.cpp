#include "net/pg/delivery/target_own.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "net/pg/delivery/target_rows.h"
#include "net/pg/tables/schema.h"
#include "net/pg/tables/target_check.h"
#include "net/pg/tables/target_insert.h"
#include "net/pg/tables/target_rights.h"

namespace hookspool::net {
namespace {

// Of one statement: beyond it no further row is begun.
constexpr std::size_t kRowsBytesMax = 256u << 10;

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

// The columns are read in the same transaction: an ALTER TABLE since the last batch counts.
PgResult<std::uint64_t> OwnTable::insert(std::span<const EventPtr> events, bool only_missing) {
  if (!columns_) {
    auto read = connection_.query(target_columns_sql(connection_, mapping_), statement_deadline(options_),
                                  "reading the table's columns");
    if (!read) return fail(not_the_event(std::move(read).error()));
    if (auto taken = take_columns(*read); !taken) return fail(std::move(taken).error());
  }
  std::uint64_t inserted = 0;
  do {
    TargetRows rows(mapping_, *columns_, agent_id_);
    std::size_t count = 0;
    for (; count < events.size() && rows.bytes() < kRowsBytesMax; ++count) {
      if (auto added = rows.add(*events[count]); !added) return fail(std::move(added).error());
    }
    events = events.subspan(count);
    auto put = connection_.query_with(insert_sql(mapping_, *columns_, only_missing), rows.finish(),
                                      statement_deadline(options_), "inserting rows");
    if (!put) {
      PgError error = std::move(put).error();
      // Two rows of the batch hit one row although their keys differ: each alone is fine.
      if (error.sqlstate == "21000") error.error_class = ErrorClass::kEvent;
      return fail(std::move(error));
    }
    inserted += rows_of_tag(put->command_tag);
  } while (!events.empty());
  return inserted;
}

// How many rows the tag counts is not asked: a trigger or a rule of the table may put them elsewhere, or drop them, and
// what its owner has made of an event counts as its delivery.
PgResult<void> OwnTable::put(std::span<const EventPtr> events) {
  auto inserted = insert(events, false);
  if (!inserted) return fail(std::move(inserted).error());
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
  auto hides = may_hide_rows(connection_, options_, mapping_);
  if (!hides) return fail(std::move(hides).error());
  if (*hides && mapping_.id_column() != nullptr) {
    return fail(PgError{
        .error_class = ErrorClass::kSetup,
        .text = "rows of " + mapping_.shown_name() +
                " cannot be compared with the journal: row-level security may hide some from the role",
        .hint = "Give the role a policy FOR SELECT USING (true), or BYPASSRLS; then the lane goes on."});
  }
  auto dead = dead_letters_among(events);
  if (!dead) return fail(std::move(dead).error());
  std::vector<EventPtr> alive;
  std::copy_if(events.begin(), events.end(), std::back_inserter(alive),
               [&](const EventPtr& event) { return !dead->contains(event->id); });
  return insert(alive, mapping_.id_column() != nullptr);
}

// The table has no epoch, no number and often no id: of what is in it only the watermark tells. Our own dead letters
// still show that the bookkeeping was edited.
std::string OwnTable::exists_sql(const std::string& where) const {
  return "EXISTS (SELECT FROM " + quote_identifier(options_.schema) + ".dead_letters" + where + ")";
}

PgResult<void> OwnTable::begin(const std::string& before, std::string_view attempt) {
  auto begun = connection_.query(before + target_columns_sql(connection_, mapping_),
                                 statement_deadline(options_), attempt);
  if (!begun) return fail(not_the_event(std::move(begun).error()));
  return take_columns(*begun);
}

PgResult<void> OwnTable::take_columns(const PgRows& read) {
  auto columns = target_columns(read);
  if (std::any_of(columns.begin(), columns.end(),
                  [](const TargetColumn& column) { return column.has_members; })) {
    auto members = connection_.query(target_members_sql(connection_, mapping_), statement_deadline(options_),
                                     "reading the members of the table's columns");
    if (!members) return fail(not_the_event(std::move(members).error()));
    add_members(*members, columns);
  }
  columns_ = std::move(columns);
  return {};
}

PgError OwnTable::explained(PgError error) {
  constexpr std::array<std::string_view, 8> kTableChanged{"42703", "42P01", "42804", "42846",
                                                          "42501", "42P10", "428C9", "55000"};
  if (std::find(kTableChanged.begin(), kTableChanged.end(), error.sqlstate) == kTableChanged.end())
    return error;
  auto checked = check_target(connection_, options_, lane_);
  if (checked || checked.error().error_class != ErrorClass::kSetup) return error;
  PgError found = std::move(checked).error();
  found.sqlstate = error.sqlstate;
  return found;
}

}  // namespace hookspool::net

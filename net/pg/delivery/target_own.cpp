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

constexpr std::string_view kAttempt = "inserting rows";
// Set where an event may be several rows, so that the one that is refused can be looked for.
constexpr std::string_view kSavepoint = "SAVEPOINT hookspool_items;";
constexpr std::string_view kBackToSavepoint = "ROLLBACK TO SAVEPOINT hookspool_items";

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
      lane_(std::move(lane)),
      rules_(body_rules(options.tables.get(), lane_)) {}

std::string OwnTable::columns_sql() const {
  return std::string(mapping_.for_each ? kSavepoint : "") + target_columns_sql(connection_, mapping_);
}

// The columns are read in the same transaction: an ALTER TABLE since the last batch counts.
PgResult<std::uint64_t> OwnTable::insert(std::span<const EventPtr> events, bool only_missing) {
  if (!columns_) {
    auto read = connection_.query(columns_sql(), statement_deadline(options_), "reading the table's columns");
    if (!read) return fail(not_the_event(std::move(read).error()));
    if (auto taken = take_columns(*read); !taken) return fail(std::move(taken).error());
  }
  std::uint64_t inserted = 0;
  bool by_postgresql = false;
  TargetRows rows(mapping_, *columns_, agent_id_, [&](const std::string& array) -> PgResult<void> {
    auto put = insert_rows(array, only_missing);
    by_postgresql = !put;
    if (!put) return fail(std::move(put).error());
    inserted += *put;
    return {};
  });
  const auto refused = [&](PgError error) {
    const bool one = by_postgresql && mapping_.for_each && events.size() == 1 && !error.connection_lost;
    if (!one || error.error_class == ErrorClass::kOutage || error.error_class == ErrorClass::kSetup)
      return error;
    return named(Outgoing(*events.front(), rules_), std::move(error), only_missing);
  };
  for (const EventPtr& event : events) {
    if (auto added = rows.add(Outgoing(*event, rules_)); !added)
      return fail(refused(std::move(added).error()));
  }
  if (auto finished = rows.finish(); !finished) return fail(refused(std::move(finished).error()));
  counts_ += rows.counts();
  return inserted;
}

PgResult<std::uint64_t> OwnTable::insert_rows(const std::string& rows, bool only_missing) {
  auto put = connection_.query_with(insert_sql(mapping_, *columns_, only_missing), rows,
                                    statement_deadline(options_), kAttempt);
  if (put) return rows_of_tag(put->command_tag);
  PgError error = std::move(put).error();
  // Two rows of the batch hit one row although their keys differ: each alone is fine.
  if (error.sqlstate == "21000") error.error_class = ErrorClass::kEvent;
  return fail(std::move(error));
}

// Of an event that is refused, alone: the first of its elements with which it is, and the column where that alone is
// refused. The transaction is lost anyway; whatever goes wrong here leaves the refusal as it was.
PgError OwnTable::named(const Outgoing& outgoing, PgError error, bool only_missing) {
  std::uint64_t taken = 0, refused = items_of(outgoing);
  std::string item, last;
  while (taken < refused) {
    const std::uint64_t end = refused - taken == 1 ? refused : taken + (refused - taken) / 2;
    const auto tried = try_items(outgoing, end, only_missing, last);
    if (!tried && (tried.error().connection_lost || tried.error().error_class == ErrorClass::kOutage))
      return error;
    if (tried) {
      taken = end;
    } else {
      item = last;
      if (end == refused) break;
      refused = end;
    }
  }
  if (!item.empty()) name_item(error, item, refused_column(outgoing, refused - 1, error));
  return error;
}

// Elements, whether they become rows or not.
std::uint64_t OwnTable::items_of(const Outgoing& outgoing) const {
  const JsonText body(outgoing);
  return ItemReader(mapping_).each(body, [](const ItemReader::Item&) { return true; }).items;
}

// `last`: where the last of the first `end` elements lies.
PgResult<void> OwnTable::try_items(const Outgoing& outgoing, std::uint64_t end, bool only_missing,
                                   std::string& last) {
  auto back = connection_.query(std::string(kBackToSavepoint), statement_deadline(options_), kAttempt);
  if (!back) return fail(PgError{.text = std::move(back).error().text});
  TargetRows rows(mapping_, *columns_, agent_id_, [&](const std::string& array) -> PgResult<void> {
    auto put = insert_rows(array, only_missing);
    if (!put) return fail(std::move(put).error());
    return {};
  });
  auto added = rows.add(outgoing, {0, end});
  if (added) added = rows.finish();
  last = rows.last_item();
  return added;
}

std::string OwnTable::refused_column(const Outgoing& outgoing, std::uint64_t item, const PgError& error) {
  for (const MappedColumn& mapped : mapping_.columns) {
    auto back = connection_.query(std::string(kBackToSavepoint), statement_deadline(options_), kAttempt);
    if (!back) return {};
    bool refused = false;
    TargetRows rows(mapping_, *columns_, agent_id_, [&](const std::string& array) -> PgResult<void> {
      auto read = connection_.query_with(conversion_sql(mapping_, *columns_, mapped.name), array,
                                         statement_deadline(options_), kAttempt);
      refused = !read && read.error().sqlstate == error.sqlstate;
      return {};
    });
    if (!rows.add(outgoing, {item, item + 1}) || !rows.finish()) return {};
    if (refused) return mapped.name;
  }
  return {};
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

PgResult<std::uint64_t> OwnTable::put_missing(std::span<const EventPtr> events, Pruned /*of events*/) {
  if (!comparable()) {
    return fail(PgError{.error_class = ErrorClass::kSetup,
                        .text = "rows of " + mapping_.shown_name() +
                                " cannot be compared with the journal: no column holds the event's id" +
                                (mapping_.for_each ? " and none the element's number" : ""),
                        .hint = std::string("Add a column for it and map it (") +
                                (mapping_.for_each ? "id = \"@id\", item = \"@item\"" : "id = \"@id\"") +
                                "), or set on_conflict and conflict_keys for [sources." + lane_ +
                                "]; then the lane goes on."});
  }
  auto hides = may_hide_rows(connection_, options_, mapping_);
  if (!hides) return fail(std::move(hides).error());
  if (*hides && mapping_.identified()) {
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
  if (mapping_.makes_one_row()) return insert(alive, mapping_.identified());
  // Rows are counted by the table, events here.
  std::uint64_t put_in = 0;
  for (const EventPtr& event : alive) {
    auto inserted = insert(std::span(&event, 1), mapping_.identified());
    if (!inserted) return inserted;
    if (*inserted > 0) ++put_in;
  }
  return put_in;
}

// The table has no epoch, no number and often no id: of what is in it only the watermark tells. Our own dead letters
// still show that the bookkeeping was edited.
std::string OwnTable::exists_sql(const std::string& where) const {
  return "EXISTS (SELECT FROM " + quote_identifier(options_.schema) + ".dead_letters" + where + ")";
}

PgResult<void> OwnTable::begin(const std::string& before, std::string_view attempt) {
  auto begun = connection_.query(before + columns_sql(), statement_deadline(options_), attempt);
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

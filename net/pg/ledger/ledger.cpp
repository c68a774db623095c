#include "net/pg/ledger/ledger.h"

#include <charconv>
#include <map>

#include "net/pg/tables/expected_rows.h"
#include "net/pg/tables/mapping.h"
#include "net/pg/tables/retention_schema.h"
#include "net/pg/tables/schema.h"
#include "net/pg/tables/target_rights.h"
#include "storage/base/hex.h"

namespace hookspool::net {
namespace {

std::int64_t number(const std::optional<std::string>& text) {
  std::int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

std::uint64_t natural(const std::optional<std::string>& text) {
  return static_cast<std::uint64_t>(number(text));
}

Uuid uuid_of(const std::optional<std::string>& text) {
  return Uuid::parse(text.value_or("")).value_or(Uuid{});
}

// '{...}'
std::string id_list(std::span<const Uuid> ids) {
  std::string list = "'{";
  for (const Uuid& id : ids) {
    if (list.size() > 2) list += ',';
    list += id.to_string();
  }
  return list + "}'";
}

std::string uuid_array(std::span<const Uuid> ids) {
  return id_list(ids) + "::uuid[]";
}

std::string from_hex(const std::optional<std::string>& hex) {
  return decode_hex(hex.value_or("")).value_or("");
}

PgResult<PgRows> ask(Connection& connection, const PgOptions& options, const std::string& sql,
                     std::string_view attempt) {
  auto rows = connection.query(sql, statement_deadline(options), attempt);
  if (!rows) return fail(not_the_event(std::move(rows).error()));
  return rows;
}

// In the answer of find_events(): the first of a lane's own tables. Smaller ones are a Standing::Place.
constexpr std::size_t kOwnTable = 4;

}  // namespace

PgResult<bool> rows_may_be_hidden(Connection& connection, const PgOptions& options, const std::string& lane) {
  const auto* own = options.tables ? options.tables->find(lane) : nullptr;
  if (own != nullptr) {
    for (const TableMapping& table : own->tables) {
      auto hidden = may_hide_rows(connection, options, table);
      if (!hidden || *hidden) return hidden;
    }
    if (!own->also_events) return false;
  }
  return may_hide_rows(connection, options, {.schema = options.schema, .table = "events"});
}

PgResult<std::vector<Standing>> find_events(Connection& connection, const PgOptions& options,
                                            const std::string& agent_id, const std::string& lane,
                                            std::span<const EventPtr> events) {
  std::vector<Standing> found;
  if (events.empty()) return found;
  std::vector<Uuid> ids;
  for (const EventPtr& event : events) ids.push_back(event->id);
  const std::string schema = quote_identifier(options.schema);
  const std::string where = " WHERE id = ANY(" + uuid_array(ids) + ")";
  const LaneMapping* own = options.tables ? options.tables->find(lane) : nullptr;
  const BodyRules& rules = body_rules(options.tables.get(), lane);
  const std::string in_events = "SELECT id, 0, epoch, seq FROM " + schema + ".events" + where;
  const auto pruned_as = [&](std::size_t place) {
    return " UNION ALL SELECT id, " + std::to_string(place) + ", NULL::uuid, 1 FROM (" +
           pruned_ids_sql(connection, options.schema, agent_id, lane, uuid_array(ids)) + ") AS pruned";
  };
  // Of a table of the user's own: how many rows, and which of the tables.
  std::string sql =
      own == nullptr ? in_events + pruned_as(static_cast<std::size_t>(Standing::Place::kPruned)) : "";
  for (std::size_t i = 0; own != nullptr && i < own->tables.size(); ++i) {
    const TableMapping& table = own->tables[i];
    // The literal takes the column's own type, so that its index serves.
    const std::string column = quote_identifier(table.id_column()->name);
    sql += (i == 0 ? "SELECT " : " UNION ALL SELECT ") + column + "::text::uuid, " +
           std::to_string(kOwnTable + i) + ", NULL::uuid, pg_catalog.count(*) FROM " + table.quoted_name() +
           " WHERE " + column + " = ANY(" + id_list(ids) + ") GROUP BY 1";
  }
  if (own != nullptr && own->also_events)
    sql += " UNION ALL SELECT id, " + std::to_string(kOwnTable + own->tables.size()) +
           ", NULL::uuid, 1 FROM " + schema + ".events" + where + pruned_as(kOwnTable + own->tables.size());
  auto rows = ask(connection, options,
                  sql + " UNION ALL SELECT id, 1, epoch, seq FROM " + schema + ".dead_letters" + where +
                      " UNION ALL SELECT id, 2, NULL, NULL FROM " + schema + ".discarded" + where,
                  "comparing events by id");
  if (!rows) return fail(std::move(rows).error());
  std::map<std::pair<Uuid, std::size_t>, std::uint64_t> own_rows;
  for (const auto& row : rows->rows) {
    const Uuid id = uuid_of(row[0]);
    const auto place = static_cast<std::size_t>(number(row[1]));
    if (place >= kOwnTable) {
      own_rows[{id, place - kOwnTable}] = natural(row[3]);
    } else {
      found.push_back({id, static_cast<Standing::Place>(place), uuid_of(row[2]), natural(row[3])});
    }
  }
  if (own == nullptr) return found;
  const auto has = [&](const Uuid& id, std::size_t table) {
    const auto at = own_rows.find({id, table});
    return at == own_rows.end() ? 0 : at->second;
  };
  for (const EventPtr& event : events) {
    const Outgoing outgoing(*event, rules);
    bool whole = !own->also_events || has(event->id, own->tables.size()) > 0;
    std::uint64_t makes = own->also_events ? 1 : 0;
    for (std::size_t i = 0; whole && i < own->tables.size(); ++i) {
      const std::uint64_t expected = expected_rows(own->tables[i], outgoing);
      whole = has(event->id, i) >= expected;
      makes += expected;
    }
    if (whole)
      found.push_back({event->id, makes > 0 ? Standing::Place::kTable : Standing::Place::kNoRow, {}, 0});
  }
  return found;
}

PgResult<std::vector<std::pair<std::uint64_t, std::uint64_t>>> read_gaps(Connection& connection,
                                                                         const PgOptions& options,
                                                                         const LaneKey& key) {
  auto rows = ask(connection, options,
                  "SELECT first_seq, last_seq FROM " + quote_identifier(options.schema) +
                      ".gaps WHERE agent_id = " + connection.quote_literal(key.agent_id) + " AND epoch = '" +
                      key.epoch.to_string() + "' AND lane = " + connection.quote_literal(key.lane) +
                      " ORDER BY first_seq",
                  "reading the gaps");
  if (!rows) return fail(std::move(rows).error());
  std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;
  for (const auto& row : rows->rows) gaps.emplace_back(natural(row[0]), natural(row[1]));
  return gaps;
}

PgResult<std::vector<Gap>> read_lane_gaps(Connection& connection, const PgOptions& options,
                                          const std::string& agent_id, const std::string& lane) {
  auto rows = ask(connection, options,
                  "SELECT epoch, first_seq, last_seq FROM " + quote_identifier(options.schema) +
                      ".gaps WHERE agent_id = " + connection.quote_literal(agent_id) +
                      " AND lane = " + connection.quote_literal(lane) + " ORDER BY epoch, first_seq",
                  "reading the gaps");
  if (!rows) return fail(std::move(rows).error());
  std::vector<Gap> gaps;
  for (const auto& row : rows->rows) gaps.push_back({uuid_of(row[0]), natural(row[1]), natural(row[2])});
  return gaps;
}

PgResult<std::vector<DeadLetter>> list_dead_letters(Connection& connection, const PgOptions& options,
                                                    const std::string& agent_id, std::size_t letters_max) {
  auto rows = ask(connection, options,
                  "SELECT id, epoch, seq, octet_length(body) FROM " + quote_identifier(options.schema) +
                      ".dead_letters WHERE agent_id = " + connection.quote_literal(agent_id) +
                      " ORDER BY id DESC LIMIT " + std::to_string(letters_max),
                  "listing dead letters");
  if (!rows) return fail(std::move(rows).error());
  std::vector<DeadLetter> letters;
  for (auto row = rows->rows.rbegin(); row != rows->rows.rend(); ++row) {
    DeadLetter letter;
    letter.id = uuid_of((*row)[0]);
    letter.epoch = uuid_of((*row)[1]);
    letter.seq = natural((*row)[2]);
    letter.body_bytes = natural((*row)[3]);
    letters.push_back(std::move(letter));
  }
  return letters;
}

PgResult<std::vector<DeadLetter>> read_dead_letters(Connection& connection, const PgOptions& options,
                                                    const std::string& agent_id, std::span<const Uuid> ids) {
  auto rows =
      ask(connection, options,
          "SELECT id, epoch, seq, source, (extract(epoch FROM received_at) * 1000000)::bigint,"
          " (extract(epoch FROM failed_at) * 1000000)::bigint, sqlstate, message, encode(request, 'hex'),"
          " encode(body, 'hex') FROM " +
              quote_identifier(options.schema) + ".dead_letters WHERE agent_id = " +
              connection.quote_literal(agent_id) + " AND id = ANY(" + uuid_array(ids) + ") ORDER BY id",
          "reading dead letters");
  if (!rows) return fail(std::move(rows).error());
  std::vector<DeadLetter> letters;
  for (auto& row : rows->rows) {
    DeadLetter letter;
    letter.id = uuid_of(row[0]);
    letter.epoch = uuid_of(row[1]);
    letter.seq = natural(row[2]);
    letter.lane = row[3].value_or("");
    letter.received_at_us = number(row[4]);
    letter.failed_at_us = number(row[5]);
    letter.sqlstate = row[6].value_or("");
    letter.message = row[7].value_or("");
    letter.request = from_hex(row[8]);
    letter.body = from_hex(row[9]);
    letter.body_bytes = letter.body.size();
    letters.push_back(std::move(letter));
  }
  return letters;
}

PgResult<std::vector<Uuid>> last_buried_in_a_row(Connection& connection, const PgOptions& options,
                                                 const std::string& agent_id, const std::string& lane,
                                                 std::size_t letters_max) {
  const std::string schema = quote_identifier(options.schema);
  const std::string agent = connection.quote_literal(agent_id), source = connection.quote_literal(lane);
  auto rows = ask(connection, options,
                  "SELECT d.id, w.seq - d.seq FROM (SELECT epoch, seq FROM " + schema +
                      ".watermarks WHERE agent_id = " + agent + " AND lane = " + source +
                      " AND seq > 0 ORDER BY updated_at DESC LIMIT 1) w JOIN " + schema +
                      ".dead_letters d ON d.epoch = w.epoch AND d.seq <= w.seq AND d.seq > w.seq - " +
                      std::to_string(letters_max) + " WHERE d.agent_id = " + agent +
                      " AND d.source = " + source + " ORDER BY d.seq DESC",
                  "reading the newest dead letters");
  if (!rows) return fail(std::move(rows).error());
  std::vector<Uuid> ids;
  for (const auto& row : rows->rows) {
    if (natural(row[1]) != ids.size()) break;
    ids.push_back(uuid_of(row[0]));
  }
  return ids;
}

PgResult<std::vector<Uuid>> discard_dead_letters(Connection& connection, const PgOptions& options,
                                                 const std::string& agent_id, std::span<const Uuid> ids) {
  const std::string schema = quote_identifier(options.schema);
  // The CTE that inserts runs whether or not it is read; both are one statement, so one transaction.
  auto rows = ask(
      connection, options,
      "WITH gone AS (DELETE FROM " + schema +
          ".dead_letters WHERE agent_id = " + connection.quote_literal(agent_id) + " AND id = ANY(" +
          uuid_array(ids) + ") RETURNING id, agent_id, source), noted AS (INSERT INTO " + schema +
          ".discarded (id, agent_id, source) SELECT id, agent_id, source FROM gone ON CONFLICT DO NOTHING)"
          " SELECT id FROM gone",
      "discarding dead letters");
  if (!rows) return fail(std::move(rows).error());
  std::vector<Uuid> gone;
  for (const auto& row : rows->rows) gone.push_back(uuid_of(row[0]));
  return gone;
}

PgResult<std::uint64_t> add_watermarks(Connection& connection, const PgOptions& options,
                                       std::span<const std::pair<LaneKey, Position>> watermarks) {
  if (watermarks.empty()) return std::uint64_t{0};
  std::string values;
  for (const auto& [key, position] : watermarks) {
    values += (values.empty() ? "(" : ", (") + connection.quote_literal(key.agent_id) + ", '" +
              key.epoch.to_string() + "'::uuid, " + connection.quote_literal(key.lane) + ", " +
              std::to_string(position.seq) + ", " +
              (position.id.is_nil() ? "NULL::uuid" : "'" + position.id.to_string() + "'::uuid") + ")";
  }
  auto rows = ask(connection, options,
                  "WITH added AS (INSERT INTO " + quote_identifier(options.schema) +
                      ".watermarks (agent_id, epoch, lane, seq, event_id) VALUES " + values +
                      " ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*) FROM added",
                  "adding watermarks");
  if (!rows) return fail(std::move(rows).error());
  return natural(rows->rows.at(0).at(0));
}

}  // namespace hookspool::net

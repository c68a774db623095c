#include "net/pg/ledger/ledger.h"

#include <charconv>

#include "net/pg/tables/mapping.h"
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

}  // namespace

PgResult<bool> rows_may_be_hidden(Connection& connection, const PgOptions& options, const std::string& lane) {
  const auto* own = options.tables ? options.tables->find(lane) : nullptr;
  if (own != nullptr) return may_hide_rows(connection, options, *own);
  return may_hide_rows(connection, options, {.schema = options.schema, .table = "events"});
}

PgResult<std::vector<Standing>> find_events(Connection& connection, const PgOptions& options,
                                            const std::string& lane, std::span<const Uuid> ids) {
  std::vector<Standing> found;
  if (ids.empty()) return found;
  const std::string schema = quote_identifier(options.schema);
  const std::string where = " WHERE id = ANY(" + uuid_array(ids) + ")";
  std::string table = "SELECT id, 0, epoch, seq FROM " + schema + ".events" + where;
  if (const auto* own = options.tables ? options.tables->find(lane) : nullptr; own != nullptr) {
    // The literal takes the column's own type, so that its index serves.
    const std::string column = quote_identifier(own->id_column()->name);
    table = "SELECT " + column + "::text::uuid, 0, NULL::uuid, NULL::bigint FROM " + own->quoted_name() +
            " WHERE " + column + " = ANY(" + id_list(ids) + ")";
  }
  auto rows = ask(connection, options,
                  table + " UNION ALL SELECT id, 1, epoch, seq FROM " + schema + ".dead_letters" + where +
                      " UNION ALL SELECT id, 2, NULL, NULL FROM " + schema + ".discarded" + where,
                  "comparing events by id");
  if (!rows) return fail(std::move(rows).error());
  for (const auto& row : rows->rows) {
    found.push_back(
        {uuid_of(row[0]), static_cast<Standing::Place>(number(row[1])), uuid_of(row[2]), natural(row[3])});
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

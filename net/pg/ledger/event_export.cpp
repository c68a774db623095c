#include "net/pg/ledger/event_export.h"

#include <array>
#include <chrono>
#include <cstdio>

#include "net/pg/tables/schema.h"

namespace hookspool::net {
namespace {

// For the next row: a server that sorts first, or reads cold pages, takes a while.
constexpr std::chrono::minutes kEachRowWithin{10};

// PostgreSQL writes each value as JSON, so that a number of jsonb passes through nothing that would round it.
struct Field {
  std::string_view name, json;
};
constexpr std::array kFields{
    Field{"id", "to_json(e.id)"},
    Field{"source", "to_json(e.source)"},
    Field{"received_at",
          "to_json(to_char(e.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'))"},
    Field{"agent_id", "to_json(e.agent_id)"},
    Field{"epoch", "to_json(e.epoch)"},
    Field{"seq", "to_json(e.seq)"},
    Field{"delivery_id", "to_json(e.delivery_id)"},
    Field{"method", "to_json(e.method)"},
    Field{"path", "to_json(e.path)"},
    Field{"query", "to_json(e.query)"},
    Field{"remote_addr", "to_json(host(e.remote_addr))"},
    Field{"content_type", "to_json(e.content_type)"},
    Field{"headers", "e.headers"},
    Field{"payload", "e.payload"},
    Field{"payload_issue", "to_json(e.payload_issue)"},
    Field{"body_base64", "to_json(translate(encode(e.body, 'base64'), E'\\n', ''))"},
    Field{"feed", "to_json(e.feed)"},
    Field{"arrival", "to_json(e.arrival)"},
};

std::string select_sql(const Connection& connection, const PgOptions& options, const ExportRequest& request) {
  std::string sql;
  for (const Field& field : kFields)
    sql += (sql.empty() ? "SELECT (" : ", (") + std::string(field.json) + ")::text";
  sql += " FROM " + quote_identifier(options.schema) + ".events e WHERE true";
  const auto time = [](std::int64_t us) {
    return "timestamptz 'epoch' + " + std::to_string(us) + " * interval '1 microsecond'";
  };
  if (request.since_us) {
    // Ids grow whatever the clock did, so the time in an id is never before received_at.
    char id[64];
    std::snprintf(id, sizeof id, "%012llx00000000000000000000",
                  static_cast<unsigned long long>(*request.since_us < 0 ? 0 : *request.since_us / 1'000));
    sql += " AND e.received_at >= " + time(*request.since_us) + " AND e.id >= '" + id + "'";
  }
  if (request.until_us) sql += " AND e.received_at < " + time(*request.until_us);
  if (!request.sources.empty()) {
    std::string list;
    for (const auto& source : request.sources)
      list += (list.empty() ? "" : ", ") + connection.quote_literal(source);
    sql += " AND e.source IN (" + list + ")";
  }
  return sql + " ORDER BY e.id";
}

void append_escape(std::string& out, unsigned unit) {
  char escape[16];
  std::snprintf(escape, sizeof escape, "\\u%04x", unit);
  out += escape;
}

}  // namespace

std::string ascii_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (std::size_t at = 0; at < json.size();) {
    const auto byte = static_cast<unsigned char>(json[at]);
    if (byte < 0x7f) {
      out += json[at++];
      continue;
    }
    const std::size_t length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    unsigned point = length == 1 ? byte : byte & (0xffu >> (length + 1));
    for (std::size_t i = 1; i < length && at + i < json.size(); ++i)
      point = point << 6 | (static_cast<unsigned char>(json[at + i]) & 0x3f);
    if (point >= 0x10000) {
      append_escape(out, 0xd800 + ((point - 0x10000) >> 10));
      append_escape(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
    } else {
      append_escape(out, point);
    }
    at += length;
  }
  return out;
}

PgResult<void> export_events(Connection& connection, const PgOptions& options, const ExportRequest& request,
                             const std::function<bool(std::string_view line)>& take) {
  const auto as_line = [&](PgRows&& row) {
    std::string line;
    const auto& values = row.rows.front();
    for (std::size_t i = 0; i < kFields.size(); ++i) {
      line += (i == 0 ? "{\"" : ",\"") + std::string(kFields[i].name) + "\":";
      line += values[i] ? ascii_json(*values[i]) : std::string("null");
    }
    line += "}\n";
    return take(line);
  };
  auto done = connection.query_each(select_sql(connection, options, request), kEachRowWithin, as_line,
                                    "reading the events");
  if (!done) return fail(not_the_event(std::move(done).error()));
  return {};
}

}  // namespace hookspool::net

#include "tests/demo/tally.h"

#include <string>

namespace hookspool::demo {
namespace {

std::string bytea_literal(const std::string& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string literal = "'\\x";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    literal += kDigits[byte >> 4];
    literal += kDigits[byte & 15];
  }
  return literal + "'";
}

// jsonb keeps the value, not the white space; where the agent kept the raw bytes, those must be the same.
constexpr const char* kCount = R"(
SELECT (SELECT count(*) FROM sent),
       (SELECT count(*) FROM sent WHERE told IS NOT NULL),
       (SELECT count(*) FROM hookspool.events),
       (SELECT count(*) FROM sent WHERE told IS NOT NULL AND NOT EXISTS
         (SELECT FROM hookspool.events e WHERE e.headers->>'x-github-delivery' = sent.delivery)),
       (SELECT coalesce(sum(n - 1), 0) FROM
         (SELECT count(*) AS n FROM hookspool.events GROUP BY headers->>'x-github-delivery') AS copies),
       (SELECT count(*) FROM hookspool.events e LEFT JOIN sent ON e.headers->>'x-github-delivery' = sent.delivery
         WHERE sent.n IS NULL OR e.id <> coalesce(sent.told, e.id) OR e.headers->>'x-github-event' <> sent.event OR
           CASE WHEN e.body IS NULL THEN e.payload IS DISTINCT FROM convert_from(sent.body, 'UTF8')::jsonb
                ELSE e.body <> sent.body END),
       (SELECT count(*) FROM
         (SELECT sent.n, lag(sent.n) OVER (ORDER BY e.id) AS before FROM hookspool.events e
           JOIN sent ON e.headers->>'x-github-delivery' = sent.delivery) AS accepted WHERE before > n))";

}  // namespace

Tally count(const std::vector<Delivery>& deliveries, const std::vector<Told>& told,
            const testing::PgCluster& postgres) {
  std::string sql = "CREATE TEMP TABLE sent (n int, delivery text, event text, told uuid, body bytea);\n";
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    const bool acknowledged = told[i].outcome == testing::Outcome::kOk;
    sql += "INSERT INTO sent VALUES (" + std::to_string(i) + ", '" + deliveries[i].id + "', '" +
           deliveries[i].event + "', " + (acknowledged ? "'" + told[i].id + "'" : std::string("NULL")) +
           ", " + bytea_literal(deliveries[i].body) + ");\n";
  }
  const auto row = postgres.query(sql + kCount).at(0);
  const auto number = [&](std::size_t column) { return std::stoull(row.at(column).value_or("0")); };
  return {.sent = number(0),
          .acknowledged = number(1),
          .rows = number(2),
          .lost = number(3),
          .doubled = number(4),
          .altered = number(5),
          .disordered = number(6)};
}

}  // namespace hookspool::demo

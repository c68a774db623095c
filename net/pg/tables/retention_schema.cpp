#include "net/pg/tables/retention_schema.h"

#include <string_view>

#include "net/pg/tables/partitions_schema.h"
#include "net/pg/tables/schema.h"
#include "net/pg/tables/schema_text.h"

namespace hookspool::net {
namespace {

// Rows go in the order of their arrival, so that of each feed the numbers up to one are gone and a late row under an old id is
// there at least until the rows before it go. A row must be old by received_at, have been visible for a day at least (`settled`),
// and be done by every consumer that reads its source; one that a consumer has in failures stays. What was deleted is
// recorded in the same transaction: an event that is not in the table any more is then not taken for one that never was.
constexpr std::string_view kPrune = R"sql(
CREATE OR REPLACE FUNCTION S.prune(agent_id text, source text, keep interval, max integer DEFAULT 500, after bigint DEFAULT 0,
                                   OUT deleted bigint, OUT reached bigint, OUT held_by text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
#variable_conflict use_column
DECLARE
  feed_   record;
  mark    record;
  behind  record;
  seen    record;
  gone    record;
  last_   bigint;
BEGIN
  deleted := 0;
  IF keep IS NULL OR keep < interval '1 day' THEN
    RAISE EXCEPTION 'prune: keep must be at least a day' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF max IS NULL OR max < 1 THEN
    RAISE EXCEPTION 'prune: max must be at least 1' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT f.feed, f.arrival INTO feed_ FROM S.feeds f WHERE f.agent_id = $1 AND f.source = $2;
  IF NOT FOUND THEN RETURN; END IF;
  IF NOT EXISTS (SELECT FROM S.retention r WHERE r.feed = feed_.feed) THEN
    INSERT INTO S.retention (feed, coming) VALUES (feed_.feed, feed_.arrival) ON CONFLICT (feed) DO NOTHING;
  END IF;
  SELECT r.* INTO mark FROM S.retention r WHERE r.feed = feed_.feed FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN; END IF;                  -- another one is at it
  IF mark.coming_at <= clock_timestamp() - interval '1 day' THEN
    UPDATE S.retention r SET settled = r.coming, coming = feed_.arrival, coming_at = clock_timestamp()
     WHERE r.feed = feed_.feed RETURNING r.* INTO mark;
  END IF;
  SELECT min(n.arrival) FILTER (WHERE n.received_at >= now() - keep) AS young, max(n.arrival) AS last_, count(*) AS rows
    INTO seen
    FROM (SELECT e.arrival, e.received_at FROM S.events e
           WHERE e.feed = feed_.feed AND e.arrival > coalesce($5, 0) AND e.arrival <= mark.settled
           ORDER BY e.arrival LIMIT $4) n;
  last_ := coalesce(seen.young - 1, seen.last_);
  IF last_ IS NULL THEN RETURN; END IF;
  SELECT c.consumer, coalesce(p.arrival, 0) AS arrival INTO behind
    FROM S.consumers c LEFT JOIN S.positions p ON p.consumer = c.consumer AND p.feed = feed_.feed
   WHERE c.sources IS NULL OR $2 = ANY (c.sources) ORDER BY coalesce(p.arrival, 0), c.consumer LIMIT 1;
  IF behind.arrival < last_ THEN
    last_ := behind.arrival;
    held_by := behind.consumer;
  ELSIF seen.young IS NULL AND seen.rows = $4 THEN
    reached := last_;                                -- there may be more
  END IF;
  WITH d AS (DELETE FROM S.events e
              WHERE e.feed = feed_.feed AND e.arrival > coalesce($5, 0) AND e.arrival <= last_
                AND NOT EXISTS (SELECT FROM S.failures x WHERE x.feed = feed_.feed AND x.id = e.id)
             RETURNING e.id, e.arrival)
  SELECT count(*) AS rows, max(d.arrival) AS arrival, (array_agg(d.id ORDER BY d.id DESC))[1] AS id INTO gone FROM d;
  deleted := gone.rows;
  IF deleted > 0 THEN
    UPDATE S.retention r
       SET deleted = r.deleted + gone.rows, deleted_to = greatest(r.deleted_to, gone.arrival),
           dropped_to = greatest(r.dropped_to, gone.id), deleted_at = clock_timestamp()
     WHERE r.feed = feed_.feed;
  END IF;
END $f$;
REVOKE ALL ON FUNCTION S.prune(text, text, interval, integer, bigint) FROM PUBLIC;
)sql";

}  // namespace

std::string retention_functions_sql(const std::string& schema) {
  return with_schema(kPrune, schema) + partitions_functions_sql(schema);
}

std::string pruned_ids_sql(const Connection& connection, const std::string& schema,
                           const std::string& agent_id, const std::string& source, const std::string& ids) {
  return with_schema(
             "SELECT x.id FROM S.retention r JOIN S.feeds f ON f.feed = r.feed"
             " JOIN pg_catalog.unnest(",
             schema) +
         ids + ") AS x(id) ON x.id <= r.dropped_to WHERE f.agent_id = " + connection.quote_literal(agent_id) +
         " AND f.source = " + connection.quote_literal(source);
}

std::string prune_grant_sql(const std::string& schema, const std::string& role) {
  return with_schema("GRANT EXECUTE ON FUNCTION S.prune(text, text, interval, integer, bigint) TO ", schema) +
         quote_identifier(role) + ";\n";
}

}  // namespace hookspool::net

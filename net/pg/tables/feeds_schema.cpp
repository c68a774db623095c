#include "net/pg/tables/feeds_schema.h"

#include <string_view>

#include "net/pg/tables/schema.h"
#include "net/pg/tables/schema_text.h"

namespace hookspool::net {
namespace {

// The texts are read by with_schema(). Every function is SECURITY DEFINER with a search_path of
// its own, so that an application's role needs no right on a table; every name is qualified by S.
constexpr std::string_view kColumns = R"sql(
ALTER TABLE S.events ADD COLUMN IF NOT EXISTS feed integer, ADD COLUMN IF NOT EXISTS arrival bigint;
)sql";

constexpr std::string_view kIndex =
    "events_feed_arrival ON S.events (feed, arrival) WHERE feed IS NOT NULL;\n";

// What an older agent, whose connection outlives the migration, or an administrator inserts without a number gets one as well. After
// the row, not before it: a BEFORE trigger would make COPY insert one row at a time.
constexpr std::string_view kNumbering = R"sql(
-- A number by chance: no sequence, for those are not replicated; not the next one, for which the first delivery of a source
-- would wait for that of another, which may be waiting for a standby.
CREATE OR REPLACE FUNCTION S.make_feed(agent_id text, source text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
#variable_conflict use_column
BEGIN
  LOOP
    INSERT INTO S.feeds (feed, agent_id, source) VALUES (1 + floor(random() * 2147483646)::integer, $1, $2)
    ON CONFLICT DO NOTHING;
    EXIT WHEN EXISTS (SELECT FROM S.feeds f WHERE f.agent_id = $1 AND f.source = $2);
  END LOOP;
END $f$;

CREATE OR REPLACE FUNCTION S.number_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
DECLARE
  next record;
BEGIN
  LOOP
    UPDATE S.feeds f SET arrival = f.arrival + 1 WHERE f.agent_id = NEW.agent_id AND f.source = NEW.source
      RETURNING f.feed, f.arrival INTO next;
    EXIT WHEN FOUND;
    PERFORM S.make_feed(NEW.agent_id, NEW.source);
  END LOOP;
  UPDATE S.events e SET feed = next.feed, arrival = next.arrival WHERE e.id = NEW.id;
  RETURN NULL;
END $f$;
DROP TRIGGER IF EXISTS number_row ON S.events;
CREATE TRIGGER number_row AFTER INSERT ON S.events FOR EACH ROW WHEN (NEW.feed IS NULL) EXECUTE FUNCTION S.number_row();
)sql";

constexpr std::string_view kConsumers = R"sql(
-- Where a feed stands for 'beginning', 'now' or a time.
CREATE OR REPLACE FUNCTION S.arrival_at(feed integer, start text) RETURNS bigint
STABLE LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
#variable_conflict use_column
DECLARE
  at timestamptz;
  first_ bigint;
BEGIN
  IF start = 'beginning' THEN RETURN coalesce((SELECT r.deleted_to FROM S.retention r WHERE r.feed = $1), 0); END IF;
  IF start <> 'now' THEN
    at := start::timestamptz;
    SELECT min(e.arrival) - 1 INTO first_ FROM S.events e
     WHERE e.feed = $1 AND e.received_at >= at
       AND e.id >= (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;
    IF first_ IS NOT NULL THEN RETURN first_; END IF;
  END IF;
  RETURN (SELECT f.arrival FROM S.feeds f WHERE f.feed = $1);
END $f$;

CREATE OR REPLACE FUNCTION S.seek(consumer text, start text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
#variable_conflict use_column
BEGIN
  PERFORM FROM S.consumers c WHERE c.consumer = $1 FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no consumer %', $1 USING ERRCODE = 'no_data_found'; END IF;
  INSERT INTO S.positions (consumer, feed, arrival) SELECT $1, f.feed, S.arrival_at(f.feed, $2) FROM S.feeds f
  ON CONFLICT (consumer, feed) DO UPDATE
    SET arrival = EXCLUDED.arrival, not_before = '-infinity', taken_by = NULL, taken_from = NULL;
  DELETE FROM S.failures x WHERE x.consumer = $1 AND NOT x.skipped;
END $f$;

CREATE OR REPLACE FUNCTION S.create_consumer(consumer text, start text DEFAULT 'now', sources text[] DEFAULT NULL,
                                             max_attempts integer DEFAULT 5) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
#variable_conflict use_column
BEGIN
  PERFORM FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = 'S.events'::regclass AND c.relname = 'events_feed_arrival' AND i.indisvalid;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the events table has no index (feed, arrival) yet' USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = 'It was too large to be indexed while webhooks are delivered. hookspool doctor shows the statement that does it.';
  END IF;
  INSERT INTO S.consumers (consumer, sources, max_attempts) VALUES ($1, $3, $4) ON CONFLICT (consumer) DO NOTHING;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM S.seek($1, $2);
  RETURN true;
END $f$;

CREATE OR REPLACE FUNCTION S.drop_consumer(consumer text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
  DELETE FROM S.consumers c WHERE c.consumer = $1 $f$;
)sql";

constexpr std::string_view kConsume = R"sql(
-- The caller's COMMIT says that they are done.
CREATE OR REPLACE FUNCTION S.consume(consumer text, max integer DEFAULT 100) RETURNS SETOF S.events
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
#variable_conflict use_column
DECLARE
  picked record;
  last_  bigint;   -- number of what is taken
  there  bigint;   -- how many rows that is
  given  bigint;
BEGIN
  IF max IS NULL OR max < 1 THEN
    RAISE EXCEPTION 'consume: max must be at least 1' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  LOOP
    -- A feed with something new that no other worker has; of several the one that was served longest ago.
    SELECT p.feed, p.arrival, p.not_before, f.arrival AS head INTO picked
      FROM S.positions p JOIN S.feeds f USING (feed) JOIN S.consumers c USING (consumer)
     WHERE p.consumer = $1 AND f.arrival > p.arrival AND p.not_before <= clock_timestamp()
       AND (c.sources IS NULL OR f.source = ANY (c.sources))
     ORDER BY p.served_at, p.feed LIMIT 1 FOR UPDATE OF p SKIP LOCKED;
    IF NOT FOUND THEN
      -- A feed that came after the consumer was made begins at its beginning.
      SELECT f.feed INTO picked FROM S.feeds f
       WHERE NOT EXISTS (SELECT FROM S.positions p WHERE p.consumer = $1 AND p.feed = f.feed)
         AND EXISTS (SELECT FROM S.consumers c WHERE c.consumer = $1
                        AND (c.sources IS NULL OR f.source = ANY (c.sources)))
         AND pg_try_advisory_xact_lock(hashtext('hookspool.positions ' || $1), f.feed) LIMIT 1;
      IF NOT FOUND THEN
        PERFORM FROM S.consumers c WHERE c.consumer = $1;
        IF NOT FOUND THEN RAISE EXCEPTION 'there is no consumer %', $1 USING ERRCODE = 'no_data_found'; END IF;
        RETURN;
      END IF;
      INSERT INTO S.positions (consumer, feed, arrival) VALUES ($1, picked.feed, 0) ON CONFLICT DO NOTHING;
      CONTINUE;
    END IF;
    SELECT max(n.arrival), count(*) INTO last_, there
      FROM (SELECT e.arrival FROM S.events e WHERE e.feed = picked.feed AND e.arrival > picked.arrival
             ORDER BY e.arrival LIMIT $2) n;
    IF there = 0 THEN last_ := picked.head; END IF;   -- the rows have been deleted
    IF picked.not_before > '-infinity' THEN           -- what has failed before and is done now is forgotten
      DELETE FROM S.failures x
       WHERE x.consumer = $1 AND x.feed = picked.feed AND x.arrival <= picked.arrival AND NOT x.skipped;
    END IF;
    UPDATE S.positions p
       SET arrival = last_, served_at = clock_timestamp(), lost = p.lost + (last_ - picked.arrival - there),
           taken_from = CASE WHEN p.taken_by = pg_current_xact_id() THEN p.taken_from ELSE picked.arrival END,
           taken_by = pg_current_xact_id()
     WHERE p.consumer = $1 AND p.feed = picked.feed;
    RETURN QUERY
      SELECT e.* FROM S.events e
       WHERE e.feed = picked.feed AND e.arrival > picked.arrival AND e.arrival <= last_
         AND NOT EXISTS (SELECT FROM S.failures x WHERE x.consumer = $1 AND x.id = e.id AND x.skipped)
       ORDER BY e.arrival;
    GET DIAGNOSTICS given = ROW_COUNT;
    IF given > 0 THEN RETURN; END IF;
  END LOOP;
END $f$;
)sql";

constexpr std::string_view kFailures = R"sql(
-- In the transaction that took the event: what comes after it in its feed is put back, and it is tried again later. After
-- a ROLLBACK: the same, in a transaction of its own.
CREATE OR REPLACE FUNCTION S.failed(consumer text, id uuid, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
#variable_conflict use_column
DECLARE
  event record;
  position_ record;
  attempt integer;
  attempts_max integer;
BEGIN
  SELECT c.max_attempts INTO attempts_max FROM S.consumers c WHERE c.consumer = $1;
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no consumer %', $1 USING ERRCODE = 'no_data_found'; END IF;
  SELECT e.feed, e.arrival INTO event FROM S.events e WHERE e.id = $2 AND e.feed IS NOT NULL;
  IF NOT FOUND THEN RAISE EXCEPTION 'there is no event %', $2 USING ERRCODE = 'no_data_found'; END IF;
  SELECT p.* INTO position_ FROM S.positions p WHERE p.consumer = $1 AND p.feed = event.feed FOR UPDATE;
  IF position_.arrival >= event.arrival
     AND (position_.taken_by IS DISTINCT FROM pg_current_xact_id() OR position_.taken_from >= event.arrival) THEN
    RETURN false;  -- done already, by another transaction: nothing to put back
  END IF;
  INSERT INTO S.failures AS x (consumer, id, feed, arrival, attempts, skipped, reason)
  VALUES ($1, $2, event.feed, event.arrival, 1, attempts_max <= 1, left($3, 10000))
  ON CONFLICT (consumer, id) DO UPDATE
    SET attempts = x.attempts + 1, skipped = x.attempts + 1 >= attempts_max, reason = EXCLUDED.reason,
        failed_at = clock_timestamp()
  RETURNING attempts INTO attempt;
  IF attempt >= attempts_max THEN RETURN true; END IF;
  UPDATE S.positions p
     SET arrival = least(p.arrival, event.arrival - 1),
         not_before = clock_timestamp() + least(interval '5 minutes', interval '1 second' * 2 ^ least(attempt - 1, 20))
   WHERE p.consumer = $1 AND p.feed = event.feed;
  RETURN false;
END $f$;

CREATE OR REPLACE FUNCTION S.skip(consumer text, id uuid, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
#variable_conflict use_column
BEGIN
  INSERT INTO S.failures AS x (consumer, id, feed, arrival, attempts, skipped, reason)
  SELECT $1, e.id, e.feed, e.arrival, 0, true, left($3, 10000) FROM S.events e
    JOIN S.positions p ON p.consumer = $1 AND p.feed = e.feed
   WHERE e.id = $2 AND (p.arrival < e.arrival OR (p.taken_by = pg_current_xact_id() AND p.taken_from < e.arrival))
  ON CONFLICT (consumer, id) DO UPDATE SET skipped = true, reason = EXCLUDED.reason, failed_at = clock_timestamp();
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event % is not there, or consumer % has done it', $2, $1 USING ERRCODE = 'no_data_found';
  END IF;
  UPDATE S.positions p SET not_before = '-infinity' FROM S.events e
   WHERE e.id = $2 AND p.consumer = $1 AND p.feed = e.feed AND p.not_before > clock_timestamp();
END $f$;

CREATE OR REPLACE FUNCTION S.retry(consumer text, id uuid) RETURNS SETOF S.events
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $f$
  WITH taken AS (DELETE FROM S.failures x USING S.positions p
                  WHERE x.consumer = $1 AND x.id = $2 AND x.skipped
                    AND p.consumer = x.consumer AND p.feed = x.feed AND p.arrival >= x.arrival RETURNING x.id)
  SELECT e.* FROM S.events e JOIN taken USING (id) $f$;
)sql";

constexpr std::string_view kViews = R"sql(
CREATE OR REPLACE VIEW S.consumer_lag AS
SELECT c.consumer, f.source, f.agent_id, f.feed, coalesce(p.arrival, 0) AS arrival,
       f.arrival - coalesce(p.arrival, 0) AS waiting,
       (SELECT e.received_at FROM S.events e WHERE e.feed = f.feed AND e.arrival > coalesce(p.arrival, 0)
         ORDER BY e.arrival LIMIT 1) AS oldest,
       coalesce(p.lost, 0) AS lost, nullif(p.not_before, '-infinity') AS not_before,
       (SELECT count(*) FROM S.failures x WHERE x.consumer = c.consumer AND x.feed = f.feed AND x.skipped) AS skipped
  FROM S.consumers c JOIN S.feeds f ON c.sources IS NULL OR f.source = ANY (c.sources)
  LEFT JOIN S.positions p ON p.consumer = c.consumer AND p.feed = f.feed;

CREATE OR REPLACE VIEW S.overview AS
SELECT w.lane AS source, w.agent_id AS agent,
       f.arrival - coalesce((SELECT r.deleted FROM S.retention r WHERE r.feed = f.feed), 0) AS rows_in_events, w.delivered_at,
       (SELECT e.received_at FROM S.events e WHERE e.feed = f.feed AND e.arrival = f.arrival) AS newest_received_at,
       (SELECT count(*) FROM S.dead_letters d WHERE d.agent_id = w.agent_id AND d.source = w.lane) AS dead_letters,
       (SELECT coalesce(sum(g.last_seq - g.first_seq + 1), 0) FROM S.gaps g
         WHERE g.agent_id = w.agent_id AND g.lane = w.lane) AS lost_on_disk,
       (SELECT string_agg(format('%s: %s waiting, %s skipped', l.consumer, l.waiting, l.skipped), E'\n' ORDER BY l.consumer)
          FROM S.consumer_lag l WHERE l.feed = f.feed) AS consumers
  FROM (SELECT agent_id, lane, max(updated_at) AS delivered_at FROM S.watermarks GROUP BY agent_id, lane) w
  LEFT JOIN S.feeds f ON f.agent_id = w.agent_id AND f.source = w.lane
 ORDER BY w.lane, w.agent_id;
)sql";

constexpr std::string_view kClosed = R"sql(
REVOKE ALL ON FUNCTION S.make_feed(text, text), S.number_row(), S.arrival_at(integer, text), S.seek(text, text),
  S.create_consumer(text, text, text[], integer), S.drop_consumer(text), S.consume(text, integer),
  S.failed(text, uuid, text), S.skip(text, uuid, text), S.retry(text, uuid) FROM PUBLIC;
)sql";

}  // namespace

std::string feeds_columns_sql(const std::string& schema) {
  return with_schema(kColumns, schema);
}

std::string feeds_index_sql(const std::string& schema) {
  return with_schema("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS " + std::string(kIndex), schema);
}

std::string feeds_functions_sql(const std::string& schema) {
  // A partitioned table has its index, which is not unique, from partition_events().
  const std::string index =
      "DO $f$ BEGIN IF (SELECT c.relkind FROM pg_catalog.pg_class c WHERE c.oid = "
      "'S.events'::pg_catalog.regclass) = 'r' AND "
      "pg_catalog.pg_relation_size('S.events') <= " +
      std::to_string(kEventsIndexedAtOnceBytesMax) + " THEN\n  CREATE UNIQUE INDEX IF NOT EXISTS " +
      std::string(kIndex) + "END IF; END $f$;\n";
  std::string sql;
  for (const std::string_view part :
       {std::string_view(index), kNumbering, kConsumers, kConsume, kFailures, kViews, kClosed}) {
    sql += with_schema(part, schema);
  }
  return sql;
}

std::string feeds_grants_sql(const std::string& schema, const std::string& role) {
  const std::string to = " TO " + quote_identifier(role) + ";\n";
  return with_schema("GRANT EXECUTE ON FUNCTION S.make_feed(text, text)", schema) + to +
         with_schema("GRANT SELECT ON S.consumer_lag, S.overview", schema) + to;
}

}  // namespace hookspool::net

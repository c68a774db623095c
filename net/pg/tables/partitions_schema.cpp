#include "net/pg/tables/partitions_schema.h"

#include <string_view>

#include "net/pg/tables/schema_text.h"

namespace hookspool::net {
namespace {

// Names that are made at run time are built by format() from the table's own schema, never written into the text.
constexpr std::string_view kHelpers = R"sql(
CREATE OR REPLACE FUNCTION S.id_at(at timestamptz) RETURNS uuid
IMMUTABLE STRICT LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $f$
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $f$;

-- The lowest and the highest partition have no bound on one side: a row always has a place, whatever its id. `upto` is NULL of
-- the highest one, `low` of the lowest.
CREATE OR REPLACE FUNCTION S.event_partitions(OUT part regclass, OUT name text, OUT low uuid, OUT upto uuid)
RETURNS SETOF record STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $f$
  SELECT c.oid::regclass, c.relname::text,
         (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([0-9a-f-]+)''\)'))[1]::uuid,
         (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''([0-9a-f-]+)''\)'))[1]::uuid
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   WHERE i.inhparent = 'S.events'::regclass ORDER BY 3 NULLS FIRST $f$;
)sql";

constexpr std::string_view kMake = R"sql(
-- Weeks from the end of the last one on, so that there are `ahead` of them. Where it is not called nothing fails: events_far
-- takes the rows, and they are moved here.
CREATE OR REPLACE FUNCTION S.make_partitions(ahead integer DEFAULT 13) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '300ms' AS $f$
DECLARE
  here   text;
  far    record;
  from_  timestamptz;
  until  timestamptz := date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + (ahead + 1) * interval '7 days';
  made   integer := 0;
  week   text;
BEGIN
  IF ahead IS NULL OR ahead NOT BETWEEN 1 AND 520 THEN
    RAISE EXCEPTION 'make_partitions: ahead must be 1 to 520 weeks' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  LOCK TABLE S.events IN SHARE UPDATE EXCLUSIVE MODE;    -- one at a time
  SELECT c.relnamespace::regnamespace::text INTO here FROM pg_class c WHERE c.oid = 'S.events'::regclass;
  SELECT p.* INTO far FROM S.event_partitions() p WHERE p.upto IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the events table is not partitioned' USING ERRCODE = 'object_not_in_prerequisite_state',
      HINT = 'partition_events() does that.';
  END IF;
  from_ := to_timestamp(('x' || left(replace(far.low::text, '-', ''), 12))::bit(48)::bigint / 1000.0);
  IF from_ >= until THEN RETURN 0; END IF;
  EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', 'S.events'::regclass, far.part);
  WHILE from_ < until LOOP
    week := 'events_' || to_char(from_ AT TIME ZONE 'UTC', 'IYYY_"w"IW');
    EXECUTE format('CREATE TABLE %s.%I (LIKE %s INCLUDING ALL)', here, week, 'S.events'::regclass);
    EXECUTE format('WITH moved AS (DELETE FROM %1$s WHERE id >= %2$L AND id < %3$L RETURNING *) INSERT INTO %4$s.%5$I SELECT * FROM moved',
                   far.part, S.id_at(from_), S.id_at(from_ + interval '7 days'), here, week);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s.%I FOR VALUES FROM (%L) TO (%L)',
                   'S.events'::regclass, here, week, S.id_at(from_), S.id_at(from_ + interval '7 days'));
    EXECUTE format('COMMENT ON TABLE %s.%I IS %L', here, week, 'Rows of events that were accepted from ' ||
                   to_char(from_ AT TIME ZONE 'UTC', 'YYYY-MM-DD') || ' on, for a week (UTC).');
    from_ := from_ + interval '7 days';
    made := made + 1;
  END LOOP;
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (MAXVALUE)',
                 'S.events'::regclass, far.part, S.id_at(from_));
  RETURN made;
END $f$;
)sql";

// Counted without a lock that writers would wait for; what came in meanwhile is looked for under it, by the feeds' counters.
constexpr std::string_view kDrop = R"sql(
-- The lowest week, if its end is older than `keep` and every consumer has read it. Its range goes to events_before, so that
-- a late row still has a place; so do rows that a consumer has in failures. One week a call; NULL: there is none.
CREATE OR REPLACE FUNCTION S.drop_week(keep interval, force boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '300ms' AS $f$
DECLARE
  here   text;
  week   record;
  before regclass;
  heads  jsonb;
  found_ jsonb;
  unread text;
  late   boolean;
BEGIN
  IF keep IS NULL OR keep < interval '1 day' THEN
    RAISE EXCEPTION 'drop_week: keep must be at least a day' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  LOCK TABLE S.events IN SHARE UPDATE EXCLUSIVE MODE;    -- one at a time
  SELECT c.relnamespace::regnamespace::text INTO here FROM pg_class c WHERE c.oid = 'S.events'::regclass;
  SELECT p.part INTO before FROM S.event_partitions() p WHERE p.low IS NULL AND p.name = 'events_before';
  SELECT p.* INTO week FROM S.event_partitions() p
   WHERE p.upto IS NOT NULL AND (before IS NULL OR p.part <> before) ORDER BY p.upto LIMIT 1;
  IF NOT FOUND OR week.upto > S.id_at(now() - keep) THEN RETURN NULL; END IF;
  SELECT coalesce(jsonb_object_agg(f.feed, f.arrival), '{}') INTO heads FROM S.feeds f;
  EXECUTE format('SELECT coalesce(jsonb_object_agg(feed, jsonb_build_array(rows, top)), ''{}'') FROM
    (SELECT e.feed, count(*) FILTER (WHERE x.id IS NULL) AS rows, max(e.arrival) AS top
       FROM %s e LEFT JOIN (SELECT DISTINCT id FROM %s.failures) x ON x.id = e.id
      WHERE e.feed IS NOT NULL GROUP BY e.feed) n', week.part, here) INTO found_;
  IF NOT force THEN
    SELECT string_agg(DISTINCT c.consumer, ', ') INTO unread
      FROM jsonb_each(found_) n JOIN S.feeds f ON f.feed = n.key::integer
      JOIN S.consumers c ON c.sources IS NULL OR f.source = ANY (c.sources)
      LEFT JOIN S.positions p ON p.consumer = c.consumer AND p.feed = f.feed
     WHERE (n.value ->> 1)::bigint > coalesce(p.arrival, 0);
    IF unread IS NOT NULL THEN
      RAISE EXCEPTION '% has rows that have not been read by %', week.name, unread USING ERRCODE = 'object_in_use',
        HINT = 'The view consumer_lag says how far each consumer is.';
    END IF;
  END IF;
  IF before IS NULL THEN
    EXECUTE format('CREATE TABLE %s.events_before (LIKE %s INCLUDING ALL)', here, 'S.events'::regclass);
    EXECUTE format('COMMENT ON TABLE %s.events_before IS %L', here, 'Rows of events that came late, into weeks that are dropped.');
    before := format('%s.events_before', here)::regclass;
  ELSE
    EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', 'S.events'::regclass, before);
  END IF;
  EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', 'S.events'::regclass, week.part);
  EXECUTE format('SELECT EXISTS (SELECT FROM %s.feeds f WHERE EXISTS (SELECT FROM %s e
    WHERE e.feed = f.feed AND e.arrival > coalesce(($1 ->> f.feed::text)::bigint, 0)))', here, week.part) INTO late USING heads;
  IF late THEN
    RAISE EXCEPTION 'rows came into % meanwhile', week.name USING ERRCODE = 'object_in_use', HINT = 'Call drop_week() again.';
  END IF;
  EXECUTE format('INSERT INTO %s SELECT e.* FROM %s e WHERE EXISTS (SELECT FROM %s.failures x WHERE x.id = e.id)',
                 before, week.part, here);
  INSERT INTO S.retention AS r (feed, coming, deleted, dropped_to, deleted_at)
  SELECT f.feed, f.arrival, (n.value ->> 0)::bigint, week.upto, clock_timestamp()
    FROM jsonb_each(found_) n JOIN S.feeds f ON f.feed = n.key::integer
  ON CONFLICT (feed) DO UPDATE
    SET deleted = r.deleted + EXCLUDED.deleted, dropped_to = greatest(r.dropped_to, EXCLUDED.dropped_to),
        deleted_at = EXCLUDED.deleted_at;
  EXECUTE format('DROP TABLE %s', week.part);
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (MINVALUE) TO (%L)', 'S.events'::regclass, before, week.upto);
  -- A week is no run of numbers: a late row in it has a higher one than rows that stay.
  UPDATE S.retention r
     SET deleted_to = greatest(r.deleted_to, coalesce((SELECT e.arrival - 1 FROM S.events e WHERE e.feed = r.feed
           AND NOT EXISTS (SELECT FROM S.failures x WHERE x.id = e.id) ORDER BY e.arrival LIMIT 1), f.arrival))
    FROM S.feeds f WHERE f.feed = r.feed AND found_ ? f.feed::text;
  RETURN week.name;
END $f$;
)sql";

// The old table becomes the lowest partition as it is, so no row is copied. Views and functions that return rows follow a table,
// not its name, so ours are made again; whatever else hangs on the table is refused before anything is changed.
constexpr std::string_view kRefusals = R"sql(
-- What else hangs on the events table, which would stay with its first part; NULL: nothing does.
CREATE OR REPLACE FUNCTION S.bound_to_events() RETURNS text
STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $f$
  WITH e AS (SELECT c.oid, c.reltype, c.relnamespace FROM pg_class c WHERE c.oid = 'S.events'::regclass)
  SELECT string_agg(DISTINCT x.what, ', ') FROM (
    SELECT 'view ' || r.ev_class::regclass AS what FROM e JOIN pg_depend d ON d.refobjid = e.oid
      JOIN pg_rewrite r ON r.oid = d.objid
     WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
       AND r.ev_class NOT IN ('S.consumer_lag'::regclass, 'S.overview'::regclass, e.oid)
    UNION ALL SELECT 'function ' || p.oid::regprocedure FROM e JOIN pg_proc p ON p.prorettype = e.reltype
     WHERE p.pronamespace <> e.relnamespace
    UNION ALL SELECT 'foreign key ' || k.conname FROM e JOIN pg_constraint k ON e.oid IN (k.conrelid, k.confrelid)
     WHERE k.contype = 'f'
    UNION ALL SELECT 'trigger ' || t.tgname FROM e JOIN pg_trigger t ON t.tgrelid = e.oid
     WHERE NOT t.tgisinternal AND t.tgname <> 'number_row'
    UNION ALL SELECT 'policy ' || l.polname FROM e JOIN pg_policy l ON l.polrelid = e.oid
    UNION ALL SELECT 'publication ' || b.pubname FROM e JOIN pg_publication_rel r ON r.prrelid = e.oid
      JOIN pg_publication b ON b.oid = r.prpubid
    UNION ALL SELECT 'unique index ' || i.indexrelid::regclass FROM e JOIN pg_index i ON i.indrelid = e.oid
      JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indisunique AND c.relname NOT IN ('events_pkey', 'events_feed_arrival')) x $f$;

-- The rights on what is made again, as they were. `kind` as in GRANT ... ON kind.
CREATE OR REPLACE FUNCTION S.grants_again(kind text, what text, acl aclitem[]) RETURNS text
STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $f$
  SELECT format('REVOKE ALL ON %s %s FROM PUBLIC; ', kind, what) ||
         coalesce(string_agg(format('GRANT %s ON %s %s TO %s%s; ', a.privilege_type, kind, what,
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
           CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), ''), '') FROM aclexplode(acl) a $f$;
)sql";

constexpr std::string_view kPartition = R"sql(
CREATE OR REPLACE FUNCTION S.partition_events() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s'
SET client_min_messages = 'warning' AS $f$
DECLARE
  old     record;
  upto    uuid;
  ready   boolean;
  bound   text;
  item    record;
  indexes text := '';
  again   text := '';
BEGIN
  SELECT c.relnamespace::regnamespace::text AS home, c.relkind::text AS kind, c.relowner::regrole::text AS owner, c.reltype, c.oid,
         coalesce(c.relacl, acldefault('r', c.relowner)) AS acl, obj_description(c.oid, 'pg_class') AS comment
    INTO old FROM pg_class c WHERE c.oid = 'S.events'::regclass;
  IF old.kind = 'p' THEN RETURN S.make_partitions(); END IF;
  IF old.kind <> 'r' THEN RAISE EXCEPTION 'events is not a table' USING ERRCODE = 'wrong_object_type'; END IF;
  bound := S.bound_to_events();
  IF bound IS NOT NULL THEN
    RAISE EXCEPTION 'on the events table there is: %', bound USING ERRCODE = 'dependent_objects_still_exist',
      HINT = 'It would stay with the first part of the table. Drop it, partition, and make it again.';
  END IF;
  SELECT (regexp_match(pg_get_constraintdef(k.oid), 'id < ''([0-9a-f-]+)'''))[1]::uuid INTO upto
    FROM pg_constraint k WHERE k.conrelid = old.oid AND k.conname = 'events_upto' AND k.convalidated;
  SELECT upto > S.id_at(now()) AND count(*) > 0 INTO ready FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
   WHERE i.indrelid = old.oid AND c.relname = 'events_start_feed_arrival' AND i.indisvalid;
  IF ready IS NOT TRUE THEN
    upto := S.id_at(date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + interval '35 days');
    IF pg_relation_size(old.oid) > @LARGE@ THEN
      RAISE EXCEPTION 'the events table is too large to be partitioned while writers wait' USING
        ERRCODE = 'object_not_in_prerequisite_state',
        HINT = format(E'Run these one by one, which hold nothing up, and then this function within four weeks, for the constraint '
          'refuses later rows:\nCREATE INDEX CONCURRENTLY events_start_feed_arrival ON %1$s.events (feed, arrival) WHERE feed IS NOT NULL;\n'
          'ALTER TABLE %1$s.events ADD CONSTRAINT events_upto CHECK (id < %2$L) NOT VALID;\n'
          'ALTER TABLE %1$s.events VALIDATE CONSTRAINT events_upto;', old.home, upto);
    END IF;
  END IF;
  LOCK TABLE S.events IN ACCESS EXCLUSIVE MODE;

  -- What is to be made again, by its text, while the names still mean the old table.
  FOR item IN SELECT p.oid::regprocedure::text AS sig, pg_get_functiondef(p.oid) AS def, p.proowner::regrole::text AS owner,
                     coalesce(p.proacl, acldefault('f', p.proowner)) AS acl, obj_description(p.oid, 'pg_proc') AS comment
                FROM pg_proc p WHERE p.prorettype = old.reltype LOOP
    again := again || item.def || format(E';\nALTER FUNCTION %1$s OWNER TO %2$s; COMMENT ON FUNCTION %1$s IS %3$L; ',
               item.sig, item.owner, item.comment) || S.grants_again('FUNCTION', item.sig, item.acl);
    EXECUTE 'DROP FUNCTION ' || item.sig;
  END LOOP;
  FOR item IN SELECT c.oid::regclass::text AS name, pg_get_viewdef(c.oid) AS def, c.relowner::regrole::text AS owner,
                     coalesce(c.relacl, acldefault('r', c.relowner)) AS acl, obj_description(c.oid, 'pg_class') AS comment,
                     (SELECT string_agg(format('COMMENT ON COLUMN %s.%I IS %L; ', c.oid::regclass, a.attname,
                                               col_description(c.oid, a.attnum)), '')
                        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) AS columns
                FROM unnest(ARRAY['S.consumer_lag', 'S.overview']) WITH ORDINALITY v(name, n)
                JOIN pg_class c ON c.oid = v.name::regclass ORDER BY v.n LOOP
    again := again || format(E'CREATE VIEW %1$s AS %2$s\nALTER VIEW %1$s OWNER TO %3$s; COMMENT ON VIEW %1$s IS %4$L; ',
               item.name, item.def, item.owner, item.comment) || item.columns || S.grants_again('TABLE', item.name, item.acl);
  END LOOP;
  DROP VIEW S.overview, S.consumer_lag;
  DROP TRIGGER number_row ON S.events;
  FOR item IN SELECT c.relname::text AS name, pg_get_indexdef(c.oid) AS def FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
               WHERE i.indrelid = old.oid
                 AND c.relname NOT IN ('events_pkey', 'events_feed_arrival', 'events_start_feed_arrival') LOOP
    indexes := indexes || item.def || '; ';
    EXECUTE format('ALTER INDEX %s.%I RENAME TO %I', old.home, item.name, left(item.name, 57) || '_start');
  END LOOP;

  ALTER TABLE S.events RENAME TO events_start;
  ALTER TABLE S.events_start RENAME CONSTRAINT events_pkey TO events_start_pkey;
  DROP INDEX IF EXISTS S.events_feed_arrival;
  CREATE INDEX IF NOT EXISTS events_start_feed_arrival ON S.events_start (feed, arrival) WHERE feed IS NOT NULL;
  CREATE TABLE S.events (LIKE S.events_start INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (id);
  ALTER TABLE S.events DROP CONSTRAINT IF EXISTS events_upto;
  ALTER TABLE S.events ADD CONSTRAINT events_pkey PRIMARY KEY (id);
  CREATE INDEX events_feed_arrival ON S.events (feed, arrival) WHERE feed IS NOT NULL;
  EXECUTE format('ALTER TABLE %1$s.events ATTACH PARTITION %1$s.events_start FOR VALUES FROM (MINVALUE) TO (%2$L)', old.home, upto);
  ALTER TABLE S.events_start DROP CONSTRAINT IF EXISTS events_upto;
  CREATE TABLE S.events_far (LIKE S.events INCLUDING ALL);
  EXECUTE format('ALTER TABLE %1$s.events ATTACH PARTITION %1$s.events_far FOR VALUES FROM (%2$L) TO (MAXVALUE)', old.home, upto);
  CREATE TRIGGER number_row AFTER INSERT ON S.events FOR EACH ROW WHEN (NEW.feed IS NULL) EXECUTE FUNCTION S.number_row();
  COMMENT ON TABLE S.events_start IS 'Rows of events from before it was partitioned, and of the weeks after that.';
  COMMENT ON TABLE S.events_far IS 'Rows of events that are younger than the last week that make_partitions() has made.';
  EXECUTE format('COMMENT ON TABLE %s.events IS %L; ', old.home, old.comment) ||
          S.grants_again('TABLE', old.home || '.events', old.acl) ||
          format('ALTER TABLE %1$s.events OWNER TO %2$s; ALTER TABLE %1$s.events_far OWNER TO %2$s', old.home, old.owner);
  EXECUTE indexes || again;
  RETURN S.make_partitions();
END $f$;
)sql";

constexpr std::string_view kClosed = R"sql(
REVOKE ALL ON FUNCTION S.id_at(timestamptz), S.event_partitions(), S.make_partitions(integer), S.drop_week(interval, boolean),
  S.bound_to_events(), S.grants_again(text, text, aclitem[]), S.partition_events() FROM PUBLIC;
)sql";

}  // namespace

std::string partitions_functions_sql(const std::string& schema) {
  std::string sql;
  for (const std::string_view part : {kHelpers, kMake, kDrop, kRefusals, kPartition, kClosed})
    sql += with_schema(part, schema);
  const std::string_view place = "@LARGE@";
  sql.replace(sql.find(place), place.size(), std::to_string(kPartitionedAtOnceBytesMax));
  return sql;
}

}  // namespace hookspool::net

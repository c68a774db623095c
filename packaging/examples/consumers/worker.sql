-- Plain SQL, where that is all there is to do: one step. Again and again, once a second:
--   while psql -q -v ON_ERROR_STOP=1 -f worker.sql; do sleep 1; done
BEGIN;
-- All rows of consume() are used: what a WHERE around it left out would be done and gone.
INSERT INTO payments (event, worker, amount)
SELECT id, 'sql', coalesce((payload ->> 'amount')::numeric, 0)
  FROM hookspool.consume('sql', 1000);
COMMIT;

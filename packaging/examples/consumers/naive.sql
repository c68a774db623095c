-- What goes wrong without consume(): a cursor of one's own by the last id. It looks right until a row comes late: a dead letter
-- that is put back, a lane that was held, a second agent. Its id is lower than :last, and this never sees it.
--   psql -qAt -v last=... -f naive.sql
SELECT id FROM hookspool.events WHERE id > :'last' ORDER BY id LIMIT 1000;

rows() { sudo -u postgres psql -qAt -d app -c "SELECT count(*) || ' ' || count(DISTINCT payload ->> 'order') FROM hookspool.events"; }
there() { is "$(rows)" "$1 $1"; }
wait_until 60 there 1
# PostgreSQL is restarted behind it, and PgBouncer itself: nothing is lost or doubled.
systemctl restart postgresql
curl -fsS -d '{"order":2}' http://127.0.0.1:8080/hooks/shop
systemctl restart pgbouncer
curl -fsS -d '{"order":3}' http://127.0.0.1:8080/hooks/shop
hookspool retry
wait_until 90 there 3
is "$(sudo -u postgres psql -qAt -d app -c 'SELECT count(*) FROM hookspool.dead_letters')" 0

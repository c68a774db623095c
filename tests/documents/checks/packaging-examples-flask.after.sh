# Each message once, each with its reply.
rows() { psql -qAt "$DATABASE_URL" -c "SELECT count(DISTINCT message) || ' ' || count(*) || ' ' || count(reply) FROM conversations"; }
all_there() { is "$(rows)" '3 3 3'; }
wait_until 60 all_there
sudo -u _hookspool hookspool status | grep online
kill "$(cat /tmp/before.pid)"

rows() { sudo -u postgres psql -qAt -d app -c "SELECT count(*) || ' ' || count(DISTINCT (source, payload ->> 'number')) FROM hookspool.events"; }
there() { is "$(rows)" "$1 $1"; }
wait_until 60 there 10
# A source is one agent's.
is "$(sudo -u postgres psql -qAt -d app -c 'SELECT max(agents) FROM (SELECT count(DISTINCT agent_id) agents FROM hookspool.events GROUP BY source) per')" 1
# The agent of one source is killed: another takes it, none is refused once HAProxy has seen it, none is lost.
name=$(sudo -u postgres psql -qAt -d app -c "SELECT agent_id FROM hookspool.events WHERE source = 'shop' LIMIT 1")
kill -9 "$(cat "/var/lib/hookspool-$name/journal/lock")"
taken() { curl -fsS -d '{"number":6}' http://127.0.0.1:8080/hooks/shop; }
wait_until 60 taken
wait_until 60 there 11
is "$(sudo -u postgres psql -qAt -d app -c "SELECT count(DISTINCT agent_id) FROM hookspool.events WHERE source = 'shop'")" 2
# No two agents on one journal.
if sudo -u _hookspool hookspool run --config <(sed 's/8091/8291/; s/8191/8391/' /etc/hookspool/edge-1.toml) 2>/tmp/second; then false; fi
is "$(sudo -u postgres psql -qAt -d app -c "SELECT count(*) FROM hookspool.dead_letters")" 0

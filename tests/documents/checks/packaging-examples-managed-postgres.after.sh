rows() { sudo -u postgres psql -qAt -d app -c 'SELECT count(*) FROM hookspool.events'; }
wait_until 60 all_delivered
is "$(rows)" 1
owner=$(sudo -u postgres psql -qAt -d app -c "SELECT tableowner FROM pg_tables WHERE schemaname = 'hookspool' AND tablename = 'events'")
is "$owner" app_owner
drop=$(psql 'postgresql://hookspool_agent:not-a-secret-3@db.example.com/app?sslmode=require' -c 'DROP TABLE hookspool.events' 2>&1 || true)
[[ $drop == *'must be owner'* ]]
# Another server under that name gets nothing, and nothing is lost.
serves /tmp/impostor
curl -fsS -d '{"order":2}' http://127.0.0.1:8080/hooks/shop
hookspool retry
refused() { hookspool status | grep -i certificate; }
wait_until 60 refused
is "$(rows)" 1
serves /tmp/provider
hookspool retry
wait_until 60 all_delivered
is "$(rows)" 2
# A new password, as the last paragraph says.
echo 'db.example.com:5432:app:hookspool_agent:not-a-secret-4' >/etc/hookspool/pgpass
sudo -u postgres psql -qc "ALTER ROLE hookspool_agent PASSWORD 'not-a-secret-4'"
systemctl restart hookspool
curl -fsS -d '{"order":3}' http://127.0.0.1:8080/hooks/shop
wait_until 60 all_delivered
is "$(rows)" 3

# The old machine, with two events in PostgreSQL and three that wait.
systemctl start postgresql
sudo -u postgres psql -q -c 'CREATE ROLE _hookspool LOGIN' -c 'CREATE DATABASE app OWNER _hookspool'
service_config <<'END'
[postgres]
conninfo = "host=/var/run/postgresql dbname=app user=_hookspool"
[sources.shop]
dedupe = "/order"
END
systemctl start hookspool.socket hookspool.service
for order in 1 2; do curl -fsS -d "{\"order\":\"$order\"}" http://127.0.0.1:8080/hooks/shop; done
wait_until 60 all_delivered
systemctl stop postgresql
for order in 3 4 5; do curl -fsS -d "{\"order\":\"$order\"}" http://127.0.0.1:8080/hooks/shop; done
